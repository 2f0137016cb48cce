"""Reads what one Python file imports out of its text, and whether only a run can tell."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Loaders by their last name, which means the same wherever it comes from.
_LOADERS = {
    "LightningCLI",
    "SourceFileLoader",
    "__import__",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "entry_points",
    "exec_module",
    "import_module",
    "import_string",
    "importorskip",
    "iter_entry_points",
    "load_module",
    "load_source",
    "run_module",
    "run_path",
    "spec_from_file_location",
}
# Loaders whose last name is too common: `model.eval()` is none.
_QUALIFIED = {
    "eval",
    "exec",
    "hydra.utils.call",
    "hydra.utils.get_class",
    "hydra.utils.get_method",
    "hydra.utils.get_object",
    "hydra.utils.instantiate",
    "lazy_loader.attach",
    "lazy_loader.attach_stub",
    "lazy_loader.load",
    "os.popen",
    "os.startfile",
    "os.system",
    "pkgutil.resolve_name",
    "pydoc.locate",
    "pydoc.safeimport",
    "pty.spawn",
    "torch.hub.load",
}
_QUALIFIED_STARTS = ("os.exec", "os.posix_spawn", "os.spawn")
# A new process may run any script of the repository.
_PROCESSES = {"pexpect", "subprocess"}
# Handed on as a whole, these give away all their loaders.
_HOLDERS = {"__builtins__", "builtins", "importlib", "pkgutil", "pydoc", "runpy"}
_TAKES_A_NAME = {"__import__", "import_module", "importorskip", "locate", "resolve_name"}
_CATCHES = {"BaseException", "Exception", "ImportError", "ModuleNotFoundError"}


@dataclass(frozen=True, slots=True)
class FileImports:
    """The imports of one file.

    `names` are dotted names that may be modules or names inside modules; relative ones start with
    dots. `dynamic` says that the file also imports by a name that only a run can know. `required`
    are the first parts of those names that the file cannot do without, `paths` the Python files
    that it names as text.
    """

    names: tuple[str, ...] = ()
    dynamic: bool = False
    readable: bool = True
    required: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()


def read_imports(source: str) -> FileImports:
    """Collect every import of the text, also those inside functions and `try`."""
    try:
        return _Reader(list(ast.walk(ast.parse(source)))).read()
    except (SyntaxError, ValueError, RecursionError):
        return FileImports(dynamic=True, readable=False)


class _Reader:
    """Goes through the nodes of one file; holds what it has found so far."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self._nodes = nodes
        self._optional = {id(node) for node in _optional(nodes)}
        self._meant = _bindings(nodes)
        self._bases = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        self._literal: set[int] = set()
        self._names: list[str] = []
        self._required: set[str] = set()
        self._paths: list[str] = []
        self._dynamic = False

    def read(self) -> FileImports:
        """Read every node."""
        for node in self._nodes:
            self._read(node)
        # Calls with a literal name are known by now; every other use of a loader is a doubt.
        dynamic = self._dynamic or any(map(self._is_loader, self._nodes))
        names, paths = tuple(self._names), tuple(self._paths)
        return FileImports(names, dynamic, True, frozenset(self._required), paths)

    def _read(self, node: ast.AST) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    self._add(alias.name, node)
            case ast.ImportFrom():
                self._read_from(node)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() if _is_plugin_list(node):
                plugins = _literal_plugins(node.value)
                self._names += plugins or []
                self._dynamic = self._dynamic or plugins is None
            case ast.Name(id="pytest_plugins", ctx=ast.Load()):
                self._dynamic = True
            case ast.Call():
                self._read_call(node)
            case ast.Constant(value=str(text)) if text.endswith(".py"):
                self._paths.append(text.replace("\\", "/"))
                self._dynamic = self._dynamic or _is_pattern(text)
            case ast.Constant(value=str(text)) if text in _LOADERS:
                self._dynamic = True  # getattr(importlib, "import_module")
            case (
                ast.JoinedStr(values=[_, *_, ast.Constant(value=str(end))])
                | ast.BinOp(op=ast.Add(), right=ast.Constant(value=str(end)))
            ) if end.endswith(".py"):
                self._dynamic = True

    def _add(self, name: str, node: ast.AST) -> None:
        self._names.append(name)
        top = name.partition(".")[0]
        self._dynamic = self._dynamic or top in _PROCESSES
        if id(node) not in self._optional:
            self._required.add(top)

    def _read_from(self, node: ast.ImportFrom) -> None:
        origin = "." * node.level + (node.module or "")
        dot = "" if origin.endswith(".") else "."
        self._add(origin, node)
        self._names += [f"{origin}{dot}{alias.name}" for alias in node.names]
        if node.names[0].name == "*":
            self._dynamic = self._dynamic or origin in {_module_of(name) for name in _QUALIFIED}

    def _read_call(self, node: ast.Call) -> None:
        loaders = {name.rpartition(".")[2] for name in self._loaders(node.func)}
        literal = _literal_name(node) if loaders and loaders <= _TAKES_A_NAME else None
        if literal is None or ("__import__" in loaders and node.keywords):
            return
        if "importorskip" in loaders:
            self._names.append(literal)
        else:
            self._add(literal, node)
        self._literal.add(id(node.func))

    def _is_loader(self, node: ast.AST) -> bool:
        """Whether the node is a loader that was handed on, or called with who knows what."""
        if not isinstance(node, ast.Name | ast.Attribute) or id(node) in self._literal:
            return False
        if not isinstance(node.ctx, ast.Load):
            return False
        is_base = id(node) in self._bases
        return any(self._loaders(node)) or (not is_base and self._holds_loaders(node))

    def _holds_loaders(self, node: ast.expr) -> bool:
        return not _HOLDERS.isdisjoint(self._meanings(node))

    def _loaders(self, node: ast.expr) -> Iterator[str]:
        for name in self._meanings(node):
            name = name.removeprefix("builtins.").removeprefix("__builtins__.")
            known = name in _QUALIFIED or name.startswith(_QUALIFIED_STARTS)
            if known or name.rpartition(".")[2] in _LOADERS:
                yield name

    def _meanings(self, node: ast.expr) -> Iterable[str]:
        """Return the dotted names that an expression can stand for."""
        if isinstance(node, ast.Name):
            return self._meant.get(node.id) or {node.id}
        if isinstance(node, ast.Attribute):
            return {f"{base}.{node.attr}" for base in self._meanings(node.value)}
        return {"?"}


