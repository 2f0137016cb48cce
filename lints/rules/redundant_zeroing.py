"""PFL404 redundant-zeroing."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Rule


class RedundantZeroing(Rule):
    """Gradients are filled with zeros one by one: `p.grad.zero_()` in a loop over parameters.

    ## Why it is slow
    One small kernel for each parameter writes zeros that the backward pass then reads to add to
    them. A dropped gradient costs neither.

    ## Instead
    `optimizer.zero_grad()` or `model.zero_grad()`, which drop the gradients since PyTorch 2.0.

    ## When it is fine
    Where gradients must keep their place in memory, as in CUDA graphs.

    ## Source
    Documentation of `torch.optim.Optimizer.zero_grad`.
    """

    code = "PFL404"
    tokens = (".zero_(", ".fill_(")
    hot_only = False
    since = (2, 0)

    VALID = (
        """
        import torch
        for x in loader:
            optimizer.zero_grad()
            model(x).mean().backward()
            optimizer.step()
            buffer.zero_()
        """,
        """
        import torch
        for p in model.parameters():
            p.data.zero_()
            p.grad.fill_(1)
        """,
        """
        import torch
        weight.grad.zero_()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            for p in model.parameters():
                if p.grad is not None:
                    p.grad.detach_()
                    p.grad.zero_()  # <-
        """,
        """
        import torch
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad.data.fill_(0)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that fill with zeros in loops over parameters."""
        calls = facts.syntax.calls_to("zero_", "fill_")
        return (call for call in calls if facts.parameters.zeroes(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the call that fills a gradient with zeros."""
        call = self.facts.call(node)
        if call is None or not self.facts.parameters.zeroes(call) or self.facts.is_test_code:
            return
        hot = self.facts.hot(node)
        self.report(
            node,
            "gradients are filled with zeros one by one",
            why=hot.why if hot else None,
            severity=self.severity if hot else Severity.INFO,
        )
