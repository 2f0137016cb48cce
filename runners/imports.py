"""Which files of a repository a Python file imports, found without running anything."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

_DYNAMIC = {
    "__import__",
    "eval",
    "exec",
    "exec_module",
    "import_module",
    "importorskip",
    "load_module",
    "run_module",
    "run_path",
    "spec_from_file_location",
}


@dataclass(frozen=True)
class FileImports:
    """The imports of one file.

    `names` are dotted names that may be modules or names inside modules; relative ones start with
    dots. `dynamic` says that the file also imports by a name that only a run can know.
    """

    names: tuple[str, ...] = ()
    dynamic: bool = False
    readable: bool = True


def read_imports(source: str) -> FileImports:
    """Collect every import of the text, also those inside functions and `try`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return FileImports(dynamic=True, readable=False)
    names: list[str] = []
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            dot = "" if origin.endswith(".") or not origin else "."
            names += [origin, *(f"{origin}{dot}{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Assign) and _is_plugin_list(node):
            found = _literal_plugins(node.value)
            names += found or []
            dynamic = dynamic or found is None
        elif isinstance(node, ast.Call) and _called(node) in _DYNAMIC:
            literal = _literal_name(node)
            names += [literal] if literal else []
            dynamic = dynamic or literal is None
    return FileImports(tuple(names), dynamic)


def _called(call: ast.Call) -> str:
    func = call.func
    if isinstance(func, ast.Attribute):
        # `model.eval()` is no import; the builtin is a bare name.
        return "" if func.attr in ("eval", "exec") else func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _literal_name(call: ast.Call) -> str | None:
    if _called(call) not in ("import_module", "importorskip", "__import__"):
        return None
    match call.args:
        # A relative name counts from whatever its `package` is.
        case [ast.Constant(value=str(name))] if not name.startswith("."):
            return name
    return None


def _is_plugin_list(node: ast.Assign) -> bool:
    """Whether this is the variable by which a conftest names modules that pytest imports."""
    return any(isinstance(to, ast.Name) and to.id == "pytest_plugins" for to in node.targets)


def _literal_plugins(value: ast.expr) -> list[str] | None:
    listed = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    names = [node.value for node in listed if isinstance(node, ast.Constant)]
    found = [name for name in names if isinstance(name, str)]
    return found if len(found) == len(listed) else None


class ImportGraph:
    """The import graph of one worktree. `files` are its tracked files, relative to `root`."""

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self._root = root
        self._files = [name for name in files if name.endswith(".py")]
        self._read: dict[str, FileImports] = {}

    @cached_property
    def modules(self) -> Mapping[str, tuple[str, ...]]:
        """Every dotted name a file can be imported by, with the files of that name.

        Any folder may be put on the path, so the name may begin at each of them.
        """
        found: dict[str, list[str]] = {}
        for name in self._files:
            parts = _dotted(name)
            for start in range(len(parts)):
                found.setdefault(".".join(parts[start:]), []).append(name)
        return {module: tuple(names) for module, names in found.items()}

    @cached_property
    def _packages(self) -> frozenset[str]:
        return package_folders(self._files)

    def closure(self, start: Iterable[str]) -> tuple[frozenset[str], bool]:
        """Return all files that running `start` can import, and whether more may come at run time.

        Of `start`, files that this side does not have are left out.
        """
        here = set(self._files)
        waiting, seen, dynamic = [name for name in start if name in here], set[str](), False
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            imports = self._imports(name)
            dynamic = dynamic or imports.dynamic
            waiting += self._imported(name, imports)
        return frozenset(seen), dynamic

    def _imports(self, name: str) -> FileImports:
        if name not in self._read:
            try:
                text = (self._root / name).read_text(encoding="utf-8", errors="replace")
            except OSError:
                self._read[name] = FileImports(dynamic=True, readable=False)
            else:
                self._read[name] = read_imports(text)
        return self._read[name]

    def _imported(self, importer: str, imports: FileImports) -> Iterator[str]:
        for dotted in imports.names:
            for absolute in self._absolute(importer, dotted):
                # Importing a.b.c runs a and a.b as well.
                parts = absolute.split(".")
                for end in range(1, len(parts) + 1):
                    yield from self.modules.get(".".join(parts[:end]), ())

    def _absolute(self, importer: str, dotted: str) -> Iterator[str]:
        if not dotted.startswith("."):
            yield dotted
            return
        name = dotted.lstrip(".")
        levels = len(dotted) - len(name)
        for own in module_names(importer, self._packages):
            is_package = PurePosixPath(importer).name == "__init__.py"
            package = own.split(".")[: None if is_package else -1]
            package = package[: len(package) - (levels - 1)]
            yield ".".join([*package, name] if name else package)


def package_folders(files: Iterable[str]) -> frozenset[str]:
    """Return the folders that hold an `__init__.py`."""
    paths = (PurePosixPath(name) for name in files)
    return frozenset(str(path.parent) for path in paths if path.name == "__init__.py")


def module_names(name: str, packages: frozenset[str]) -> tuple[str, ...]:
    """Return the dotted names that a file may be imported by.

    Counted from the repository's root, from a `src` folder, from the folder above its outermost
    package, and (as scripts and pytest do) from its own folder.
    """
    path = PurePosixPath(name)
    parts = _dotted(name)
    top = path.parent
    while str(top) in packages and str(top) != ".":
        top = top.parent
    starts = {0, len(top.parts)}
    if path.parts[0] == "src":
        starts.add(1)
    names = {".".join(parts[start:]) for start in starts}
    return tuple(sorted(found for found in names if found and _importable(found)))


def _dotted(name: str) -> list[str]:
    path = PurePosixPath(name)
    return [*path.parts[:-1], *([] if path.stem == "__init__" else [path.stem])]


def _importable(dotted: str) -> bool:
    return all(part.isidentifier() for part in dotted.split("."))
