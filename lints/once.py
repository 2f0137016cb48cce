"""Branches that prepare what all later steps use: they run once, however often they are reached."""

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from typing import TypeGuard

from .callees import Callees
from .nodes import Block, dotted, is_none, within
from .supplies import within_body
from .syntax import Syntax

# What belongs to an object or a class outlives the step.
_LASTS = re.compile(r"^(self|cls|[A-Z]\w*)\.")
# What these make empty stays filled for many steps.
_PREPARES = re.compile(r"init|reset|setup|build|epoch|^(train|eval)$")


class Once:
    """Answers for the branches of one file."""

    def __init__(self, syntax: Syntax, callees: Callees | None) -> None:
        self._syntax = syntax
        self._callees = callees

    def prepares(self, branch: ast.If) -> bool:
        """Whether a branch fills what is missing, itself or in what it calls, for good."""
        missing = list(_missing(branch.test))
        if not missing:
            return False
        inside = list(self._inside(branch))
        return any(
            any(_fills(node, name) for node in inside) and not self._is_emptied(name)
            for name in missing
        )

    def remembers(self, branch: ast.If, *, in_body: bool) -> bool:
        """Whether a branch stores what its condition asks for, and nothing takes that back."""
        kept = _remembered(branch, in_body=in_body)
        return bool(kept) and not any(map(self._is_emptied, kept))

    def gives_kept(self, branch: ast.If, rest: Block) -> bool:
        """Whether a branch gives back what the statements after it fill: these run once."""
        kept = set(_given_back(branch.body))
        if not kept:
            return False
        inside = [node for statement in rest for node in within(statement)]
        return all(
            any(_fills(node, name) for node in inside) and not self._is_emptied(name)
            for name in kept
        )

    def _inside(self, branch: ast.If) -> Iterator[ast.AST]:
        """Yield what runs in a branch, and in the functions of this file that it calls."""
        for statement in branch.body:
            for node in within(statement):
                yield node
                if self._callees is None or not isinstance(node, ast.Call):
                    continue
                if own := self._callees.own(node):
                    yield from within_body(own)

    def _is_emptied(self, name: str) -> bool:
        """Whether an attribute may be empty again in the next step."""
        return name in self._emptied

    @cached_property
    def _emptied(self) -> set[str]:
        """What is made empty, or counted down, in code that may run in any step."""
        found: set[str] = set()
        for statement in self._syntax.nodes(ast.Assign, ast.Delete, ast.AugAssign):
            function = self._syntax.function(statement)
            if function is None or not _PREPARES.search(function.name):
                found.update(_empties(statement))
        return found


def _missing(test: ast.expr) -> Iterator[str]:
    """Yield the attributes that are still empty where a condition holds: `self.cache is None`."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _missing(value)
        case ast.UnaryOp(op=ast.Not(), operand=asked):
            yield from _attribute(asked)
        case ast.Compare(
            left=asked,
            ops=[ast.Is() | ast.Eq()],
            comparators=[ast.Constant(value=None | False | 0)],
        ):
            yield from _attribute(asked)


def _given_back(body: Block) -> Iterator[str]:
    """Yield the attributes that a block returns, and nothing else, as a cache does."""
    match body:
        case [ast.Return(value=ast.Tuple(elts=elements))]:
            pass
        case [ast.Return(value=ast.expr() as value)]:
            elements = [value]
        case _:
            return
    names = [next(_attribute(element), None) for element in elements]
    if None not in names:
        yield from filter(None, names)


def _attribute(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="item"), args=[]):
            yield from _attribute(owner)
        case ast.Attribute() if _LASTS.match(name := dotted(node) or ""):
            yield name


def _fills(statement: ast.AST, name: str) -> bool:
    """Whether a statement gives an attribute something."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return not _is_empty(value) and name in map(dotted, targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return not _is_empty(value) and dotted(target) == name
        case ast.AugAssign(target=target):
            return dotted(target) == name
    return False


def _empties(statement: ast.AST) -> Iterator[str]:
    """Yield what a statement makes empty again."""
    match statement:
        case ast.Assign(targets=targets, value=value) if _is_empty(value):
            yield from filter(None, map(dotted, targets))
        case ast.Delete(targets=targets):
            yield from filter(None, map(dotted, targets))
        case ast.AugAssign(target=target, op=ast.Sub()) if name := dotted(target):
            yield name


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=constant):
            return not constant
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="list" | "dict" | "set" | "tuple"), args=[], keywords=[]):
            return True
    return False


def _remembered(branch: ast.If, *, in_body: bool) -> set[str]:
    """Return what a branch stores that its condition asks for, and so is not taken again at once.

    As in `if self.mask is None: self.mask = ...`, or `if self.size == n: ... else: self.size = n`.
    """
    kept = {
        path
        for statement in (branch.body if in_body else branch.orelse)
        for path in _kept(statement)
    }
    test: ast.expr = branch.test
    if in_body:
        parts = test.values if _is_of(test, ast.Or) else [test]
        holds = all(_asks_for_change(part, kept) for part in parts)
        return kept if holds else set()
    parts = test.values if _is_of(test, ast.And) else [test]
    return kept if all(_asks_for_match(part, kept) for part in parts) else set()


def _kept(statement: ast.stmt) -> Iterator[str]:
    """Yield the attributes of `self` that a statement gives another value, or an entry."""
    if not isinstance(statement, ast.Assign) or is_none(statement.value):
        return
    for target in statement.targets:
        owner = target.value if isinstance(target, ast.Subscript) else target
        path = dotted(owner)
        if path and path.startswith("self.") and path not in _read(statement.value):
            yield path


def _asks_for_change(test: ast.expr, kept: set[str]) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.NotEq() | ast.NotIn()], comparators=[right]):
            return bool((_read(left) | _read(right)) & kept)
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[right]):
            return is_none(right) and dotted(left) in kept
        case ast.Compare(left=left, ops=[ast.Lt() | ast.Gt()], comparators=[right]):
            # As of `self.mask.size(0) < n`; what is compared itself may go on falling.
            inside = not {dotted(left), dotted(right)} & kept
            return inside and bool((_read(left) | _read(right)) & kept)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _asks_for_match(operand, kept) or dotted(operand) in kept
    return False


def _asks_for_match(test: ast.expr, kept: set[str]) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.In()], comparators=[right]):
            return bool((_read(left) | _read(right)) & kept)
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[right]):
            return is_none(right) and dotted(left) in kept
        case ast.Call(func=ast.Name(id="hasattr"), args=[owner, ast.Constant(value=str() as name)]):
            return f"{dotted(owner)}.{name}" in kept
    return False


def _is_of(test: ast.expr, op: type[ast.boolop]) -> TypeGuard[ast.BoolOp]:
    return isinstance(test, ast.BoolOp) and isinstance(test.op, op)


def _read(node: ast.expr) -> set[str]:
    """Return the attributes that an expression reads, and parts of them."""
    return {path for inner in ast.walk(node) if (path := dotted(inner)) and "." in path}
