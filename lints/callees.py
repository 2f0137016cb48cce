"""Which function a call runs: one of this file, or by its full name one of another."""

import ast

from .bindings import Binding, Bindings, How
from .names import Names
from .nodes import Function, path_of
from .outside import LIBRARIES
from .supplies import passed, returned_by
from .syntax import Syntax

# These give back the object that they are called on, or wrap the one that they are given.
_SAME_OBJECT = {"to", "cuda", "cpu", "train", "eval", "half", "float", "bfloat16", "requires_grad_"}
_WRAPPERS = {
    *("torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel", "torch.compile"),
    *("torch.jit.script", "torch.distributed.fsdp.FullyShardedDataParallel"),
    "torch.nn.SyncBatchNorm.convert_sync_batchnorm",
}
_DEEPEST = 9


class Callees:
    """Follows calls through local definitions, imports, and the classes of objects."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._known: dict[ast.Call, Function | str | None] = {}

    def of(self, call: ast.Call) -> Function | str | None:
        """Return the function of this file that a call runs, or the full name of one elsewhere."""
        if call not in self._known:
            self._known[call] = self._find(call.func) or self._next(call)
        return self._known[call]

    def _next(self, call: ast.Call) -> Function | str | None:
        """Return what `next(fetcher)` runs: a method of that object."""
        if self._names.builtin(call.func) != "next" or not call.args:
            return None
        return self._method(self._class_of(call.args[0]), "__next__")

    def _find(self, func: ast.expr) -> Function | str | None:
        defined = self._names.definition(func)
        if isinstance(defined, Function):
            return defined
        if defined is not None:
            return None  # making an object
        if name := self._names.of(func):
            return name
        if isinstance(func, ast.Attribute):
            found = self._method(self._class_of(func.value), func.attr) or self._inherited(func)
            if found is not None:
                return found
        home = self._class_of(func)
        if isinstance(home, ast.ClassDef):
            return self._names.method(home, "forward") or self._names.method(home, "__call__")
        return f"{home}.__call__" if home else None

    def _inherited(self, func: ast.Attribute) -> str | None:
        """Return which method of a base class in another file `self.x()` runs."""
        if not isinstance(func.value, ast.Name) or func.value.id not in ("self", "cls"):
            return None
        home = self._names.own_class(func)
        if home is None or self._bindings_of(func, (func.value.id, f".{func.attr}")):
            return None
        bases = (base for base in self._names.direct_bases(home) if "." in base)
        own = next((base for base in bases if not base.startswith(LIBRARIES)), None)
        return f"{own}.{func.attr}" if own else None

    def _method(self, home: ast.ClassDef | str | None, name: str) -> Function | str | None:
        if isinstance(home, ast.ClassDef):
            return self._names.method(home, name)
        return f"{home}.{name}" if home else None

    def _class_of(self, node: ast.expr, depth: int = _DEEPEST) -> ast.ClassDef | str | None:
        """Return the class of an object, where one constructor call made it for certain."""
        if not depth:
            return None
        if isinstance(node, ast.Call):
            return self._made_by(node, depth - 1)
        path = path_of(node)
        if path is None:
            return None
        if path[-1] == ".module" and isinstance(node, ast.Attribute):
            return self._class_of(node.value, depth - 1)
        homes = {self._bound(binding, depth - 1) for binding in self._bindings_of(node, path)}
        homes.discard(None)
        return homes.pop() if len(homes) == 1 else None

    def _bindings_of(self, node: ast.expr, path: tuple[str, ...]) -> list[Binding]:
        if path[0] in ("self", "cls") and len(path) == 2:
            home = self._names.own_class(node)
            if home is None:
                return []
            return self._bindings.of_methods(home, self._names.methods(home), path)
        found = [b for b in self._bindings.reaching(node, path) if b.path == path]
        if found:
            return found
        scope = self._names.home(node, path[0])
        return self._bindings.everywhere(scope, path) if scope else []

    def _bound(self, binding: Binding, depth: int) -> ast.ClassDef | str | None:
        if binding.how is How.ASSIGN and isinstance(binding.source, ast.expr) and not binding.at:
            return self._class_of(binding.source, depth)
        if binding.how is How.PARAMETER and isinstance(binding.source, ast.arg):
            annotation = binding.source.annotation
            defined = self._names.definition(annotation) if annotation else None
            if isinstance(defined, ast.ClassDef):
                return defined
            named = self._names.of(annotation) if annotation else None
            return named or self._passed(binding.site, binding.source.arg, depth)
        return None

    def _passed(self, function: ast.AST, name: str, depth: int) -> ast.ClassDef | str | None:
        """Return the class of what all calls of this file pass as a parameter."""
        if not isinstance(function, Function) or not depth:
            return None
        given = (passed(call, function, name) for call in self._names.callers(function))
        homes = {self._class_of(value, depth - 1) for value in given if value is not None}
        homes.discard(None)
        return homes.pop() if len(homes) == 1 else None

    def _made_by(self, call: ast.Call, depth: int) -> ast.ClassDef | str | None:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _SAME_OBJECT:
            return self._class_of(call.func.value, depth)
        defined = self._names.definition(call.func)
        if isinstance(defined, ast.ClassDef):
            return defined
        if defined is not None:
            return self.given_back(defined, depth)
        name = self._names.of(call.func)
        if name in _WRAPPERS and call.args:
            return self._class_of(call.args[0], depth)
        if name is None:
            return None
        # By custom only classes begin with a capital letter.
        if name.rsplit(".", 1)[-1].lstrip("_")[:1].isupper():
            return name
        return self._names.outside.made(name)

    def given_back(self, function: Function, depth: int = _DEEPEST) -> ast.ClassDef | str | None:
        """Return the class of the object that a function of this file gives back for certain."""
        if not depth:
            return None
        homes = {self._class_of(value, depth - 1) for value in returned_by(function)}
        homes.discard(None)
        return homes.pop() if len(homes) == 1 else None
