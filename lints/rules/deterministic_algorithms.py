"""PFL708 deterministic-algorithms."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..finding import Severity
from ..rule import Rule
from ..switches import assigned, literal

_CALL = "torch.use_deterministic_algorithms"
_CUDNN = "torch.backends.cudnn.deterministic"


class DeterministicAlgorithms(Rule):
    """The program insists on deterministic algorithms.

    ## Why it is slow
    Where an operation has a faster version that adds up in no fixed order, that version is ruled
    out; scatters and the backward passes of convolutions lose most.

    ## Instead
    Fixed seeds alone, where runs need only be similar, and determinism by an option.

    ## When it is fine
    Where results must repeat bit for bit: that is a good reason, so this rule runs only where it is
    asked for.

    ## Source
    PyTorch documentation, "Reproducibility" ("deterministic operations are often slower").
    """

    code = "PFL708"
    tokens = ("deterministic",)
    severity = Severity.INFO
    hot_only = False
    opt_in = True

    VALID = (
        """
        import torch
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = args.deterministic
        """,
        """
        import torch
        if args.deterministic:
            torch.use_deterministic_algorithms(True)
        """,
        """
        import torch
        def seed_everything(seed):
            torch.backends.cudnn.deterministic = True
        """,
    )
    INVALID = (
        """
        import torch
        torch.use_deterministic_algorithms(True, warn_only=True)  # <-
        """,
        """
        import torch
        torch.backends.cudnn.deterministic = True  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls and assignments that ask for it."""
        yield from (c for c in facts.syntax.calls if facts.names.of(c.func) == _CALL)
        yield from (target for target, _ in assigned(facts.syntax, facts.names, _CUDNN))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `torch.use_deterministic_algorithms(True)`."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) != _CALL:
            return
        if literal(call, "mode") is True:
            self._check(node, call)

    def visit_Assign(self, node: cst.Assign) -> None:
        """Flag `torch.backends.cudnn.deterministic = True`."""
        target = self.facts.counterpart(node.targets[0].target)
        value = self.facts.counterpart(node.value)
        if target is None or self.facts.names.of(target) != _CUDNN:
            return
        if isinstance(value, ast.Constant) and value.value is True:
            self._check(node, target)

    def _check(self, node: cst.CSTNode, at: ast.AST) -> None:
        if not self.facts.is_test_code and always_runs(self.facts.syntax, at):
            self.report(node, "faster algorithms are ruled out")
