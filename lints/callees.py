"""Which function a call runs: one of this file, or by its full name one of another."""

import ast
from collections import defaultdict
from functools import cached_property

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
_MAKE_THEIR_OWN = {"from_pretrained", "from_config", "_from_config"}
_RUN_BY_CALLING = ("__call__", "forward")
_DEEPEST = 9
# More classes than this are a registry's.
_MOST_CLASSES = 4


class Callees:
    """Follows calls through local definitions, imports, and the classes of objects."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings) -> None:
        self._syntax = syntax
        self._names = names
        self.bindings = bindings
        self._known: dict[ast.Call, Function | str | None] = {}
        self._of_class: dict[tuple[ast.ClassDef, str], Function | str | None] = {}

    def of(self, call: ast.Call) -> Function | str | None:
        """Return the function of this file that a call runs, or the full name of one elsewhere."""
        if call not in self._known:
            self._known[call] = self._find(call.func) or self._next(call)
        return self._known[call]

    def own(self, call: ast.Call) -> Function | None:
        """Return the function of this file that a call runs; most calls are told by their name."""
        called = self.of(call) if self._may_be_own(call) else None
        return called if isinstance(called, Function) else None

    def _may_be_own(self, call: ast.Call) -> bool:
        last = getattr(call.func, "attr", getattr(call.func, "id", None))
        if last is None or last in self.own_names:
            return True
        if last == "next":
            return "__next__" in self.own_names
        # An object that is called runs a method of its class.
        calls_objects = not self.own_names.isdisjoint(_RUN_BY_CALLING)
        return calls_objects and self._may_be_object(call.func)

    @cached_property
    def own_names(self) -> set[str]:
        """The names of all functions and methods of this file."""
        return {function.name for function in self._syntax.functions}

    def has_base_elsewhere(self, node: ast.AST) -> bool:
        """Whether the class around derives from one of another file, which may declare more."""
        home = self._names.own_class(node)
        bases = self._names.direct_bases(home) if home else []
        return any(self._names.outside.defines(b) for b in bases if not b.startswith(LIBRARIES))

    def alternatives(self, call: ast.Call) -> list[str]:
        """Return the full names of methods of other files, one of which a call runs.

        `self.loss(x)` may call an object of one class or of another, as the options want.
        """
        found: set[str] = set()
        for owner, method in _owners(call.func):
            if owner is call.func and not self._may_be_object(owner):
                continue
            path = path_of(owner)
            bindings = self.bindings_of(owner, path) if path else []
            homes = {self._bound(binding, _DEEPEST) for binding in bindings}
            named = {home for home in homes if isinstance(home, str)}
            if 1 < len(named) <= _MOST_CLASSES:
                found |= {f"{home}.{method}" for home in named if not home.startswith(LIBRARIES)}
        return sorted(found)

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
            if isinstance(func.value, ast.Name) and func.value.id in ("self", "cls"):
                home = self._names.own_class(func)
                return self._of_self(func, home) if home else None
            if found := self._method(self._class_of(func.value), func.attr):
                return found
        return self._run_by_calling(func) if self._may_be_object(func) else None

    def _of_self(self, func: ast.Attribute, home: ast.ClassDef) -> Function | str | None:
        """Return what `self.x()` runs that is no method of the class: alike in all its methods."""
        key = home, func.attr
        if key not in self._of_class:
            self._of_class[key] = self._inherited(func, home) or self._run_by_calling(func)
        return self._of_class[key]

    def _run_by_calling(self, func: ast.expr) -> Function | str | None:
        """Return the method that runs where an object is called."""
        home = self._class_of(func)
        if isinstance(home, ast.ClassDef):
            return self._names.method(home, "forward") or self._names.method(home, "__call__")
        return f"{home}.__call__" if home else None

    def calls_object(self, call: ast.Call) -> bool:
        """Whether a call runs an object of a known class, wherever that class has it from."""
        return self._may_be_object(call.func) and self._class_of(call.func) is not None

    def _may_be_object(self, func: ast.expr) -> bool:
        """Whether the file may bind what is called here to an object."""
        last = getattr(func, "attr", getattr(func, "id", None))
        return last in (None, "module") or last in self._syntax.bound_names

    def _inherited(self, func: ast.Attribute, home: ast.ClassDef) -> str | None:
        """Return which method of a base class in another file `self.x()` runs."""
        if self.bindings_of(func, ("self", f".{func.attr}")):
            return None
        bases = self._names.direct_bases(home)
        methods = [f"{base}.{func.attr}" for base in bases if not base.startswith(LIBRARIES)]
        return next((name for name in methods if self._names.outside.defines(name)), None)

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
            return self._element(node, depth - 1)
        if path[-1] == ".module" and isinstance(node, ast.Attribute):
            return self._class_of(node.value, depth - 1)
        homes = {self._bound(binding, depth - 1) for binding in self.bindings_of(node, path)}
        homes.discard(None)
        return homes.pop() if len(homes) == 1 else None

    def _element(self, node: ast.expr, depth: int) -> ast.ClassDef | str | None:
        """Return the class of `self.models[name]`, where all that is put there is of one class."""
        return self._class_in(node.value, (), depth) if isinstance(node, ast.Subscript) else None

    def _class_in(
        self, source: ast.expr, at: tuple[int | None, ...], depth: int
    ) -> ast.ClassDef | str | None:
        """Return the class of what a loop takes out of a list of modules, where it is one."""
        if not depth:
            return None
        match source:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]) if at[:1] == (1,):
                return self._class_in(inner, at[1:], depth - 1)
            case ast.Call(func=ast.Name(id="zip"), args=args) if at and at[0] is not None:
                given = args[at[0]] if at[0] < len(args) else None
                return self._class_in(given, at[1:], depth - 1) if given else None
            case ast.Call(args=[inner]) if self._names.of(source.func) == "torch.nn.ModuleList":
                return self._class_in(inner, at, depth - 1)
            case ast.Subscript(value=inner, slice=ast.Slice()):
                return self._class_in(inner, at, depth - 1)
        if at:
            return None
        match source:
            case ast.ListComp(elt=each) | ast.GeneratorExp(elt=each):
                return self._class_of(each, depth - 1)
            case ast.List(elts=parts):
                homes = {self._class_of(part, depth - 1) for part in parts}
            case ast.Name() | ast.Attribute() if path := path_of(source):
                bound = [b.source for b in self.bindings_of(source, path) if b.path == path]
                lists = [each for each in bound if isinstance(each, ast.expr)]
                homes = {self._class_in(each, (), depth - 1) for each in lists}
                put_in = self._put_in.get((self._names.own_class(source), path), ())
                homes |= {self._class_of(value, depth - 1) for value in put_in}
            case _:
                return None
        homes.discard(None)
        return homes.pop() if len(homes) == 1 else None

    @cached_property
    def _put_in(self) -> dict[tuple[ast.ClassDef | None, tuple[str, ...]], list[ast.expr]]:
        """What is put into a container of a class, by `x[key] = value` or `x.append(value)`."""
        found: dict[tuple[ast.ClassDef | None, tuple[str, ...]], list[ast.expr]]
        found = defaultdict(list)
        for statement in self._syntax.nodes(ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Subscript) and (path := path_of(target.value)):
                    found[self._names.own_class(target), path].append(statement.value)
        for call in self._syntax.calls_to("append"):
            if isinstance(call.func, ast.Attribute) and (path := path_of(call.func.value)):
                found[self._names.own_class(call), path].extend(call.args)
        return found

    def bindings_of(self, node: ast.expr, path: tuple[str, ...]) -> list[Binding]:
        """Return what may bind a path: of `self.x`, all that the methods of the class assign."""
        if path[0] in ("self", "cls") and len(path) == 2:
            home = self._names.own_class(node)
            if home is None:
                return []
            return self.bindings.of_methods(home, self._names.methods(home), path)
        found = [b for b in self.bindings.reaching(node, path) if b.path == path]
        if found:
            return found
        scope = self._names.home(node, path[0])
        return self.bindings.everywhere(scope, path) if scope else []

    def _bound(self, binding: Binding, depth: int) -> ast.ClassDef | str | None:
        if binding.how is How.ASSIGN and isinstance(binding.source, ast.expr) and not binding.at:
            return self._class_of(binding.source, depth)
        if binding.how is How.ITEM and isinstance(binding.source, ast.expr):
            return self._class_in(binding.source, binding.at, depth)
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
        if isinstance(call.func, ast.Attribute) and call.func.attr in _MAKE_THEIR_OWN:
            home = self._names.definition(call.func.value)
            return home if isinstance(home, ast.ClassDef) else self._names.of(call.func.value)
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


def _owners(func: ast.expr) -> list[tuple[ast.expr, str]]:
    """Return which objects a call may run which method of: `a.b()` runs `b`, or calls `a.b`."""
    if isinstance(func, ast.Attribute):
        return [(func, "__call__"), (func.value, func.attr)]
    return [(func, "__call__")]
