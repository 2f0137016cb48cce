"""Whether a name is None where it is read, by what its function's callers pass."""

import ast
import re
from collections.abc import Callable
from typing import Protocol

from .bindings import Binding, How
from .callees import Callees
from .elsewhere import is_passed
from .nodes import Function, default_of, dotted, is_none, path_of, returns_of
from .outside import HotCall
from .questions import Questions
from .supplies import passed, spreads, within_body

# Collators hand these out with each batch, masks since sequences are of different lengths.
_INPUT = re.compile(r"^(input_ids|input_values|input_features|pixel_values)$")
_MASK = re.compile(r"^(attention|attn|padding|key_padding)_mask$")
_OPTIONS = re.compile(
    r"(^|[._])(args?|cfg|conf|config|opts?|options|hparams|settings|flags)$", re.I
)
# Methods of these names may find nothing.
_MAY_FIND_NOTHING = re.compile(r"^(get|pop|find|match|search|next|lookup|maybe|setdefault)(_|$)")
# How many questions may lead to one of a parameter: three for each caller on the way.
_DEEPEST = 18

# What a value may be: there, None, or one of them, nobody can tell which. Nothing: it is asked for.
May = frozenset[bool | None]
THERE, MISSING, OPEN, ASKED = (
    frozenset[bool | None]({True}),
    frozenset[bool | None]({False}),
    frozenset[bool | None]({None}),
    frozenset[bool | None](),
)


class Calling(Protocol):
    """Whoever knows which calls of a function count."""

    def calls(self, function: Function) -> list[ast.Call]:
        """Return the calls of this file by which training runs a function."""

    def elsewhere(self, function: Function) -> HotCall | None:
        """Return what other files pass to a function in every step."""


