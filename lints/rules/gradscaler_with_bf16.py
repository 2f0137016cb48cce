"""PFL304 gradscaler-with-bf16."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule


class GradscalerWithBf16(Rule):
    """A `GradScaler` is on although all of the file's autocast regions cast to bfloat16.

    ## Why it is slow
    bfloat16 has the range of float32, so nothing needs scaling. The scaler still multiplies the
    loss, unscales every gradient, looks for infinities among them, and waits for the GPU in every
    `scaler.step` to learn the result; and it skips steps, at the start, that were fine.

    ## Instead
    Call `loss.backward()` and `optimizer.step()` themselves, or pass `enabled=False` to the scaler.

    ## When it is fine
    Where the same code runs with float16 too: `GradScaler(enabled=dtype == torch.float16)` is not
    reported, nor a file with an autocast whose data type cannot be read.

    ## Source
    `torch.amp` documentation (gradient scaling is for float16 gradients that underflow) and
    `torch/amp/grad_scaler.py` (`_maybe_opt_step` reads the found infinities by `.item()`).
    """

    preview = True
    code = "PFL304"
    tokens = ("GradScaler",)
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        scaler = torch.amp.GradScaler("cuda")
        with torch.autocast("cuda", dtype=torch.float16):
            loss = model(x).mean()
        """,
        """
        import torch
        scaler = torch.amp.GradScaler("cuda", enabled=dtype == torch.float16)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(x).mean()
        """,
        """
        import torch
        scaler = torch.amp.GradScaler("cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(x).mean()
        with torch.autocast("cuda", dtype=other):
            loss = model(x).mean()
        """,
    )
    INVALID = (
        """
        import torch
        scaler = torch.amp.GradScaler("cuda")  # <-
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(x).mean()
        scaler.scale(loss).backward()
        """,
        """
        import torch
        from torch.cuda.amp import GradScaler, autocast
        half = torch.bfloat16
        scaler = GradScaler(enabled=True)  # <-
        with autocast(dtype=half):
            loss = model(x).mean()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the scalers of files that only cast to bfloat16."""
        return (call for call in facts.syntax.calls if facts.precision.always_scales_bf16(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a scaler that nothing needs."""
        call = self.facts.call(node)
        if call is None or self.facts.is_test_code:
            return
        if self.facts.precision.always_scales_bf16(call):
            self.report(node, "a gradient scaler for bfloat16, which needs none")
