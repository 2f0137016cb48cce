"""PFL807 conv-bias-before-bn."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import keyword_argument, with_argument
from ..facts import Facts
from ..finding import Severity
from ..nodes import keyword
from ..rule import Invalid, Rule

_CONVOLUTIONS = {f"torch.nn.Conv{n}d" for n in (1, 2, 3)}
_TRANSPOSED = {f"torch.nn.ConvTranspose{n}d" for n in (1, 2, 3)}
_NORMS = {f"torch.nn.BatchNorm{n}d" for n in (1, 2, 3)} | {"torch.nn.SyncBatchNorm"}
# Where `bias` stands among the arguments of a convolution, and of a transposed one.
_PLACE, _TRANSPOSED_PLACE = 7, 8


class ConvBiasBeforeBn(Rule):
    """A convolution with a bias, directly followed by a batch norm.

    ## Why it is slow
    Batch norm subtracts the mean, and with it whatever the bias added: the bias has no effect, but
    costs a pass over the output, its gradient a sum over it, and memory.

    ## Instead
    `nn.Conv2d(..., bias=False)`.

    ## When it is fine
    Where checkpoints that hold the bias must still load, and where the model is only evaluated (the
    two are then fused).

    ## Fix safety
    Unsafe: checkpoints no longer have the same keys, and other weights are drawn at random.

    ## Source
    PyTorch's performance tuning guide, "Disable bias for convolutions directly followed by a batch
    norm"; `torch.profiler`'s own pattern matcher reports the same
    ("Conv2dBiasFollowedByBatchNorm2d").
    """

    code = "PFL807"
    tokens = ("BatchNorm",)
    severity = Severity.INFO
    hot_only = False

    VALID = (
        """
        from torch import nn
        nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.BatchNorm2d(8))
        nn.Sequential(nn.Conv2d(3, 8, 3, bias=bias), nn.BatchNorm2d(8))
        nn.Sequential(nn.Conv2d(3, 8, 3, **options), nn.BatchNorm2d(8))
        """,
        """
        from torch import nn
        nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, 1, 1, False), nn.BatchNorm2d(8))
        nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(3, 8, 3))
        """,
        """
        from torch import nn
        from elsewhere import Both
        Both(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        pairs = {nn.Conv2d(3, 8, 3): nn.BatchNorm2d(8)}
        """,
    )
    INVALID = (
        Invalid(
            """
            from torch import nn
            block = nn.Sequential(
                nn.Conv2d(3, 8, 3, padding=1),  # <-
                nn.BatchNorm2d(8),
                nn.ReLU(),
            )
            """,
            fixed="""
            from torch import nn
            block = nn.Sequential(
                nn.Conv2d(3, 8, 3, padding=1, bias=False),  # <-
                nn.BatchNorm2d(8),
                nn.ReLU(),
            )
            """,
        ),
        Invalid(
            """
            import torch.nn as nn
            layers = []
            layers += [nn.ConvTranspose2d(3, 8, 4, bias=True), nn.BatchNorm2d(8)]  # <-
            """,
            fixed="""
            import torch.nn as nn
            layers = []
            layers += [nn.ConvTranspose2d(3, 8, 4, bias=False), nn.BatchNorm2d(8)]  # <-
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the convolutions."""
        names = _CONVOLUTIONS | _TRANSPOSED
        calls = (c for c in facts.syntax.calls if facts.names.of(c.func) in names)
        return (call for call in calls if _comes_before_norm(facts, call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a convolution with a bias whose next sibling is a batch norm."""
        call = self.facts.call(node)
        name = self.facts.name(node.func)
        if call is None or name not in _CONVOLUTIONS | _TRANSPOSED:
            return
        place = _PLACE if name in _CONVOLUTIONS else _TRANSPOSED_PLACE
        if self.facts.is_test_code or not _has_bias(call, place):
            return
        if not _comes_before_norm(self.facts, call):
            return
        fix = _without_bias(node) if len(call.args) <= place else None
        self.report(node, "batch norm takes away again what this bias adds", fix=fix)


def _without_bias(node: cst.Call) -> cst.Call:
    off = keyword_argument("bias", cst.Name("False"))
    given = [arg for arg in node.args if arg.keyword and arg.keyword.value == "bias"]
    if not given:
        return with_argument(node, off)
    return node.with_deep_changes(given[0], value=off.value)


def _comes_before_norm(facts: Facts, call: ast.Call) -> bool:
    """Whether the next element of the same list or `nn.Sequential` is a batch norm."""
    match facts.syntax.parent(call):
        case ast.Call(func=func, args=siblings):
            if facts.names.of(func) != "torch.nn.Sequential":
                return False
        case ast.List(elts=siblings):
            pass
        case _:
            return False
    following = siblings[siblings.index(call) + 1 :][:1]
    return any(
        isinstance(norm, ast.Call) and facts.names.of(norm.func) in _NORMS for norm in following
    )


def _has_bias(call: ast.Call, place: int) -> bool:
    if any(k.arg is None for k in call.keywords):
        return False
    if any(isinstance(arg, ast.Starred) for arg in call.args) or len(call.args) > place:
        return False
    given = keyword(call, "bias")
    return given is None or (isinstance(given, ast.Constant) and given.value is True)
