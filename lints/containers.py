"""What lists and mappings are filled with after they are made: `losses.append(loss)`."""

import ast
from collections import defaultdict
from dataclasses import dataclass

from .bindings import Path
from .feeding import Feeding
from .nodes import path_of
from .syntax import Syntax

Key = str | int | None


@dataclass(frozen=True, slots=True)
class Filling:
    """An expression that goes into a container under a key (None: any).

    `spread`: its elements do, as with `extend`; `wrapped`: into a list that lies there.
    """

    key: Key
    source: ast.expr
    spread: bool = False
    wrapped: bool = False


class Containers:
    """Finds what is put into a name, wherever its scope does so."""

    def __init__(self, syntax: Syntax, feeding: Feeding) -> None:
        self._feeding = feeding
        self._fillings: dict[tuple[ast.AST, Path], list[Filling]] = defaultdict(list)
        for call in syntax.calls_to("append", "appendleft", "add", "extend", "update", "insert"):
            self._from_call(call)
        for statement in syntax.nodes(ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Subscript):
                    key = key_of(target.slice)
                    self._put(target.value, Filling(key, statement.value))

    def fillings(self, node: ast.AST, path: Path) -> list[Filling]:
        """Return what goes into a path, apart from what it is made with."""
        if not self._fillings:
            return []
        return self._fillings.get((self._feeding.home(node, path), path), [])

    def _from_call(self, call: ast.Call) -> None:
        if not isinstance(call.func, ast.Attribute) or not call.args:
            return
        owner = call.func.value
        spread = call.func.attr in ("extend", "update")
        wrapped = isinstance(owner, ast.Subscript)
        key: Key = None
        if isinstance(owner, ast.Subscript):
            # `history["loss"].append(loss)` fills a list that lies in `history`.
            self._put(owner, Filling(None, call.args[-1], spread))
            key, owner = key_of(owner.slice), owner.value
        self._put(owner, Filling(key, call.args[-1], spread, wrapped))

    def _put(self, owner: ast.expr, filling: Filling) -> None:
        if path := path_of(owner):
            self._fillings[self._feeding.home(owner, path), path].append(filling)


def key_of(node: ast.expr | None) -> Key:
    """Return the key that is written out; None where it is computed, or a slice."""
    match node:
        case ast.Constant(value=str() | int() as key):
            return key
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return None
    return None
