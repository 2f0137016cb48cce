"""Which loaders an expression can be: through names, helpers, tuples, dictionaries, wrappers."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .bindings import Binding, Bindings, How, Path
from .loader_kinds import Makers
from .names import Names
from .nodes import (
    OWN_TIME,
    Function,
    is_none,
    keyword,
    own_statements,
    path_of,
    returns_of,
    within,
)
from .syntax import Syntax

_AROUND = {"enumerate", "tqdm", "iter", "islice", "progress_bar", "track"}
# These hand on what is in a loader, in a form of their own.
_REPEATS = ("cycle", "repeat", "infinite", "forever", "loop", "prefetch")
_PREPARES = {"prepare", "setup_dataloaders", "prepare_data_loader", "prepare_dataloader"}

At = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """The loaders that an expression can be.

    `complete`: as far as the file can say it is one of these; `prepared`: a framework moves its
    batches to the device.
    """

    loaders: frozenset[ast.Call] = frozenset()
    complete: bool = False
    prepared: bool = False


NOTHING = Supply()


class Supplies:
    """Follows expressions back to the calls that made the loaders."""

    def __init__(self, syntax: Syntax, names: Names, bindings: Bindings, makers: Makers) -> None:
        self._syntax = syntax
        self._names = names
        self._bindings = bindings
        self._makers = makers
        self._known: dict[tuple[ast.AST, At], Supply] = {}

    def of(self, node: ast.AST, at: At = ()) -> Supply:
        """Return the loaders that an expression, or a part of it, can be."""
        if not self._makers.any:
            return NOTHING
        if (node, at) not in self._known:
            self._known[node, at] = NOTHING  # a name that is bound to itself ends here
            self._known[node, at] = self._work_out(node, at)
        return self._known[node, at]

    def _work_out(self, node: ast.AST, at: At) -> Supply:
        match node:
            case ast.Call():
                return self._call(node, at)
            case ast.IfExp(body=body, orelse=orelse):
                return join([self.of(body, at), self.of(orelse, at)])
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.of(value, at)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) if at and at[0] is not None:
                return self.of(parts[at[0]], at[1:]) if at[0] < len(parts) else NOTHING
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._reference(node, at)
        return NOTHING

    def _call(self, call: ast.Call, at: At) -> Supply:
        if self._makers.of(call):
            return Supply(frozenset({call}), complete=True) if not at else NOTHING
        name = called_name(call)
        if name in _AROUND and call.args:
            return self.of(call.args[0])
        if name in _PREPARES and call.args:
            number = at[0] if at else 0
            if number is None or number >= len(call.args) or (not at and len(call.args) > 1):
                return NOTHING
            return replace(self.of(call.args[number]), prepared=True)
        defined = self._names.definition(call.func)
        if isinstance(defined, Function):
            if any(isinstance(node, ast.Yield) for node in within_body(defined)):
                return self._around(call)
            return join([self.of(value, at) for value in returned_by(defined)])
        if name.lower().endswith("prefetcher") or name.lower().startswith(_REPEATS):
            return self._around(call)
        return NOTHING

    def _around(self, call: ast.Call) -> Supply:
        """Return what goes into something that hands batches on, of which no more is known."""
        inside = [self.of(arg) for arg in call.args]
        loaders = frozenset(loader for supply in inside for loader in supply.loaders)
        return Supply(loaders, complete=False, prepared=True)

    def _reference(self, node: ast.Name | ast.Attribute | ast.Subscript, at: At) -> Supply:
        path = path_of(node)
        if path is None:
            return self.inside(node.value) if isinstance(node, ast.Subscript) else NOTHING
        found = self._found(node, path)
        if not found and isinstance(node, ast.Subscript):
            return self.inside(node.value)
        return join([self._bound(binding, node, path, at) for binding in found])

    def _found(self, node: ast.AST, path: Path) -> list[Binding]:
        if path[0] in ("self", "cls") and len(path) > 1:
            home = self._names.own_class(node)
            methods = self._names.methods(home) if home else []
            if home is None or not methods:
                return []
            found = self._bindings.of_methods(home, methods, path)
            found = found or self._bindings.of_methods(home, methods, path[:2])
            # `self.loader = None` in `__init__` only declares it.
            return [b for b in found if not is_none(b.source)]
        found = self._bindings.reaching(node, path)
        if not found and (outer := self._names.home(node, path[0])):
            found = self._bindings.everywhere(outer, path)
            found = found or self._bindings.everywhere(outer, path[:1])
        return [binding for binding in found if not is_none(binding.source)]

    def _bound(self, binding: Binding, node: ast.AST, path: Path, at: At) -> Supply:
        rest = path[len(binding.path) :]
        match binding:
            case Binding(how=How.ASSIGN, source=source) if source is not None:
                if not rest:
                    return self.of(source, (*binding.at, *at))
                return self._key(source, rest) if len(rest) == 1 else NOTHING
            case Binding(how=How.ENTER, source=ast.Call() as source) if not rest:
                # `with tqdm(loader) as bar: for x in bar:`
                return self.of(source, at) if called_name(source) in _AROUND else NOTHING
            case Binding(how=How.ITEM, source=source) if source is not None and not rest:
                return self.inside(source)
            case Binding(how=How.PARAMETER, site=site, source=ast.arg() as arg) if not rest:
                return self._passed(site, arg.arg, at)
        return NOTHING

    def _key(self, source: ast.AST, rest: Path) -> Supply:
        """Return what lies in `{"train": loader}` under one step of a path."""
        if isinstance(source, ast.Dict):
            for key, value in zip(source.keys, source.values, strict=True):
                if isinstance(key, ast.Constant) and rest == (f"[{key.value!r}]",):
                    return self.of(value)
            return NOTHING
        return self.inside(source) if rest[0].startswith("[") else NOTHING

    def inside(self, node: ast.AST, depth: int = 4) -> Supply:
        """Return all loaders in a list or dictionary of loaders."""
        if not depth:
            return NOTHING
        match node:
            case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
                return join([self.of(part) for part in parts])
            case ast.DictComp(value=value) | ast.ListComp(elt=value):
                return self.of(value)
            case ast.Call(func=ast.Attribute(value=owner, attr="items" | "values"), args=[]):
                return self.inside(owner, depth - 1)
            case ast.Call(func=func):
                defined = self._names.definition(func)
                if isinstance(defined, Function):
                    return join([self.inside(v, depth - 1) for v in returned_by(defined)])
            case ast.Name() | ast.Attribute():
                path = path_of(node)
                found = self._found(node, path) if path else []
                sources = [b.source for b in found if b.source and b.path == path and not b.at]
                put = self._put_into(node, path) if path else []
                empty = [s for s in sources if not (isinstance(s, ast.Dict) and not s.keys)]
                return join([*(self.inside(s, depth - 1) for s in empty), *map(self.of, put)])
        return NOTHING

    def _put_into(self, node: ast.AST, path: Path) -> list[ast.expr]:
        """Return what `loaders[name] = ...` puts in, where the name is computed."""
        return [
            statement.value
            for statement in own_statements(self._syntax.scope(node))
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Subscript) and path_of(target.value) == path
        ]

    def _passed(self, function: ast.AST, name: str, at: At) -> Supply:
        if not isinstance(function, Function):
            return NOTHING
        given = [passed(call, function, name) for call in self._names.callers(function)]
        return join([self.of(value, at) for value in given if value is not None])


def join(supplies: Iterable[Supply]) -> Supply:
    """Return what can be any of these."""
    every = list(supplies)
    return Supply(
        frozenset(loader for supply in every for loader in supply.loaders),
        complete=bool(every) and all(supply.complete for supply in every),
        prepared=any(supply.prepared for supply in every),
    )


def called_name(call: ast.Call) -> str:
    """Return the last part of the name that a call calls."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def within_body(scope: ast.AST) -> Iterable[ast.AST]:
    """Yield what runs when a scope runs, nested functions left out."""
    for statement in getattr(scope, "body", ()):
        if not isinstance(statement, OWN_TIME):
            yield from within(statement)


def returned_by(function: Function) -> list[ast.expr]:
    """Return what a function can return."""
    given = (each.value for each in returns_of(function))
    return [value for value in given if value is not None and not is_none(value)]


def passed(call: ast.Call, function: Function, name: str) -> ast.expr | None:
    """Return what a call of a function of this file passes as a parameter."""
    if given := keyword(call, name):
        return given
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    if name not in names or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    by_object = function.name == "__init__" or isinstance(call.func, ast.Attribute)
    where = names.index(name) - (names[:1] in (["self"], ["cls"]) and by_object)
    return call.args[where] if 0 <= where < len(call.args) else None


def spreads(call: ast.Call) -> bool:
    """Whether a call passes more than it names: `f(*args)`, `f(**options)`."""
    starred = any(isinstance(arg, ast.Starred) for arg in call.args)
    return starred or any(k.arg is None for k in call.keywords)
