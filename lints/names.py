"""What names stand for: imports under any alias, local functions and classes, their bases."""

import ast
import builtins
from bisect import bisect_left, bisect_right
from collections import defaultdict
from functools import cached_property, lru_cache

from .nodes import Function, dotted
from .outside import LIBRARIES, Outside
from .syntax import Syntax

# One class, several addresses: the left one is how torch's own documentation calls it.
_SAME = {
    "torch.nn.parallel.DataParallel": "torch.nn.DataParallel",
    "torch.nn.parallel.data_parallel.DataParallel": "torch.nn.DataParallel",
    "torch.utils.data.dataloader.DataLoader": "torch.utils.data.DataLoader",
    "torch.utils.data.dataset.TensorDataset": "torch.utils.data.TensorDataset",
    "torch.utils.data.dataset.IterableDataset": "torch.utils.data.IterableDataset",
    "torch.autograd.no_grad": "torch.no_grad",
    "torch.autograd.grad_mode.no_grad": "torch.no_grad",
    "torch.nn.Module": "torch.nn.Module",
}
_MOVED = (
    ("lightning.pytorch.", "pytorch_lightning."),
    ("lightning.", "pytorch_lightning."),
    ("pytorch_lightning.pytorch.", "pytorch_lightning."),
    ("pytorch_lightning.core.module.", "pytorch_lightning."),
    ("pytorch_lightning.core.", "pytorch_lightning."),
    ("pytorch_lightning.callbacks.", "pytorch_lightning."),
    ("transformers.trainer.", "transformers."),
    ("transformers.trainer_callback.", "transformers."),
    ("torch.nn.modules.module.", "torch.nn."),
    ("torch.nn.modules.loss.", "torch.nn."),
    ("torch.nn.modules.", "torch.nn."),
)

# What people call these modules: who takes all names of another module takes them from there.
_USUAL = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", "np": "numpy"}

Definition = Function | ast.ClassDef