def _module_of(name: str) -> str:
    return name.rpartition(".")[0]


def _bindings(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """Map each name that an import binds to the dotted names it can stand for."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top].add(alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                found[alias.asname or alias.name].add(f"{origin}.{alias.name}")
    return found


def _optional(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes whose imports may fail, or never run."""
    for node in nodes:
        match node:
            case ast.Try() | ast.TryStar() if any(
                _catches(handler.type) for handler in node.handlers
            ):
                body = node.body
            case ast.With() if any(_suppresses(item.context_expr) for item in node.items):
                body = node.body
            case ast.If() if _last(node.test) == "TYPE_CHECKING":
                body = node.body
            case _:
                continue
        for statement in body:
            yield from ast.walk(statement)


def _catches(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches, caught.elts))
    return caught is None or _last(caught) in _CATCHES


def _suppresses(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and _last(expression.func) == "suppress"
        and any(map(_catches, expression.args))
    )


def _is_pattern(text: str) -> bool:
    """Whether a file's name still has to be filled in, as in "{}.py"."""
    return not any(map(str.isspace, text)) and any(mark in text for mark in "%{*")


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _literal_name(call: ast.Call) -> str | None:
    match call.args:
        # A relative name counts from whatever its `package` is.
        case [ast.Constant(value=str(name))] if name and not name.startswith("."):
            return name.replace(":", ".")
    return None


def _is_plugin_list(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
    """Whether this is the variable by which a conftest names modules that pytest imports."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(to, ast.Name) and to.id == "pytest_plugins" for to in targets)


def _literal_plugins(value: ast.expr | None) -> list[str] | None:
    if value is None:
        return []
    listed = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else [value]
    names = [node.value for node in listed if isinstance(node, ast.Constant)]
    found = [name for name in names if isinstance(name, str)]
    return found if len(found) == len(listed) else None
