"""PFL706 disabled-backend."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..rule import Rule
from ..switches import assigned, literal

_CUDNN = "torch.backends.cudnn.enabled"
_THREADS = "torch.autograd.set_multithreading_enabled"


class DisabledBackend(Rule):
    """cuDNN, or the threads of the backward pass, are switched off.

    ## Why it is slow
    Without cuDNN, convolutions, batch norms and recurrent layers fall back to slower kernels.
    Without its threads, the backward pass of a process with several devices runs one device after
    the other.

    ## Instead
    Leave both on. For an error that cuDNN reports, find its cause (mostly memory, or tensors that
    are not contiguous); for repeatable results there is `torch.backends.cudnn.deterministic`.

    ## When it is fine
    While you look for a bug, behind an option, and for models that use no such layer.

    ## Source
    PyTorch documentation of `torch.backends.cudnn` and of
    `torch.autograd.grad_mode.set_multithreading_enabled`.
    """

    code = "PFL706"
    tokens = ("cudnn", "set_multithreading_enabled")
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        torch.backends.cudnn.enabled = True
        torch.backends.cudnn.enabled = args.cudnn
        torch.autograd.set_multithreading_enabled(True)
        """,
        """
        import torch
        if args.no_cudnn:
            torch.backends.cudnn.enabled = False
        """,
        """
        import torch
        def set_seed(seed):
            torch.backends.cudnn.enabled = False
        """,
        """
        import torch
        torch.backends.cudnn.enabled = False
        out = model(x)
        torch.backends.cudnn.enabled = True
        """,
    )
    INVALID = (
        """
        import torch
        torch.backends.cudnn.enabled = False  # <-
        """,
        """
        import torch
        from torch.backends import cudnn
        cudnn.enabled = False  # <-
        torch.autograd.set_multithreading_enabled(False)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the assignments and the calls that switch something off."""
        yield from (target for target, _ in assigned(facts.syntax, facts.names, _CUDNN))
        yield from (c for c in facts.syntax.calls if facts.names.of(c.func) == _THREADS)

    def visit_Assign(self, node: cst.Assign) -> None:
        """Flag `torch.backends.cudnn.enabled = False`."""
        target = self.facts.counterpart(node.targets[0].target)
        value = self.facts.counterpart(node.value)
        if target is None or self.facts.names.of(target) != _CUDNN:
            return
        if not (isinstance(value, ast.Constant) and value.value is False):
            return
        all_of_them = assigned(self.facts.syntax, self.facts.names, _CUDNN)
        if all(v.value is False for _, v in all_of_them if isinstance(v, ast.Constant)):
            self._check(node, target, "cuDNN is switched off")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `torch.autograd.set_multithreading_enabled(False)`."""
        call = self.facts.call(node)
        if call is None or self.facts.name(node.func) != _THREADS:
            return
        if literal(call, "mode") is False:
            self._check(node, call, "the backward pass is left with one thread")

    def _check(self, node: cst.CSTNode, at: ast.AST, message: str) -> None:
        if not self.facts.is_test_code and always_runs(self.facts.syntax, at):
            self.report(node, message)