class Given:
    """Follows names to parameters, and those to all that callers pass."""

    def __init__(
        self, callees: Callees, calling: Calling, seldom: Callable[[ast.AST], object]
    ) -> None:
        self._callees = callees
        self._calling = calling
        self._seldom = seldom
        self.questions = Questions(OPEN)

    def there(self, node: ast.expr) -> bool | None:
        """Return whether an expression is never None, or always; None where that is open."""
        found = self._of(node)
        return next(iter(found)) if len(found) == 1 else None

    def _of(self, node: ast.expr) -> May:
        match node:
            case ast.Constant():
                return MISSING if is_none(node) else THERE
            case ast.Name():
                return self._of_name(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                parts = {THERE: [body], MISSING: [orelse]}.get(self._holds(test), [body, orelse])
                return frozenset().union(*map(self._of, parts))
            case ast.NamedExpr(value=value):
                return self._of(value)
            case ast.Call():
                return self._of_call(node)
            case ast.Attribute():
                return self._of_attribute(node)
            case ast.Subscript(slice=key) if not _is_text(key):
                return THERE  # a part of a tensor
            case ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Tuple() | ast.List():
                return THERE
            case ast.Dict() | ast.ListComp() | ast.DictComp() | ast.JoinedStr():
                return THERE
        return OPEN

    def _of_attribute(self, node: ast.Attribute) -> May:
        """Return what an object keeps: who hands it on has it, unless it is declared as None."""
        if _OPTIONS.search(dotted(node.value) or ""):
            return OPEN
        declared = self._callees.bindings_of(node, path_of(node) or (node.attr,))
        elsewhere = dotted(node.value) == "self" and self._callees.has_base_elsewhere(node)
        if (
            (elsewhere and not declared)
            or node.attr == "grad"
            or any(is_none(each.source) for each in declared)
        ):
            return OPEN
        return THERE

    def _holds(self, test: ast.expr) -> May:
        """Return whether `x is not None` holds, or its like."""
        match test:
            case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[right]) if is_none(right):
                return self._of(left)
            case ast.Compare(left=left, ops=[ast.Is()], comparators=[right]) if is_none(right):
                return frozenset(None if each is None else not each for each in self._of(left))
        return OPEN

    def _of_name(self, node: ast.Name) -> May:
        # Again, it is open: what it is rests on whether it is there.
        return self.questions.answer(node, lambda: self._reaching(node), again=OPEN)

    def _reaching(self, node: ast.Name) -> May:
        found = self._callees.bindings.reaching(node, (node.id,))
        often = [b for b in found if b.how is How.PARAMETER or not self._seldom(b.site)]
        if not often:
            return OPEN
        return frozenset().union(*(self._bound(binding) for binding in often))

    def _bound(self, binding: Binding) -> May:
        if binding.how is How.PARAMETER and isinstance(binding.site, Function):
            return self._of_parameter(binding.site, binding.path[0])
        if binding.how is How.AUGMENT:
            return THERE
        source = binding.source
        if binding.how is not How.ASSIGN or not isinstance(source, ast.expr):
            return OPEN
        # Again, it is a loop that gives a name its own value.
        return self.questions.answer(
            binding, lambda: self._unpacked(source, binding.at), again=ASKED
        )

    def _unpacked(self, source: ast.expr, at: tuple[int | None, ...]) -> May:
        if not at:
            return self._of(source)
        number = at[0]
        if isinstance(source, (ast.Tuple, ast.List)):
            known = number is not None and number < len(source.elts)
            return self._unpacked(source.elts[number or 0], at[1:]) if known else OPEN
        return self._of_call(source, at) if isinstance(source, ast.Call) else OPEN

    def _of_call(self, call: ast.Call, at: tuple[int | None, ...] = ()) -> May:
        called = self._callees.of(call)
        if isinstance(called, Function) and called.name != "forward":
            return self.questions.answer(
                (called, at), lambda: self._given_back(called, at), again=ASKED
            )
        if self._callees.calls_object(call):
            return OPEN if at and at[0] else THERE  # of a tuple, the first part is the output
        if isinstance(called, str):
            return THERE if called.startswith("torch.") and not at else OPEN
        name = call.func.attr if isinstance(call.func, ast.Attribute) else None
        return OPEN if at or name is None or _MAY_FIND_NOTHING.search(name) else THERE

    def _given_back(self, function: Function, at: tuple[int | None, ...]) -> May:
        returned = returns_of(function)
        if not returned or not isinstance(function.body[-1], (ast.Return, ast.Raise)):
            return OPEN
        given = [self._unpacked(each.value, at) if each.value else MISSING for each in returned]
        return frozenset().union(*given)

    def _of_parameter(self, function: Function, name: str) -> May:
        return self.questions.answer(
            (function, name), lambda: self._passed(function, name), again=ASKED, deepest=_DEEPEST
        )

    def _passed(self, function: Function, name: str) -> May:
        default = default_of(function, name)
        by_default = THERE if default is None else self._of(default)
        found: set[bool | None] = set()
        calls = self._calling.calls(function)
        for call in calls:
            value = passed(call, function, name)
            if value is None and spreads(call):
                return OPEN
            found |= by_default if value is None else self._of(value)
        elsewhere = self._calling.elsewhere(function)
        if elsewhere is not None:
            found |= is_passed(elsewhere, function, name, by_default)
        if calls or elsewhere:
            return frozenset(found)
        # Whoever runs it without being seen gives what it cannot do without.
        needed = default is None and not _may_be_none(function, name)
        return THERE if needed or _is_of_each_batch(function, name) else OPEN


def _may_be_none(function: Function, name: str) -> bool:
    """Whether a function asks if a parameter is None, which tells that it may be."""
    for node in within_body(function):
        match node:
            case ast.Compare(left=ast.Name(id=asked), comparators=[right]) if is_none(right):
                if asked == name:
                    return True
    return False


def _is_of_each_batch(function: Function, name: str) -> bool:
    """Whether a model gets this from a collator; what its layers get may be worked out or left."""
    if name == "input_ids":
        return True
    names = (arg.arg for arg in (*function.args.posonlyargs, *function.args.args))
    return bool(_MASK.match(name)) and any(map(_INPUT.match, names))


def _is_text(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str)
