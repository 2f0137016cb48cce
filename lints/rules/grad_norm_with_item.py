"""PFL408 grad-norm-with-item."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Cost, Rule

_NORMS = ("norm", "sum", "mean", "max", "abs")


class GradNormWithItem(Rule):
    """`.item()` in a loop over parameters, as in `total += p.grad.norm().item() ** 2`.

    ## Why it is slow
    The CPU waits for the device once for each parameter, hundreds of times for one number.

    ## Instead
    `torch.nn.utils.get_total_norm(grads)` (or what `clip_grad_norm_` gives back), which stays on
    the device; read it once, when it is logged. For one number per parameter:
    `torch.stack(torch._foreach_norm(grads)).tolist()`.

    ## When it is fine
    Rarely run code; there it is only `info`, since one wait does as well as hundreds there too.

    ## Source
    PyTorch's performance tuning guide, "Avoid unnecessary CPU-GPU synchronization".
    """

    code = "PFL408"
    cost = Cost.WAIT
    tokens = (".item(", "norm(")
    hot_only = False
    needs_accelerator = True
    instead_of = ("PFL101", "PFL102")

    VALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += norm.item()
        """,
        """
        import torch
        def count(model):
            for p in model.parameters():
                seen += float(p.numel()) * scale.item()
        """,
        """
        import torch
        for part in parts:
            total += part.norm().item()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            for p in model.parameters():
                norm = p.grad.data.norm(2)
                total += norm.item() ** 2  # <-
            optimizer.step()
        """,
        """
        import torch
        def grad_norm(model):
            for name, p in model.named_parameters():
                norms[name] = float(p.grad.norm(2))  # <-
            grads = [p for p in model.parameters() if p.grad is not None]
            return sum(p.grad.norm().item() ** 2 for p in grads) ** 0.5  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that read a number, in loops over parameters."""
        calls = facts.syntax.calls_to("item", "float")
        return (call for call in calls if facts.parameters.loop(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `.item()` or `float()` of what is worked out of each parameter."""
        call = self.facts.call(node)
        read = self._read(call) if call else None
        if call is None or read is None or self.facts.is_test_code:
            return
        parameters = self.facts.parameters
        loop = parameters.loop(call)
        if loop is None or not parameters.comes_from_each(read, loop):
            return
        hot = self.facts.hot(node)
        self.report(
            node,
            "the host waits for the device once for each parameter",
            why=hot.why if hot else None,
            severity=self.severity if hot else Severity.INFO,
        )

    def _read(self, call: ast.Call) -> ast.expr | None:
        match call:
            case ast.Call(func=ast.Attribute(attr="item", value=owner), args=[]):
                return owner
            case ast.Call(func=ast.Name(id="float") as func, args=[ast.Call() as given]):
                # `float(p.numel())` does not wait.
                norm = isinstance(given.func, ast.Attribute) and given.func.attr in _NORMS
                return given if norm and self.facts.names.builtin(func) else None
        return None
