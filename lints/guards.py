"""Which conditions hold rarely: every N steps, on errors, in debug runs. `rank == 0` is none."""

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from .nodes import Block, dotted


class Seldom(Enum):
    """Why code does not run in every step, in words that end a sentence."""

    GUARDED = "every n-th step"
    ASKED = "in debug runs"
    ONCE = "in single steps"
    EVALUATION = "in evaluation"
    ELSEWHERE = "on other devices or versions"
    ERROR = "on errors"


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
)
# What becomes true once in a run, or is true in its first step alone.
_ONE_SHOT = re.compile(
    r"^(is_)?(done|finished|stopping|last|final)(_(step|iter|iteration|batch|epoch))?$"
    r"|^(is_)?first(_(step|iter|iteration|batch|time))?$"
    r"|^_?(is_|was_)?(interrupted|aborted|cancell?ed|preempted|terminated)$|(^|_)should_stop$"
)
# What becomes true in the first step, as the flag of `if not logged:`.
_DONE_ONCE = re.compile(
    r"^_*(is_|has_|have_|was_|already_)?(logged|printed|shown|warned|announced|initiali[sz]ed)"
    r"(_(once|yet|already|shapes?|first|graph))?$"
)
# State of a model that serves: adapters folded in for good, and the cache of a state-space model.
_SERVING = re.compile(r"^(is_)?merged$")
_SERVING_STATE = re.compile(
    r"^(cache_params|inference_params|kv_cache|incremental_state|saved_state)$"
)
_TRAINING = re.compile(r"^(is_)?train(ing)?$")
_ELSEWHERE = {"cpu", "mps", "meta"}
_CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "perf_counter", "monotonic"}
_EXITS = {"sys.exit", "exit", "quit", "os._exit", "os.abort"}


def rare(test: ast.expr, resolve: Resolve, depth: int = 3) -> Seldom | None:
    """Return why a condition is true in few of the steps only; None where it may be in all."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return _rarest(rare(value, resolve, depth) for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return _commonest([rare(value, resolve, depth) for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return rarely_false(operand, resolve, depth)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _rare_comparison(left, op, right, resolve)
        case ast.Call(func=func):
            name = (dotted(func) or "").rsplit(".", 1)[-1]
            if name == "isEnabledFor":
                return Seldom.ASKED
            return _by_name(name) or _error_if(_asks(test, ("isnan", "isinf")))
        case ast.Name() | ast.Attribute():
            name = (dotted(test) or "").rsplit(".", 1)[-1]
            if name == "__debug__" or _DEBUG.search(name):
                return Seldom.ASKED
            if why := _by_name(name):
                return why
            stands_for = resolve(test) if depth else None
            return rare(stands_for, resolve, depth - 1) if stands_for is not None else None
    return None


def rarely_false(test: ast.expr, resolve: Resolve, depth: int = 3) -> Seldom | None:
    """Return why a condition is false in few steps only, as in `if step % 100: continue`."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=values):
            return _rarest(rarely_false(value, resolve, depth) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return _commonest([rarely_false(value, resolve, depth) for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return rare(operand, resolve, depth)
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE()]) if _names_version(left):
            return Seldom.ELSEWHERE
        case ast.Compare(left=left, ops=[ast.NotEq() | ast.Gt() | ast.GtE()], comparators=[right]):
            return _guarded_if(_periodic(left, resolve) or _periodic(right, resolve))
        case ast.Call() if _asks(test, ("isfinite",)):
            return Seldom.ERROR
        case ast.Compare() if _asks_for_training(test):
            return Seldom.EVALUATION
        case ast.Name() | ast.Attribute():
            if _DONE_ONCE.search((dotted(test) or "").rsplit(".", 1)[-1]):
                return Seldom.ONCE
            if _asks_for_training(test):
                return Seldom.EVALUATION
            if (dotted(test) or "").endswith(".is_cuda"):
                return Seldom.ELSEWHERE
            stands_for = resolve(test) if depth else None
            return rarely_false(stands_for, resolve, depth - 1) if stands_for is not None else None
    return _guarded_if(_periodic(test, resolve))


def leaves_for_good(block: Block, *, in_loop: bool) -> Seldom | None:
    """Say how a block ends the run of the loop: raise, exit, and in a loop break and return."""
    if not block:
        return None
    match block[-1]:
        case ast.Raise():
            return Seldom.ERROR
        case ast.Expr(value=ast.Call(func=func)):
            return _error_if(dotted(func) in _EXITS)
        case ast.Break() | ast.Return():
            return Seldom.ONCE if in_loop else None
    return None


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


def stops_itself(branch: ast.If, loops: Sequence[ast.AST]) -> bool:
    """Whether a branch ends what lets it run, as `if not logged: logged = True`, and for good."""
    test, after = branch.test, False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, after = test.operand, True
    flag = dotted(test)
    # A local name does not outlive the function, only turns of a loop.
    if flag is None or not (loops or "." in flag):
        return False
    if not any(_sets(statement, flag, after) for statement in branch.body):
        return False
    # A flag that a loop takes back may hold in the next step again.
    return not any(_sets(node, flag, not after) for loop in loops[-1:] for node in ast.walk(loop))


def _sets(node: ast.AST, flag: str, to: bool) -> bool:
    match node:
        case ast.Assign(targets=[target], value=ast.Constant(value=bool() as value)):
            return value is to and dotted(target) == flag
    return False


def warns(block: Block) -> bool:
    """Whether a branch tells people why it was taken: `print("out of range")`, `logger.warning`."""
    for statement in block[:2]:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                return True
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="warn" | "warning" | "info"))):
                return True
    return False


