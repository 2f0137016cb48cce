"""PFL703 gradcheck-in-training."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule

_CHECKS = {
    "torch.autograd.gradcheck",
    "torch.autograd.gradgradcheck",
    "torch.autograd.gradcheck.gradcheck",
    "torch.autograd.gradcheck.gradgradcheck",
}


class GradcheckInTraining(Rule):
    """`torch.autograd.gradcheck` in code that runs in every training step.

    ## Why it is slow
    It evaluates the function twice for each element of its inputs, in double precision, and
    compares the results on the host.

    ## Instead
    Check gradients in a test.

    ## When it is fine
    In tests, and behind a debug option.

    ## Source
    PyTorch documentation of `torch.autograd.gradcheck`; the performance tuning guide, "Disable
    debugging APIs".
    """

    code = "PFL703"
    tokens = ("gradcheck", "gradgradcheck")
    preview = True

    VALID = (
        """
        import torch
        torch.autograd.gradcheck(function, inputs)
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for step, x in enumerate(loader):
            model(x).mean().backward()
            optimizer.step()
            if args.debug:
                torch.autograd.gradcheck(model, x)
        """,
        """
        import torch
        from elsewhere import gradcheck
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            gradcheck(model, x)
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            torch.autograd.gradcheck(model, x)  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        from torch.autograd import gradcheck as check
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            assert check(model, x)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the checks."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) in _CHECKS)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a check that runs in every step."""
        if self.facts.name(node.func) in _CHECKS and (hot := self.facts.hot(node)):
            self.report(node, "gradients are checked numerically in every step", why=hot.why)
