"""Which conditions hold rarely: every N steps, on errors, in debug runs. `rank == 0` is none."""

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Protocol, Self

from .environment import is_asked_for
from .flags import Seldom, by_name, is_done_once, is_newer, is_serving_state
from .nodes import dotted, is_none
from .periods import asks_the_time, counts, is_modulus_of_one, is_periodic


class Meanings(Protocol):
    """What the names and calls of a condition stand for."""

    def stands_for(self, node: ast.AST) -> ast.expr | None:
        """Return what a name is bound to, where that is one expression."""

    def readings(self, node: ast.AST) -> list[ast.expr]:
        """Return all expressions that a name is bound to."""

    def answers(self, call: ast.Call) -> tuple[list[ast.expr], Self] | None:
        """Return what a function of this file can give back, and what names mean in it."""

    def by_callers(self, node: ast.AST) -> Seldom | None:
        """Return why a parameter is true in few steps only, by all that callers pass."""

    def is_given(self, node: ast.AST) -> bool | None:
        """Return whether a parameter that may be None is never None, or always, by all callers."""


# Only functions of these names tell; as the name of an option it says how often.
_EVERY = re.compile(r"^_*(is_)?every(_|$)")
_LAST = re.compile(r"^_*(is_)?(end_of|last)_(\w+_)?(epoch|iter|iters|batch|step)$")
_RANK = re.compile(r"rank|is_main|is_master|main_process|world_process_zero|is_global_zero", re.I)
_NUMBER_OF = re.compile(r"(^|_)(num|n|count|cnt)_(?!work|rank|gpu|proc|iter|step|batch|epoch)\w+")
_DRAWS = ("random.random", "random", "np.random.rand", "np.random.random", "numpy.random.rand")
_FEW = 0.1
_HALF = ("float16", "half")
_TRAINING = re.compile(r"^(is_)?train(ing)?$")
_ELSEWHERE = {"cpu", "mps", "meta"}
_STAGE = re.compile(r"(^|[._])(stage|phase|mode|split)$", re.IGNORECASE)
_STAGES_OF_EVALUATION = re.compile(r"^(val|valid|validation|test|eval|evaluate|evaluation)$", re.I)
_STAGES_OF_TRAINING = re.compile(r"^(train|training)$", re.IGNORECASE)
# How many names, helpers and callers are asked one after the other.
_DEEPEST = 3