def skips(block: Block) -> bool:
    """Whether a block leaves the rest of the iteration, or of the function, out."""
    return bool(block) and isinstance(block[-1], ast.Continue | ast.Return | ast.Break)


def _rarest(found: Iterable[Seldom | None]) -> Seldom | None:
    """Of conditions that all have to hold, an error path says the most."""
    why = [each for each in found if each is not None]
    return Seldom.ERROR if Seldom.ERROR in why else next(iter(why), None)


def _commonest(found: Sequence[Seldom | None]) -> Seldom | None:
    """Of conditions one of which has to hold, each has to be rare."""
    if None in found:
        return None
    return next((why for why in found if why is not Seldom.ERROR), Seldom.ERROR)


def _by_name(name: str) -> Seldom | None:
    if _NOW.search(name):
        return Seldom.GUARDED
    if _SERVING.search(name):
        return Seldom.EVALUATION
    return Seldom.ONCE if _ONE_SHOT.search(name) else None


def _asks_for_training(test: ast.expr) -> bool:
    """Whether this is `self.training`, of whatever module, or `is_train is True`."""
    match test:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return bool(_TRAINING.search(name))
        case ast.Compare(left=left, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(True)]):
            return _asks_for_training(left)
    return False


def _names_version(node: ast.expr) -> bool:
    """Whether this is `torch.__version__`, or a part of a version: what is older is for few."""
    return any("version" in (dotted(inner) or "").lower() for inner in ast.walk(node))


def _asks_for_other_device(left: ast.expr, right: ast.expr) -> bool:
    """Whether this is `x.device.type == "mps"`, `mode == "cpu"`: copies there wait for no queue."""
    named = re.search(r"(^|[._])(type|device|mode|backend)$", dotted(left) or "")
    return bool(named) and isinstance(right, ast.Constant) and right.value in _ELSEWHERE


def _guarded_if(holds: bool) -> Seldom | None:
    return Seldom.GUARDED if holds else None


def _error_if(holds: bool) -> Seldom | None:
    return Seldom.ERROR if holds else None


def _rare_comparison(
    left: ast.expr, op: ast.cmpop, right: ast.expr, resolve: Resolve
) -> Seldom | None:
    if isinstance(op, ast.Gt | ast.GtE):
        asks_the_time = any(
            isinstance(node, ast.Call) and dotted(node.func) in _CLOCKS
            for side in (left, right)
            for node in ast.walk(side)
        )
        return _guarded_if(asks_the_time)
    if isinstance(op, ast.Lt | ast.LtE) and _names_version(left):
        return Seldom.ELSEWHERE
    if isinstance(op, ast.Lt):
        return _guarded_if(_periodic(left, resolve))
    if isinstance(op, ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
        held = _SERVING_STATE.search((dotted(left) or "").rsplit(".", 1)[-1])
        return Seldom.EVALUATION if held else None
    if isinstance(op, ast.Eq) and _asks_for_other_device(left, right):
        return Seldom.ELSEWHERE
    if not isinstance(op, ast.Eq | ast.In):
        return None
    if _periodic(left, resolve) or _periodic(right, resolve):
        return Seldom.GUARDED
    if not isinstance(op, ast.Eq):
        return _guarded_if(_counts(left))
    if _is_size(left) and isinstance(right, ast.Constant) and right.value == 0:
        return Seldom.ONCE  # an empty batch
    return Seldom.ONCE if _counts(left) or _counts(right) else None


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


def _is_size(node: ast.expr) -> bool:
    """Whether this is `x.shape[0]`, `x.numel()`, `len(x)` or their like."""
    match node:
        case ast.Subscript(value=ast.Attribute(attr="shape")):
            return True
        case ast.Call(func=ast.Attribute(attr="size" | "numel" | "nelement")):
            return True
        case ast.Call(func=ast.Name(id="len")):
            return True
    return False


def _counts(node: ast.expr) -> bool:
    """Whether this names the number of the step, so that equality holds once."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        node = node.left  # `step + 1 == last`
    name = (dotted(node) or "").rsplit(".", 1)[-1]
    return bool(_COUNTER.search(name))
