"""Branches that prepare what all later steps use: they run once, however often they are reached."""

import ast
import re
from collections.abc import Iterator

from .callees import Callees
from .nodes import Block, dotted, within
from .supplies import within_body
from .syntax import Syntax

# What these make empty stays filled for many steps.
_PREPARES = re.compile(r"init|reset|setup|build|clear|epoch|^(train|eval)$")


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

    def gives_kept(self, branch: ast.If, rest: Block) -> bool:
        """Whether a branch gives back what the statements after it fill: these run once."""
        kept = set(_given_back(branch.body))
        inside = [node for statement in rest for node in within(statement)]
        return bool(kept) and all(
            any(_fills(node, name) for node in inside) and not self._is_emptied(name)
            for name in kept
        )

    def _inside(self, branch: ast.If) -> Iterator[ast.AST]:
        """Yield what runs in a branch, and in the functions of this file that it calls."""
        for statement in branch.body:
            for node in within(statement):
                yield node
                own = (
                    self._callees.own(node)
                    if self._callees and isinstance(node, ast.Call)
                    else None
                )
                yield from () if own is None else within_body(own)

    def _is_emptied(self, name: str) -> bool:
        """Whether an attribute may be empty again in the next step."""
        for statement in (*self._syntax.nodes(ast.Assign), *self._syntax.nodes(ast.Delete)):
            if _empties(statement, name):
                function = self._syntax.function(statement)
                if function is None or not _PREPARES.search(function.name):
                    return True
        return False


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
        case ast.Attribute() if (name := dotted(node) or "").startswith(("self.", "cls.")):
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


def _empties(statement: ast.AST, name: str) -> bool:
    """Whether a statement makes an attribute empty again."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return _is_empty(value) and name in map(dotted, targets)
        case ast.Delete(targets=targets):
            return name in map(dotted, targets)
    return False


def _is_empty(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value
