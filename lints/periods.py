"""Arithmetic that comes true now and then: of step counters, and of clocks."""

import ast
import re
from collections.abc import Callable
from typing import Protocol

from .nodes import dotted

_COUNTER = re.compile(
    r"(^|_)(i|it|n|j|k|t|idx|index|step|steps|iter|iters|itr|iteration|iterations|batch|epoch|update"
    r"|updates)(_?(num|idx|id|no|nb|i|counter))?$"
)
_CLOCKS = {
    *("time", "time.time", "time.monotonic", "time.perf_counter", "time.process_time"),
    *("perf_counter", "monotonic", "timer", "default_timer", "timeit.default_timer", "time.clock"),
    *("datetime.now", "datetime.datetime.now", "time.time_ns", "time.perf_counter_ns"),
}
_DEEPEST = 3


class Readings(Protocol):
    """What the names of an expression stand for."""

    def stands_for(self, node: ast.AST) -> ast.expr | None:
        """Return what a name is bound to, where that is one expression."""

    def readings(self, node: ast.AST) -> list[ast.expr]:
        """Return all expressions that a name is bound to."""


def is_periodic(node: ast.expr, known: Readings) -> bool:
    """Whether this is `step % every`, where `every` is not known to be 1, or its like."""
    every = _period(node)
    return every is not None and not _is_one(every, known)


def is_modulus_of_one(test: ast.expr, known: Readings) -> bool:
    """Whether a condition asks for every single step: `step % n == 0`, where `n` is 1."""
    parts = (n for n in ast.walk(test) if isinstance(n, ast.expr))
    return any(_is_one(every, known) for part in parts if (every := _period(part)) is not None)


def _period(node: ast.expr) -> ast.expr | None:
    """Return what a counter is divided by; of `step & 127`, the mask."""
    match node:
        case ast.NamedExpr(value=value):
            return _period(value)
        case ast.BinOp(left=ast.Constant() | ast.JoinedStr(), op=ast.Mod()):
            return None  # text formatting
        case ast.BinOp(op=ast.Mod(), right=every):
            return every
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            # The mask of masks of tensors is no counter.
            mask = next((s for s in (right, left) if _is_mask(s)), None)
            return mask if mask is not None or not counts(left) else right
        case ast.Subscript(
            value=ast.Call(func=ast.Name(id="divmod"), args=[_, every]), slice=ast.Constant(value=1)
        ):
            return every
        case ast.Call(func=func, args=[_, every]) if dotted(func) in ("math.fmod", "operator.mod"):
            return every
    return None


def _is_mask(node: ast.expr) -> bool:
    """Whether this is `127`, or `every - 1`."""
    match node:
        case ast.Constant(value=int() as mask):
            return mask > 0
        case ast.BinOp(op=ast.Sub(), right=ast.Constant(value=1)):
            return True
    return False


def _is_one(every: ast.expr, known: Readings, depth: int = _DEEPEST) -> bool:
    if isinstance(every, ast.Constant):
        return every.value == 1
    stands_for = known.stands_for(every) if depth else None
    return stands_for is not None and _is_one(stands_for, known, depth - 1)


def asks_the_time(later: ast.expr, earlier: ast.expr, known: Readings) -> bool:
    """Whether `later > earlier` says that time has passed: `now - last > 30`, `now > due`."""
    if any(_is_clock(node) for side in (later, earlier) for node in ast.walk(side)):
        return True
    if isinstance(earlier, ast.Constant):
        return earlier.value != 0 and _reads_clock(later, known, _is_duration)
    return _reads_clock(later, known, _is_moment)


def _reads_clock(
    node: ast.expr, known: Readings, enough: Callable[[ast.expr], bool], depth: int = _DEEPEST
) -> bool:
    """Whether all that an expression can be bound to comes from a clock, and is `enough` of it."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return _reads_clock(node.left, known, _is_moment, depth)
    if enough(node):
        return True
    found = known.readings(node) if depth else []
    return bool(found) and all(_reads_clock(each, known, enough, depth - 1) for each in found)


def _is_duration(node: ast.expr) -> bool:
    """Whether this is `time.time() - start`."""
    return any(
        isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) and _is_moment(part.left)
        for part in ast.walk(node)
    )


def _is_moment(node: ast.expr) -> bool:
    return any(_is_clock(part) for part in ast.walk(node))


def _is_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in _CLOCKS


def counts(node: ast.expr) -> bool:
    """Whether this names the number of the step, so that equality holds once."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        node = node.left  # `step + 1 == last`
    name = (dotted(node) or "").rsplit(".", 1)[-1]
    return bool(_COUNTER.search(name))