class Names:
    """The names of one file, by the scope that binds them."""

    def __init__(self, syntax: Syntax, outside: Outside) -> None:
        self._syntax = syntax
        self.outside = outside
        self._imports: dict[ast.AST, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._defined: dict[ast.AST, dict[str, list[Definition]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._other: dict[ast.AST, dict[str, list[ast.AST]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._bound: dict[ast.AST, set[str]] = defaultdict(set)
        self._methods: dict[ast.ClassDef, list[Function]] = {}
        self._callers: dict[Function, list[ast.Call]] | None = None
        self._seen: dict[tuple[ast.AST, str], ast.AST | None] = {}
        self._of_node: dict[ast.AST, str | None] = {}
        self._full: dict[tuple[ast.AST, str], str | None] = {}
        self._own: dict[ast.ClassDef, dict[str, Function]] = {}
        self._below: dict[ast.ClassDef, list[ast.ClassDef]] = {}
        self._stars: list[str] = []
        self._packages: set[str] | None = None
        self._collect()

    def of(self, node: ast.AST) -> str | None:
        """Return the full name, as in `torch.nn.Linear`, that an expression imports; else None."""
        if node in self._of_node:
            return self._of_node[node]
        text = dotted(node)
        name = None
        if text is not None:
            key = self._syntax.scope(node), text
            if key not in self._full:
                self._full[key] = self._imported(node, text)
            name = self._full[key]
        self._of_node[node] = name
        return name

    def _imported(self, node: ast.AST, text: str, depth: int = 3) -> str | None:
        first, _, rest = text.partition(".")
        scope = self._scope_of(node, first)
        if scope is None and self._takes_all and not hasattr(builtins, first):
            return self._from_stars(first, rest)
        if scope is None or first in self._defined.get(scope, ()):
            return None
        imported = self._imports[scope].get(first) if scope in self._imports else None
        bound = self._other[scope].get(first, []) if scope in self._other else []
        if not imported:
            # `DL = torch.utils.data.DataLoader` is one more name for it.
            source = self._syntax.parent(bound[0]) if len(bound) == 1 else None
            if not depth or not isinstance(source, ast.Assign) or bound[0] not in source.targets:
                return None
            alias = dotted(source.value)
            if alias is None or alias.split(".")[0] == first:
                return None
            alias = f"{alias}.{rest}" if rest else alias
            return self._imported(source, alias, depth - 1)
        if any(not self._stands_in(name) for name in bound):
            return None
        targets = {canonical(target) for target in imported}
        # `try: import a as x / except ImportError: import b as x` could be either.
        if len(targets) != 1:
            return None
        return canonical(f"{targets.pop()}.{rest}" if rest else targets.pop())

    def _from_stars(self, first: str, rest: str) -> str | None:
        """Return what an unbound name stands for where modules of the project give all of theirs.

        `from models.blocks import *` brings what this module defines, and the `torch` it imports.
        """
        name = f"{first}.{rest}" if rest else first
        if not first.startswith("_"):
            # Of two that bring the same name, the last one does.
            for star in reversed(self._stars):
                if self.outside.defines(found := f"{star.removesuffix('*')}{name}"):
                    return found
        usual = _USUAL.get(first)
        return canonical(f"{usual}.{rest}" if rest else usual) if usual else None

    @cached_property
    def _takes_all(self) -> bool:
        """Whether the file takes all names of a module that may be the project's own."""
        return any(not module.startswith(LIBRARIES) for module in self._stars)

    def definition(self, node: ast.AST) -> Definition | None:
        """Return the function or class of this file that an expression names, `self.x` included."""
        if isinstance(node, ast.Name):
            return self._local(node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("self", "cls"):
                home = self.own_class(node)
                return self.method(home, node.attr) if home else None
            named = self._local(node.value)
            if isinstance(named, ast.ClassDef):
                return self.method(named, node.attr)
        return None

    def global_definition(self, name: str) -> Definition | None:
        """Return what the module calls `function`, `Class` or `Class.method`.

        `Class.__call__` is what an object runs when it is called, `forward` of modules included.
        """
        head, _, rest = name.partition(".")
        found = self._defined[self._syntax.tree].get(head, [])
        home = found[0] if len(found) == 1 else None
        if not rest or home is None:
            return home
        if not isinstance(home, ast.ClassDef) or "." in rest:
            return None
        if rest == "__call__":
            return self.method(home, "forward") or self.method(home, "__call__")
        return self.method(home, rest)

    def at_top(self) -> tuple[frozenset[str], dict[str, list[str]]]:
        """Return the names that the module gives itself, and what those that it imports stand for.

        Under `*` stand the modules of which it takes all names.
        """
        module = self._syntax.tree
        own = frozenset((*self._defined[module], *self._other[module]))
        return own, {name: sorted(found) for name, found in self._imports[module].items()}

    def method(self, home: ast.ClassDef, name: str, depth: int = 4) -> Function | None:
        """Return a method of a class, or of one of its bases in the same file."""
        if home not in self._own:
            functions = [each for each in home.body if isinstance(each, Function)]
            self._own[home] = {each.name: each for each in reversed(functions)}
        if own := self._own[home].get(name):
            return own
        for base in home.bases if depth else ():
            local = self.definition(base) if isinstance(base, ast.Name) else None
            if not isinstance(local, ast.ClassDef) or local is home:
                continue
            if found := self.method(local, name, depth - 1):
                return found
        return None

    def methods(self, home: ast.ClassDef) -> list[Function]:
        """Return the methods of a class, and the functions within them."""
        if home not in self._methods:
            functions, last = self._syntax.functions, home.end_lineno or home.lineno
            start = bisect_left(functions, home.lineno, key=_line)
            inside = functions[start : bisect_right(functions, last, key=_line)]
            self._methods[home] = [f for f in inside if self.own_class(f) is not None]
        return self._methods[home]

    def own_class(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class whose method this node stands in, closures included."""
        for _, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.ClassDef):
                return parent
        return None

    def below(self, home: ast.ClassDef) -> list[ast.ClassDef]:
        """Return the classes of this file that derive from one of it, however far down."""
        if home not in self._below:
            found: dict[ast.ClassDef, None] = {}
            todo = [home]
            while todo:
                new = [each for each in self._right_below.get(todo.pop(), ()) if each not in found]
                found.update(dict.fromkeys(new))
                todo += new
            self._below[home] = list(found)
        return self._below[home]

    @cached_property
    def _right_below(self) -> dict[ast.ClassDef, list[ast.ClassDef]]:
        found: dict[ast.ClassDef, list[ast.ClassDef]] = defaultdict(list)
        for each in self._syntax.classes:
            for base in each.bases:
                local = self.definition(base) if isinstance(base, ast.Name) else None
                if isinstance(local, ast.ClassDef) and local is not each:
                    found[local].append(each)
        return found

    def overriding(self, call: ast.Call) -> list[Function]:
        """Return the methods of derived classes of this file that `self.x()` may run as well."""
        func = call.func
        if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
            return []
        if not self._right_below:
            return []
        home = self.own_class(call) if func.value.id in ("self", "cls") else None
        below = self.below(home) if home is not None else ()
        own = (self.method(each, func.attr, depth=0) for each in below)
        return [method for method in own if method is not None]

    def bases(self, home: ast.ClassDef, depth: int = 4) -> set[str]:
        """Return the full names of all imported bases, through classes of the same file."""
        found: set[str] = set()
        for base in home.bases:
            if name := self.of(base):
                found |= {name, *self.outside.bases(name)}
            elif depth and isinstance(local := self.definition(base), ast.ClassDef):
                found |= self.bases(local, depth - 1)
        return found

    def direct_bases(self, home: ast.ClassDef, depth: int = 4) -> list[str]:
        """Return the imported classes that a class derives from here, in the order of the text."""
        found: list[str] = []
        for base in home.bases:
            if name := self.of(base):
                found.append(name)
            elif depth and isinstance(local := self.definition(base), ast.ClassDef):
                found += self.direct_bases(local, depth - 1)
        return found

    def imports(self, *packages: str) -> bool:
        """Whether the file imports anything of one of these packages."""
        if self._packages is None:
            self._packages = {
                target.split(".")[0]
                for scope in self._imports.values()
                for targets in scope.values()
                for target in targets
            }
            if self._takes_all and any(n.id == "torch" for n in self._syntax.nodes(ast.Name)):
                self._packages.add("torch")
        return not self._packages.isdisjoint(packages)

    def builtin(self, node: ast.AST) -> str | None:
        """Return the name of a builtin that nothing in the file hides."""
        if not isinstance(node, ast.Name) or not hasattr(builtins, node.id):
            return None
        return node.id if self._scope_of(node, node.id) is None else None

    def stores(self, node: ast.Name) -> list[ast.AST]:
        """Return what binds a name that is used here, imports and definitions aside."""
        scope = self._scope_of(node, node.id)
        return self._other[scope].get(node.id, []) if scope in self._other else []

    def callers(self, function: Function) -> list[ast.Call]:
        """Return the calls of this file that run a function of this file."""
        if self._callers is None:
            self._callers = defaultdict(list)
            for name in dict.fromkeys(function.name for function in self._syntax.functions):
                for call in self._syntax.calls_to(name):
                    if isinstance(called := self.definition(call.func), Function):
                        self._callers[called].append(call)
                    for method in self.overriding(call):
                        self._callers[method].append(call)
            for home in self._syntax.classes:
                made = self.method(home, "__init__", depth=0)
                for call in self._syntax.calls_to(home.name) if made else ():
                    if made and self.definition(call.func) is home:
                        self._callers[made].append(call)
        return self._callers.get(function, [])

    def home(self, node: ast.AST, name: str) -> ast.AST | None:
        """Return the scope that binds a name which this node uses; None for builtins."""
        return self._scope_of(node, name)

    def _local(self, node: ast.Name) -> Definition | None:
        scope = self._scope_of(node, node.id)
        if scope is None or scope not in self._defined:
            return None
        if node.id in self._other[scope] or self._imports[scope].get(node.id):
            return None
        found = self._defined[scope].get(node.id, [])
        return found[0] if len(found) == 1 else None

    def _scope_of(self, node: ast.AST, name: str) -> ast.AST | None:
        scope = self._syntax.scope(node)
        key = scope, name
        if key not in self._seen:
            self._seen[key] = self._binder(scope, name)
        return self._seen[key]

    def _binder(self, scope: ast.AST, name: str) -> ast.AST | None:
        inner = True
        while True:
            # Names of a class body are not seen from its methods.
            if (inner or not isinstance(scope, ast.ClassDef)) and name in self._bound[scope]:
                return scope
            if isinstance(scope, ast.Module):
                return None
            scope = self._syntax.scope(scope)
            inner = False

    def _stands_in(self, name: ast.AST) -> bool:
        """Whether this is the `x = None` of a package that may not be installed."""
        source = self._syntax.parent(name)
        if not isinstance(source, ast.Assign) or not isinstance(source.value, ast.Constant):
            return False
        return source.value.value in (None, False)

    def _collect(self) -> None:
        syntax = self._syntax
        for name in syntax.stores:
            self._other[syntax.scope(name)][name.id].append(name)
        for definition in (*syntax.functions, *syntax.classes):
            self._defined[syntax.scope(definition)][definition.name].append(definition)
        for owner in (*syntax.functions, *syntax.nodes(ast.Lambda)):
            for parameter in parameters(owner.args):
                self._other[owner][parameter].append(owner)
        parts: list[ast.ExceptHandler | ast.MatchAs] = [
            *syntax.nodes(ast.ExceptHandler),
            *syntax.nodes(ast.MatchAs),
        ]
        for part in parts:
            if part.name:
                self._other[syntax.scope(part)][part.name].append(part)
        for statement in syntax.nodes(ast.Import):
            for alias in statement.names:
                bound = alias.asname or alias.name.split(".")[0]
                target = alias.name if alias.asname else bound
                self._imports[syntax.scope(statement)][bound].add(target)
        for source in syntax.nodes(ast.ImportFrom):
            for alias in source.names:
                target = "." * source.level + ".".join(filter(None, (source.module, alias.name)))
                self._imports[syntax.scope(source)][alias.asname or alias.name].add(target)
                if alias.name == "*":
                    self._stars.append(target)
        for table in (self._imports, self._defined, self._other):
            for scope, names in table.items():
                self._bound[scope].update(names)


def _line(function: Function) -> int:
    return function.lineno


def parameters(args: ast.arguments) -> set[str]:
    """Return the names of all parameters."""
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {arg.arg for arg in every if arg is not None}


@lru_cache(maxsize=10_000)
def canonical(name: str) -> str:
    """Return one name for what can be imported from several places."""
    for prefix, instead in _MOVED:
        if f"{name}.".startswith(prefix):
            name = (instead + f"{name}.".removeprefix(prefix)).removesuffix(".")
    return _SAME.get(name, name)
