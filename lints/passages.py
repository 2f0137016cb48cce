"""Which statements of a block bind a path, or end a search for it, as a look-up."""

import ast
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from heapq import merge

from .nodes import OWN_TIME, Block, blocks

Path = tuple[str, ...]

# In shorter blocks, looking at each statement is faster.
_SHORT = 6
_LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)


class Passages:
    """Names the statements of a block that are worth a look for a path: never one too few."""

    def __init__(self, bound_by: Callable[[ast.AST], Iterable[Path]]) -> None:
        self._bound_by = bound_by
        # By block; those live as long as the tree, so their addresses stay theirs.
        self._known: dict[int, _Index] = {}

    def before(self, block: Block, at: int, path: Path) -> Iterator[ast.stmt]:
        """Yield what may matter to a path before a place in a block, the nearest first."""
        if at <= _SHORT:
            yield from block[at - 1 :: -1] if at else ()
            return
        index = self._index(block)
        last = None
        found = (_down(places, at) for places in (*index.binding(path), index.ends) if places)
        for number in merge(*found, reverse=True):
            if number != last:
                yield block[number]
            last = number

    def since(self, block: Block, at: int, path: Path) -> Iterator[ast.stmt]:
        """Yield what binds a path, or a start of it, from a place in a block on."""
        if len(block) - at <= _SHORT:
            yield from block[at:]
            return
        last = None
        for number in merge(*(_up(places, at) for places in self._index(block).binding(path))):
            if number != last:
                yield block[number]
            last = number

    def _index(self, block: Block) -> "_Index":
        if id(block) not in self._known:
            index = self._known[id(block)] = _Index()
            for number, statement in enumerate(block):
                bound, leaves = self._inside(statement)
                for path in bound:
                    index.places[path].append(number)
                if leaves and _may_end(statement):
                    index.ends.append(number)
        return self._known[id(block)]

    def _inside(self, statement: ast.stmt) -> tuple[set[Path], bool]:
        """Return what a statement and the blocks below it bind, and whether any of them leaves."""
        bound: set[Path] = set()
        leaves = False
        stack: list[ast.AST] = [statement]
        while stack:
            at = stack.pop()
            bound.update(self._bound_by(at))
            leaves = leaves or isinstance(at, _LEAVES)
            if isinstance(at, OWN_TIME):
                continue
            for block in blocks(at):
                stack += block
            for handler in getattr(at, "handlers", ()):
                if handler.name:
                    bound.add((handler.name,))
        return bound, leaves


class _Index:
    """Of one block, the numbers of the statements that bind each path, and of those that leave."""

    def __init__(self) -> None:
        self.places: dict[Path, list[int]] = defaultdict(list)
        self.ends: list[int] = []

    def binding(self, path: Path) -> list[list[int]]:
        starts = (path[:length] for length in range(1, len(path) + 1))
        return [self.places[start] for start in starts if start in self.places]


def _may_end(statement: ast.stmt) -> bool:
    """Whether a statement may keep a search from going on without binding anything."""
    if isinstance(statement, ast.If):
        return bool(statement.orelse)
    return isinstance(statement, (ast.With, ast.AsyncWith, ast.Try))


def _down(numbers: list[int], below: int) -> Iterator[int]:
    for at in range(bisect_left(numbers, below) - 1, -1, -1):
        yield numbers[at]


def _up(numbers: list[int], start: int) -> Iterator[int]:
    for at in range(bisect_left(numbers, start), len(numbers)):
        yield numbers[at]