def rare(test: ast.expr, known: Meanings, depth: int = _DEEPEST) -> Seldom | None:
    """Return why a condition is true in few of the steps only; None where it may be in all."""
    if is_asked_for(test, known):
        return Seldom.ASKED
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return _rarest(rare(value, known, depth) for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return commonest([rare(value, known, depth) for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return rarely_false(operand, known, depth)
        case ast.NamedExpr(value=value) | ast.Call(func=ast.Name(id="bool"), args=[value]):
            return rare(value, known, depth)
        case ast.IfExp(body=body, orelse=orelse):
            return commonest(
                [
                    never(body) or rare(body, known, depth),
                    never(orelse) or rare(orelse, known, depth),
                ]
            )
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _rare_comparison(left, op, right, known)
        case ast.Call():
            return _rare_answer(test, known, depth)
        case ast.Name() | ast.Attribute():
            return _rare_name(test, known, depth)
    return None


def rarely_false(test: ast.expr, known: Meanings, depth: int = _DEEPEST) -> Seldom | None:
    """Return why a condition is false in few steps only, as in `if step % 100: continue`."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=values):
            return _rarest(rarely_false(value, known, depth) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return commonest([rarely_false(value, known, depth) for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return rare(operand, known, depth)
        case ast.NamedExpr(value=value) if not is_periodic(value, known):
            return rarely_false(value, known, depth)
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE()]) if _names_version(left):
            return Seldom.ELSEWHERE
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[right]) if (
            is_none(right)
        ):
            return _elsewhere_if(known.is_given(left) is isinstance(op, ast.IsNot))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if _asks_for_stage(
            left, right, _STAGES_OF_TRAINING if isinstance(op, ast.Eq) else _STAGES_OF_EVALUATION
        ):
            return Seldom.EVALUATION if isinstance(op, (ast.Eq, ast.NotEq)) else None
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]) if _is_zero(
            right
        ) and _is_number_of(left):
            return Seldom.ONCE  # no label in the whole batch
        case ast.Compare(left=left, ops=[ast.NotEq() | ast.Gt() | ast.GtE()], comparators=[right]):
            return _guarded_if(is_periodic(left, known) or is_periodic(right, known))
        case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE()], comparators=[right]):
            return _guarded_if(asks_the_time(left, right, known))
        case ast.Call() if _asks(test, ("isfinite",)):
            return Seldom.ERROR
        case ast.Call() if depth and (answers := known.answers(test)):
            given, inner = answers
            return commonest([rarely_false(each, inner, depth - 1) for each in given])
        case ast.Compare() if _asks_for_training(test):
            return Seldom.EVALUATION
        case ast.Name() | ast.Attribute():
            if is_done_once(test):
                return Seldom.ONCE
            if _asks_for_training(test):
                return Seldom.EVALUATION
            if (dotted(test) or "").endswith(".is_cuda") or is_newer(test):
                return Seldom.ELSEWHERE
            stands_for = known.stands_for(test) if depth else None
            return rarely_false(stands_for, known, depth - 1) if stands_for is not None else None
    return _guarded_if(is_periodic(test, known))


def _rare_name(test: ast.Name | ast.Attribute, known: Meanings, depth: int) -> Seldom | None:
    name = (dotted(test) or "").rsplit(".", 1)[-1]
    if (why := by_name(name)) is Seldom.ASKED:
        return why
    stands_for = known.stands_for(test) if depth else None
    if stands_for is not None and (why := rare(stands_for, known, depth - 1)):
        return why
    # `should_log = rank == 0` is called as a guard, and is none.
    if (why := by_name(name)) and not (stands_for and _RANK.search(ast.unparse(stands_for))):
        return why
    return known.by_callers(test) if depth and stands_for is None else None


def _rare_answer(call: ast.Call, known: Meanings, depth: int) -> Seldom | None:
    name = (dotted(call.func) or "").rsplit(".", 1)[-1]
    if name == "isEnabledFor":
        return Seldom.ASKED
    if name == "isinstance" and call.args and is_serving_state(call.args[0]):
        return Seldom.EVALUATION
    if depth and (answers := known.answers(call)):
        given, inner = answers
        if why := commonest([never(each) or rare(each, inner, depth - 1) for each in given]):
            return why
        # It is named as a guard, and is none.
        if any(is_modulus_of_one(n, inner) or _RANK.search(ast.unparse(n)) for n in given):
            return None
    if _EVERY.match(name) and call.args:
        last = call.args[-1]
        often = [last, *(k.value for k in call.keywords)]
        return _guarded_if(not any(isinstance(n, ast.Constant) and n.value == 1 for n in often))
    if _LAST.match(name):
        return Seldom.ONCE
    return by_name(name) or _error_if(_asks(call, ("isnan", "isinf")))


def never(test: ast.expr) -> Seldom | None:
    """Whether this is `False`, as a helper returns it, or a caller passes it."""
    return _guarded_if(isinstance(test, ast.Constant) and not test.value)


def _rarest(found: Iterable[Seldom | None]) -> Seldom | None:
    """Of conditions that all have to hold, an error path says the most."""
    why = [each for each in found if each is not None]
    return Seldom.ERROR if Seldom.ERROR in why else next(iter(why), None)


def commonest(found: Sequence[Seldom | None]) -> Seldom | None:
    """Of conditions one of which has to hold, each has to be rare."""
    if None in found or not found:
        return None
    return next((why for why in found if why is not Seldom.ERROR), Seldom.ERROR)


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


def _elsewhere_if(holds: bool) -> Seldom | None:
    return Seldom.ELSEWHERE if holds else None


def _error_if(holds: bool) -> Seldom | None:
    return Seldom.ERROR if holds else None


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _is_number_of(node: ast.expr) -> bool:
    """Whether this says how many there are of something: `len(x)`, `num_positives`."""
    return _is_size(node) or bool(_NUMBER_OF.search((dotted(node) or "").rsplit(".", 1)[-1]))


def _rare_comparison(
    left: ast.expr, op: ast.cmpop, right: ast.expr, known: Meanings
) -> Seldom | None:
    of_evaluation = _STAGES_OF_EVALUATION if isinstance(op, ast.Eq) else _STAGES_OF_TRAINING
    if isinstance(op, (ast.Eq, ast.NotEq)) and _asks_for_stage(left, right, of_evaluation):
        return Seldom.EVALUATION
    if isinstance(op, ast.Eq) and "zero_shot" in str(getattr(right, "value", "")):
        return Seldom.EVALUATION
    if isinstance(op, (ast.Gt, ast.NotEq)) and _is_zero(right):
        if by_name((dotted(left) or "").rsplit(".", 1)[-1]) is Seldom.ASKED:
            return Seldom.ASKED  # `debug > 0`
        stands_for = known.stands_for(left)
        if isinstance(stands_for, ast.IfExp) and _is_zero(stands_for.orelse):
            return rare(stands_for.test, known)  # `n = len(mems) if mems is not None else 0`
    if isinstance(op, (ast.Gt, ast.GtE)):
        return _guarded_if(asks_the_time(left, right, known))
    if isinstance(op, (ast.Lt, ast.LtE)) and _is_by_chance(left, right):
        return Seldom.GUARDED
    if isinstance(op, (ast.Lt, ast.LtE)) and _names_version(left):
        return Seldom.ELSEWHERE
    if isinstance(op, (ast.Lt, ast.LtE)):
        periodic = isinstance(op, ast.Lt) and is_periodic(left, known)
        return _guarded_if(periodic or asks_the_time(right, left, known))
    if isinstance(op, ast.Is | ast.IsNot) and is_none(right):
        if isinstance(op, ast.IsNot) and is_serving_state(left):
            return Seldom.EVALUATION
        return _elsewhere_if(known.is_given(left) is isinstance(op, ast.Is))
    if isinstance(op, ast.Eq) and (dotted(right) or "").endswith(_HALF):
        return _elsewhere_if("dtype" in (dotted(left) or ""))  # masters are kept in float32
    if isinstance(op, ast.Eq) and _asks_for_other_device(left, right):
        return Seldom.ELSEWHERE
    if not isinstance(op, (ast.Eq, ast.In)):
        return None
    if is_periodic(left, known) or is_periodic(right, known):
        return Seldom.GUARDED
    if not isinstance(op, ast.Eq):
        return _guarded_if(counts(left))
    if isinstance(right, ast.Constant) and right.value == 0 and _is_number_of(left):
        return Seldom.ONCE  # an empty batch, an image without objects
    return Seldom.ONCE if counts(left) or counts(right) else None


def _is_by_chance(left: ast.expr, right: ast.expr) -> bool:
    """Whether this is `random.random() < 0.01`: true in a few steps that nobody can name."""
    match left, right:
        case ast.Call(func=func, args=[]), ast.Constant(value=float() as share):
            return dotted(func) in _DRAWS and share <= _FEW
    return False


def _asks_for_stage(left: ast.expr, right: ast.expr, names: re.Pattern[str]) -> bool:
    """Whether this asks for a part of the run: `stage == Stage.TRAIN`, `phase == "val"`."""
    if not _STAGE.search(dotted(left) or ""):
        return False
    match right:
        case ast.Constant(value=str() as name):
            return bool(names.match(name))
        case ast.Attribute(attr=name) if "stage" in (dotted(right.value) or "").lower():
            return bool(names.match(name))
    return False


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
