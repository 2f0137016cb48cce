"""PFL121 sync-in-compiled-region."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..rule import Rule
from ..values import Kind

_READS = ("item", "tolist")
_CASTS = ("float", "int", "bool")


class SyncInCompiledRegion(Rule):
    """A tensor is read by the host (`.item()`, `float(x)`, `if x > 0:`) in compiled code.

    ## Why it is slow
    `torch.compile` cannot put into one graph what Python has to decide by a value. The graph breaks
    there: the CPU waits for the GPU, the parts are launched one by one, and what lies on both sides
    of the break is not fused. In a captured CUDA graph it is an error.

    ## Instead
    Stay with tensors (`torch.where`, `torch.cond`), and read values outside of the compiled
    function. With `fullgraph=True` the compiler shows each break.

    ## When it is fine
    In functions that are left out on purpose (`torch.compiler.disable`), and for `.item()` with
    `torch._dynamo.config.capture_scalar_outputs` set.

    ## Source
    The page "Common graph breaks" of PyTorch's documentation lists `.item()`, `.tolist()` and
    control flow that depends on data.
    """

    code = "PFL121"
    tokens = ("compile",)
    preview = True
    severity = Severity.ERROR
    hot_only = False

    VALID = (
        """
        import torch
        @torch.compile
        def step(x: torch.Tensor, n: int):
            if n > 3 or x.shape[0] > 2 or x is None:
                return float(n)
            return torch.where(x > 0, x, 0)
        """,
        """
        import torch
        def plain(x: torch.Tensor):
            return x.sum().item()
        run = torch.compile(other)
        """,
        """
        import torch
        torch._dynamo.config.capture_scalar_outputs = True
        @torch.compile
        def step(x: torch.Tensor):
            return x.sum().item()
        """,
    )
    INVALID = (
        """
        import torch
        @torch.compile
        def step(x: torch.Tensor):
            total = x.sum().item()  # <-
            if x.mean() > 0:  # <-
                x = x + 1
            values = x.tolist()  # <-
            return x * float(x.max())  # <-
        """,
        """
        import torch
        from torch import nn
        class Net(nn.Module):
            def forward(self, x):
                assert x.sum() > 3  # <-
                while (x > 0).all():  # <-
                    x = x - 1
                return self.net(x)
        net = torch.compile(Net())
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the reads in compiled functions."""
        if not facts.compiled.any_traced():
            return
        nodes = (*facts.syntax.calls_to(*_READS, *_CASTS), *facts.decisions.tested)
        yield from (node for node in nodes if _reads(facts, node) and _region(facts, node))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `x.item()` and `float(x)`."""
        self._check(node)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        """Flag `if x > 0:`."""
        self._check(node)

    def visit_Name(self, node: cst.Name) -> None:
        """Flag `if x:`."""
        self._check(node)

    def _check(self, node: cst.BaseExpression) -> None:
        found = self.facts.counterpart(node)
        if found is None or self.facts.is_test_code or not _reads(self.facts, found):
            return
        name = _region(self.facts, found)
        if name is not None and not self._captures(found):
            why = f"in `{name}`, which is compiled"
            self.report(node, "a tensor is read by the host in compiled code", why=why)

    def _captures(self, found: ast.expr) -> bool:
        """Whether the file has `.item()` captured into the graph."""
        if not isinstance(found, ast.Call):
            return False
        attributes = self.facts.syntax.nodes(ast.Attribute)
        return any(node.attr == "capture_scalar_outputs" for node in attributes)


def _region(facts: Facts, node: ast.AST) -> str | None:
    """Return the compiled function that always runs this node: what a test guards, it does not."""
    while (parent := facts.syntax.parent(node)) is not None:
        match parent:
            case ast.If(test=test) | ast.IfExp(test=test) if test is node:
                pass
            case ast.BoolOp(values=[first, *_]) if first is node:
                pass
            case ast.UnaryOp():
                pass
            case _:
                break
        node = parent
    return facts.compiled.region(node)


def _reads(facts: Facts, node: ast.AST) -> bool:
    """Whether Python needs the value of a tensor here."""
    match node:
        case ast.Call(func=ast.Attribute(attr="item" | "tolist", value=owner), args=[]):
            return facts.dataflow.value(owner).kind is Kind.TENSOR
        case ast.Call(func=ast.Name(id="float" | "int" | "bool") as func, args=[arg]):
            return bool(facts.names.builtin(func)) and facts.dataflow.value(arg).is_tensor
        case ast.expr() if node in facts.decisions.tested:
            return facts.dataflow.value(node).is_tensor
    return False
