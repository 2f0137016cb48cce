"""What keyword dictionaries pass: `**options` put together from literals, updates and merges."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from .names import Names, parameters
from .nodes import Function, blocks, path_of
from .syntax import Syntax

Path = tuple[str, ...]


class Absent(Enum):
    """Why no value can be shown for an option."""

    ABSENT = "absent"
    UNREADABLE = "unreadable"  # `*args` or `**options` may pass it


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that an option may have, and the condition under which it has that one."""

    value: ast.expr | Absent
    when: ast.expr | None = None


Choices = tuple[Choice, ...]
ABSENT: Choices = (Choice(Absent.ABSENT),)
UNREADABLE: Choices = (Choice(Absent.UNREADABLE),)

# What is handed a dictionary without changing it.
_READERS = {"print", "len", "dict", "str", "repr", "sorted", "list", "isinstance", "set", "pprint"}
_READING = {"debug", "info", "warning", "format", "copy", "deepcopy", "log", "dumps", "append"}


class _Does(Enum):
    BECOMES = "becomes"
    UPDATE = "update"
    PUT = "put"
    PUT_IF_ABSENT = "put if absent"
    REMOVE = "remove"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class _Write:
    """A place that changes a dictionary; `key` is None for those of all keys."""

    does: _Does
    at: ast.AST
    value: ast.expr | None = None
    key: str | None = None


class Keywords:
    """Answers what a mapping holds under a key: all that it may be, or that it cannot be read."""

    def __init__(self, syntax: Syntax, names: Names) -> None:
        self._syntax = syntax
        self._names = names
        self._known: dict[tuple[ast.AST | None, Path], list[_Write]] | None = None

    def lookup(self, node: ast.expr, key: str, depth: int = 6) -> Choices:
        """Return what a mapping can hold under a key."""
        if not depth:
            return UNREADABLE
        match node:
            case ast.Dict(keys=keys, values=values):
                return self._in_items(list(zip(keys, values, strict=True)), key, depth)
            case ast.Call(func=func, args=args, keywords=keywords):
                name = func.id if isinstance(func, ast.Name) else ""
                if name == "dict" and self._names.builtin(func) and len(args) < 2:
                    given = [(ast.Constant(k.arg) if k.arg else None, k.value) for k in keywords]
                    return self._in_items([*((None, arg) for arg in args), *given], key, depth)
                if isinstance(func, ast.Attribute) and func.attr == "copy" and not args:
                    return self.lookup(func.value, key, depth - 1)
                if self._names.of(func) in ("copy.copy", "copy.deepcopy") and args:
                    return self.lookup(args[0], key, depth - 1)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._in_items([(None, left), (None, right)], key, depth)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                here = _under(test, self.lookup(body, key, depth - 1))
                return _either(here, self.lookup(orelse, key, depth - 1))
            case ast.Name() | ast.Attribute():
                return self._in_variable(node, key, depth - 1)
        return UNREADABLE

    def _in_items(
        self, items: list[tuple[ast.expr | None, ast.expr]], key: str, depth: int
    ) -> Choices:
        """Look through `{"a": 1, **rest}`, where the later ones win."""
        found = ABSENT
        for name, value in items:
            if name is None:
                found = over(self.lookup(value, key, depth - 1), found)
            elif not isinstance(name, ast.Constant):
                found = _either(found, UNREADABLE)
            elif name.value == key:
                found = (Choice(value),)
        return found

    def _in_variable(self, node: ast.Name | ast.Attribute, key: str, depth: int) -> Choices:
        path = path_of(node)
        if path is None or len(path) > 2:
            return UNREADABLE
        home = self._home(node, path)
        if home is None or self._names.of(node) is not None:
            return UNREADABLE
        inside = self._syntax.scope(node) is home
        found: Choices = (
            self._passed(home, path[0], key, depth) if _is_parameter(home, path) else ()
        )
        for write in self._writes().get((home, path), ()):
            if inside and _position(write.at) >= _position(node):
                continue
            if self._syntax.scope(write.at) is not home and len(path) == 1:
                return UNREADABLE  # another function changes it, who knows when
            new = self._after(write, found, key, depth)
            if self._is_certain(write.at, node, home if len(path) == 1 else None, inside=inside):
                found = new
            else:
                found = _either(found, _under(self._condition(write.at), new))
        return found or UNREADABLE

    def _passed(self, home: ast.AST, name: str, key: str, depth: int) -> Choices:
        """Return what `**kwargs` of a function of this file brings, by all calls of it here."""
        if not isinstance(home, Function) or home.args.kwarg is None:
            return UNREADABLE
        callers = self._names.callers(home)
        if home.args.kwarg.arg != name or not callers:
            return UNREADABLE
        found: Choices = ()
        for call in callers:
            here = ABSENT
            for given in call.keywords:
                if given.arg == key:
                    here = (Choice(given.value),)
                elif given.arg is None:
                    here = over(self.lookup(given.value, key, depth - 1), here)
            found = _either(found, here)
        return found

    def _after(self, write: _Write, before: Choices, key: str, depth: int) -> Choices:
        """Return what a dictionary holds after a write."""
        mine = write.key == key
        match write.does:
            case _Does.BECOMES if write.value is not None:
                return self.lookup(write.value, key, depth)
            case _Does.UPDATE if write.value is not None:
                return over(self.lookup(write.value, key, depth), before)
            case _Does.PUT if write.value is not None:
                return (Choice(write.value),) if mine else before
            case _Does.PUT_IF_ABSENT if write.value is not None:
                return over(before, (Choice(write.value),)) if mine else before
            case _Does.REMOVE:
                return ABSENT if mine else before
        return UNREADABLE

    def _home(self, node: ast.AST, path: Path) -> ast.AST | None:
        if path[0] in ("self", "cls"):
            return self._names.own_class(node)
        return self._names.home(node, path[0])

    def _is_certain(
        self, write: ast.AST, use: ast.AST, home: ast.AST | None, *, inside: bool
    ) -> bool:
        """Whether a write happened wherever the use is reached."""
        statement = self._syntax.statement(write)
        if not inside:
            parent = self._syntax.parent(statement) if statement else None
            return parent is home or (home is None and isinstance(parent, Function))
        return any(
            statement in block and child in block
            for child, parent in self._syntax.ancestors(use)
            for block in blocks(parent)
        )

    def _condition(self, write: ast.AST) -> ast.expr | None:
        for child, parent in self._syntax.ancestors(write):
            if isinstance(parent, ast.If):
                return parent.test if child in parent.body else None
            if isinstance(parent, Function):
                return None
        return None

    def _writes(self) -> dict[tuple[ast.AST | None, Path], list[_Write]]:
        """Return every write of the file by the scope and the path that it changes."""
        if self._known is None:
            found: dict[tuple[ast.AST | None, Path], list[_Write]] = defaultdict(list)
            for node in ast.walk(self._syntax.tree):
                for owner, write in _writes_of(node):
                    if path := path_of(owner):
                        found[self._home(owner, path), path].append(write)
            for writes in found.values():
                writes.sort(key=lambda write: _position(write.at))
            self._known = found
        return self._known


