"""PFL116 clip-error-if-nonfinite."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import keyword
from ..sync_rule import SyncRule
from ..values import Kind, Value

_CLIPS = ("clip_grad_norm_", "clip_grad_norm", "clip_grads_with_norm_", "get_total_norm")
_NORM = Value(Kind.TENSOR)


class ClipErrorIfNonfinite(SyncRule):
    """Gradients are clipped with `error_if_nonfinite=True` in every training step.

    ## Why it is slow
    To raise the error, Python has to know whether the norm is finite. The CPU waits for it in every
    step, before the optimizer's step can be queued.

    ## Instead
    Leave the default, `False`, and look at the norm that is returned every N steps. A gradient
    scaler leaves out steps with infinite gradients by itself.

    ## When it is fine
    While looking for an error, and where steps are long against the wait.

    ## Source
    `torch/nn/utils/clip_grad.py`: `if error_if_nonfinite and torch.logical_or(total_norm.isnan(),
    total_norm.isinf())`.
    """

    code = "PFL116"
    tokens = ("error_if_nonfinite",)
    preview = True

    VALID = (
        """
        import torch
        for x, y in loader:
            model(x).mean().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=False)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=strict)
            optimizer.step()
        """,
        """
        import torch
        def check(model):
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)
        """,
        """
        import torch
        for step, x in enumerate(loader):
            model(x).mean().backward()
            if args.debug:
                torch.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)  # <- info
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        from torch.nn.utils import clip_grad_norm_
        for x, y in loader:
            model(x).mean().backward()
            clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)  # <-
            optimizer.step()
        """,
        """
        import torch
        def train_step(model, optimizer, batch):
            model(batch).mean().backward()
            torch.nn.utils.clip_grad_norm_(  # <-
                model.parameters(), max_norm=1.0, error_if_nonfinite=True
            )
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that clip."""
        return facts.syntax.calls_to(*_CLIPS)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the option where it is on for certain."""
        call = self.facts.call(node)
        if call is None or not (self.facts.name(node.func) or "").endswith(_CLIPS):
            return
        match keyword(call, "error_if_nonfinite"):
            case ast.Constant(value=True):
                message = "the CPU waits for the norm of the gradients"
                self.says(node, _NORM, message)
