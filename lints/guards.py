"""Which conditions hold rarely: every N steps, on errors, in debug runs. `rank == 0` is none."""

import ast
import re
from collections.abc import Callable

from .nodes import Block, dotted

# What a name stands for where it is bound once, to an expression; else None.
Resolve = Callable[[ast.AST], ast.expr | None]

_COUNTER = re.compile(
    r"(^|_)(i|it|n|j|k|t|idx|index|step|steps|iter|iters|itr|iteration|iterations|batch|epoch|update"
    r"|updates)(_?(num|idx|id|no|nb|i|counter))?$"
)
_DEBUG = re.compile(
    r"(^|_)(debug|debugging|verbose|profile|profiling|profiler|benchmark)(_|$)|^(print|show|dump)_"
)
_NOW = re.compile(
    r"^(should|must|need|time_to|do|is_time_to|want)_.*(log|print|report|save|eval|vis|plot|record|dump)"
    r"|^(log|print|report|save|eval|vis|plot)_?(now|this_step|this_iter|step_now)$"
    r"|^is_(log|logging|print|save|eval|report)_?(step|iter|time)?$"
    r"|^(is_)?(done|finished|stopping|last|final)(_(step|iter|iteration|batch|epoch))?$"
)
_CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "perf_counter", "monotonic"}
_EXITS = {"sys.exit", "exit", "quit", "os._exit", "os.abort"}


def rare(test: ast.expr, resolve: Resolve, depth: int = 3) -> bool:
    """Whether a condition is true in few of the steps only."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return any(rare(value, resolve, depth) for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return all(rare(value, resolve, depth) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return rarely_false(operand, resolve, depth)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _rare_comparison(left, op, right, resolve)
        case ast.Call(func=func):
            name = (dotted(func) or "").rsplit(".", 1)[-1]
            if name == "isEnabledFor" or _NOW.search(name):
                return True
            return _asks(test, ("isnan", "isinf"))
        case ast.Name() | ast.Attribute():
            name = (dotted(test) or "").rsplit(".", 1)[-1]
            if name == "__debug__" or _DEBUG.search(name) or _NOW.search(name):
                return True
            stands_for = resolve(test) if depth else None
            return stands_for is not None and rare(stands_for, resolve, depth - 1)
    return False


def rarely_false(test: ast.expr, resolve: Resolve, depth: int = 3) -> bool:
    """Whether a condition is false in few of the steps only, as in `if step % 100: continue`."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(rarely_false(value, resolve, depth) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(rarely_false(value, resolve, depth) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return rare(operand, resolve, depth)
        case ast.Compare(left=left, ops=[ast.NotEq() | ast.Gt() | ast.GtE()], comparators=[right]):
            return _periodic(left, resolve) or _periodic(right, resolve)
        case ast.Call() if _asks(test, ("isfinite",)):
            return True
        case ast.Name():
            stands_for = resolve(test) if depth else None
            return stands_for is not None and rarely_false(stands_for, resolve, depth - 1)
    return _periodic(test, resolve)


def leaves_for_good(block: Block, *, in_loop: bool) -> bool:
    """Whether a block ends the run of the loop: raise, exit, and in a loop break and return."""
    if not block:
        return False
    match block[-1]:
        case ast.Raise():
            return True
        case ast.Expr(value=ast.Call(func=func)):
            return dotted(func) in _EXITS
        case ast.Break() | ast.Return():
            return in_loop
    return False


def starts_over(test: ast.expr, body: Block) -> bool:
    """Whether a branch resets what its condition counts: `if n >= 100: n = 0`."""
    match test:
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE() | ast.Eq()]):
            pass
        case _:
            return False
    terms = [left.left, left.right] if isinstance(left, ast.BinOp) else [left]
    counted = {ast.unparse(term): term for term in terms if dotted(term)}
    for statement in body:
        match statement:
            case ast.Assign(targets=[target], value=value) if ast.unparse(target) in counted:
                # Back to 0, or, in `if step - last >= 100: last = step`, up to now.
                if isinstance(value, ast.Constant) and value.value == 0:
                    return True
                if ast.unparse(value) in counted:
                    return True
    return False


def skips(block: Block) -> bool:
    """Whether a block leaves the rest of the iteration, or of the function, out."""
    return bool(block) and isinstance(block[-1], ast.Continue | ast.Return | ast.Break)


def _rare_comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, resolve: Resolve) -> bool:
    if isinstance(op, ast.Gt | ast.GtE):
        return any(
            isinstance(node, ast.Call) and dotted(node.func) in _CLOCKS
            for side in (left, right)
            for node in ast.walk(side)
        )
    if isinstance(op, ast.Lt):
        return _periodic(left, resolve)
    if not isinstance(op, ast.Eq | ast.In):
        return False
    if _periodic(left, resolve) or _periodic(right, resolve):
        return True
    return _counts(left) or (isinstance(op, ast.Eq) and _counts(right))


def _periodic(node: ast.expr, resolve: Resolve) -> bool:
    """Whether this is `step % every`, where `every` is not known to be 1."""
    if isinstance(node, ast.NamedExpr):
        node = node.value
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mod):
        return False
    if isinstance(node.left, ast.Constant | ast.JoinedStr):
        return False  # text formatting
    every = node.right if isinstance(node.right, ast.Constant) else resolve(node.right)
    return not (isinstance(every, ast.Constant) and every.value == 1)


def _asks(test: ast.expr, names: tuple[str, ...]) -> bool:
    """Whether this is `torch.isnan(x).any()` or its like: most runs never see it come true."""
    while isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute):
        if test.func.attr in names:
            return True
        inside = test.args[0] if dotted(test.func.value) in ("torch", "np") and test.args else None
        test = inside or test.func.value
    return isinstance(test, ast.Call) and dotted(test.func) in names


def _counts(node: ast.expr) -> bool:
    """Whether this names the number of the step, so that equality holds once."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        node = node.left  # `step + 1 == last`
    name = (dotted(node) or "").rsplit(".", 1)[-1]
    return bool(_COUNTER.search(name))