def _writes_of(node: ast.AST) -> Iterator[tuple[ast.expr, _Write]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(node, target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _assigned(node, target, value)
        case ast.AugAssign(target=target, op=op, value=value):
            does = _Does.UPDATE if isinstance(op, ast.BitOr) else _Does.UNREADABLE
            yield target, _Write(does, node, value)
        case ast.Delete(targets=targets):
            for target in targets:
                if isinstance(target, ast.Subscript):
                    yield target.value, _keyed(_Does.REMOVE, node, target.slice)
        case ast.For(target=target) | ast.withitem(optional_vars=ast.expr() as target):
            yield target, _Write(_Does.UNREADABLE, target)
        case ast.Call(func=ast.Attribute(value=owner, attr="update"), args=args, keywords=given):
            for arg in args:
                yield owner, _Write(_Does.UPDATE, node, arg)
            items = [(ast.Constant(k.arg) if k.arg else None, k.value) for k in given]
            if items:
                literal = ast.Dict([key for key, _ in items], [value for _, value in items])
                yield owner, _Write(_Does.UPDATE, node, literal)
        case ast.Call(func=ast.Attribute(value=owner, attr="setdefault"), args=[key, value]):
            yield owner, _keyed(_Does.PUT_IF_ABSENT, node, key, value)
        case ast.Call(func=ast.Attribute(value=owner, attr="pop"), args=[key, *_]):
            yield owner, _keyed(_Does.REMOVE, node, key)
        case ast.Call(func=func, args=args):
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if name not in _READERS | _READING:
                for arg in args:
                    if isinstance(arg, ast.Name | ast.Attribute):
                        yield arg, _Write(_Does.UNREADABLE, node)


def _assigned(
    node: ast.AST, target: ast.expr, value: ast.expr
) -> Iterator[tuple[ast.expr, _Write]]:
    match target:
        case ast.Name() | ast.Attribute():
            yield target, _Write(_Does.BECOMES, node, value)
        case ast.Subscript(value=owner, slice=key):
            yield owner, _keyed(_Does.PUT, node, key, value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            pairs = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for number, part in enumerate(parts):
                if len(pairs) == len(parts):
                    yield from _assigned(node, part, pairs[number])
                elif path_of(part):
                    yield part, _Write(_Does.UNREADABLE, node)


def _keyed(does: _Does, at: ast.AST, key: ast.expr, value: ast.expr | None = None) -> _Write:
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return _Write(does, at, value, key.value)
    return _Write(_Does.UNREADABLE, at)


def _is_parameter(home: ast.AST, path: Path) -> bool:
    function = isinstance(home, Function | ast.Lambda)
    return function and path[0] in parameters(home.args)  # type: ignore[attr-defined]


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _under(test: ast.expr | None, choices: Choices) -> Choices:
    return tuple(Choice(choice.value, choice.when or test) for choice in choices)


def _either(one: Choices, other: Choices) -> Choices:
    return tuple(dict.fromkeys((*one, *other)))


def over(later: Choices, earlier: Choices) -> Choices:
    """Return what holds where `later` wins over `earlier` unless it is absent."""
    if not any(choice.value is Absent.ABSENT for choice in later):
        return later
    given = tuple(choice for choice in later if choice.value is not Absent.ABSENT)
    return _either(given, earlier)
