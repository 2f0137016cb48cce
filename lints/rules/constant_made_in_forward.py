"""PFL806 constant-made-in-forward."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import within
from ..outside import Place
from ..rule import Rule

_FACTORIES = ("arange", "linspace", "ones", "zeros", "full", "eye", "tensor")
_MASKS = ("torch.tril", "torch.triu")


class ConstantMadeInForward(Rule):
    """A `forward` makes anew, each time, what depends on no input: a causal mask, a table.

    ## Why it is slow
    Each step launches the kernels that fill it, and `torch.tensor([...])` copies it from the host,
    which waits.

    ## Instead
    Make it once in `__init__` and keep it with `self.register_buffer("mask", mask,
    persistent=False)`; slice it to the length at hand.

    ## When it is fine
    For small tensors made on the device, where one kernel more hardly shows, and where
    `torch.compile` fuses it away.

    ## Source
    PyTorch documentation of `torch.nn.Module.register_buffer`.
    """

    code = "PFL806"
    tokens = ("tril", "triu", "tensor(")
    preview = True

    VALID = (
        """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("mask", torch.tril(torch.ones(9, 9)))
            def forward(self, x):
                return x * self.mask
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                n = x.shape[1]
                return x * torch.tril(torch.ones(n, n, device=x.device))
        """,
        """
        import torch
        def mask():
            return torch.tril(torch.ones(9, 9))
        """,
    )
    INVALID = (
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                mask = torch.tril(torch.ones(64, 64, device=x.device))  # <-
                return x * mask
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                kernel = torch.tensor([1.0, 2.0, 1.0], device=x.device)  # <-
                return x * kernel
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that make masks and tables."""
        return (
            c for c in facts.syntax.calls_to("tril", "triu", "tensor") if facts.names.of(c.func)
        )

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a mask or a table whose numbers all stand in the text."""
        call = self.facts.call(node)
        if call is None or not call.args:
            return
        hot = self.facts.hot(node)
        if hot is None or hot.place is not Place.FORWARD:
            return
        name = self.facts.names.of(call.func)
        if name == "torch.tensor":
            given = call.args[0]
            constant = isinstance(given, ast.List | ast.Tuple) and len(given.elts) > 1
        else:
            constant = name in _MASKS and self._is_factory(call.args[0])
        if constant and self._is_constant(call.args[0]):
            self.report(
                node,
                "a constant is made anew in every step",
                why=hot.why,
                severity=self.facts.severity(self.severity, hot),
            )

    def _is_factory(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.facts.factories.name(node) in _FACTORIES

    def _is_constant(self, node: ast.expr) -> bool:
        """Whether nothing but literals decides what an expression holds; a device may differ."""
        if isinstance(node, ast.Call):
            return bool(node.args) and all(self._is_constant(arg) for arg in node.args)
        return not any(isinstance(part, ast.Name | ast.Call) for part in within(node))
