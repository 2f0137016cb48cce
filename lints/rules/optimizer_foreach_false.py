"""PFL402 optimizer-foreach-false."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import without_arguments
from ..facts import Facts
from ..nodes import keyword
from ..rule import Invalid, Rule

_CLIPS = ("torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad_value_")
_NONE_OF_THEM = ("torch.optim.lr_scheduler.", "torch.optim.swa_utils.")


class OptimizerForeachFalse(Rule):
    """An optimizer, or the clipping of gradients, is told to take parameters one by one.

    ## Why it is slow
    `foreach=False` runs a Python loop over the parameters, with several small kernels for each.
    Left alone, PyTorch takes its multi-tensor version on a GPU: a few kernels for all of them.

    ## Instead
    Leave `foreach` out, or pass `fused=True` where the optimizer has it.

    ## When it is fine
    Where memory is so short that a copy of all parameters' size is too much: the multi-tensor
    version needs that for its intermediate results.

    ## Fix safety
    Unsafe: results may differ in the last bits, and the peak of memory is higher.

    ## Source
    PyTorch documentation of `torch.optim` ("default is foreach where all parameters are on CUDA");
    `torch.profiler`'s own pattern matcher reports the same ("OptimizerSingleTensor").
    """

    code = "PFL402"
    tokens = ("foreach",)
    hot_only = False
    since = (2, 0)
    needs_accelerator = True

    VALID = (
        """
        import torch
        torch.optim.Adam(model.parameters())
        torch.optim.Adam(model.parameters(), foreach=args.foreach)
        torch.optim.Adam(model.parameters(), foreach=False, fused=True)
        """,
        """
        import torch
        from elsewhere import Adam
        Adam(model.parameters(), foreach=False)
        """,
        """
        import torch
        torch.optim.SGD(model.parameters(), foreach=None)
        torch.optim.swa_utils.get_ema_multi_avg_fn(foreach=False)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, foreach=False)  # <-
            """,
            fixed="""
            import torch
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)  # <-
            """,
        ),
        Invalid(
            """
            from torch.nn.utils import clip_grad_norm_ as clip
            clip(model.parameters(), foreach=False, max_norm=1.0)  # <-
            """,
            fixed="""
            from torch.nn.utils import clip_grad_norm_ as clip
            clip(model.parameters(), max_norm=1.0)  # <-
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that pass `foreach`."""
        return (call for call in facts.syntax.calls if keyword(call, "foreach"))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a literal `foreach=False` of an optimizer or of clipping."""
        call = self.facts.call(node)
        given = keyword(call, "foreach") if call else None
        if call is None or not (isinstance(given, ast.Constant) and given.value is False):
            return
        name = self.facts.name(node.func) or ""
        optimizer = name.startswith("torch.optim.") and not name.startswith(_NONE_OF_THEM)
        if not (optimizer or name in _CLIPS) or keyword(call, "fused") or self.facts.is_test_code:
            return
        fix = without_arguments(node, ("foreach",))
        self.report(node, "parameters are taken one by one", fix=fix)
