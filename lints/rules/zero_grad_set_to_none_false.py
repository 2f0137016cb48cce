"""PFL401 zero-grad-set-to-none-false."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import with_arguments
from ..facts import Facts
from ..finding import Severity
from ..rule import Invalid, Rule

_GRAPHS = ("CUDAGraph", "make_graphed_callables")


class ZeroGradSetToNoneFalse(Rule):
    """`zero_grad(set_to_none=False)` fills every gradient with zeros instead of dropping it.

    ## Why it is slow
    Each step writes zeros over all gradients, and the backward pass then reads them back to add to
    them. Dropped gradients cost neither: the first one is simply stored.

    ## Instead
    `optimizer.zero_grad()`, which drops them since PyTorch 2.0.

    ## When it is fine
    Where something reads `p.grad` between two steps and expects a tensor, where gradients must keep
    their place in memory (CUDA graphs): files that do either are left alone. And where an optimizer
    must see zeros rather than nothing.

    ## Fix safety
    Unsafe: an optimizer skips a parameter without a gradient, but not one whose gradient is zero
    (weight decay and momentum then still move it).

    ## Source
    Documentation of `torch.optim.Optimizer.zero_grad`; `torch.profiler`'s own pattern matcher
    reports the same ("GradNotSetToNone").
    """

    code = "PFL401"
    preview = True
    tokens = ("zero_grad(",)
    hot_only = False
    since = (2, 0)

    VALID = (
        """
        import torch
        optimizer.zero_grad()
        optimizer.zero_grad(set_to_none=True)
        optimizer.zero_grad(set_to_none=args.drop)
        """,
        """
        import torch
        class Wrapper(torch.optim.Optimizer):
            def zero_grad(self, set_to_none=False):
                self.inner.zero_grad(set_to_none)
        """,
        """
        import torch
        zero_grad(set_to_none=False)
        """,
        """
        import torch
        optimizer.zero_grad(set_to_none=False)
        for p, other in zip(parameters, others):
            p.grad += other
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            for x in loader:
                optimizer.zero_grad(set_to_none=False)  # <-
                model(x).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            for x in loader:
                optimizer.zero_grad()  # <-
                model(x).mean().backward()
                optimizer.step()
            """,
        ),
        Invalid(
            """
            import torch
            self.model.zero_grad(False)  # <-
            """,
            fixed="""
            import torch
            self.model.zero_grad()  # <-
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `zero_grad` that pass anything."""
        calls = facts.syntax.calls_to("zero_grad")
        return (call for call in calls if call.args or call.keywords)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a literal `False`, by keyword or by place."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "zero_grad":
            return
        if len(node.args) != 1 or self.facts.is_test_code:
            return
        given = node.args[0]
        named = given.keyword is None or given.keyword.value == "set_to_none"
        false = isinstance(given.value, cst.Name) and given.value.value == "False"
        if named and false and not self._needs_gradients():
            hot = self.facts.hot(node)
            self.report(
                node,
                "every gradient is overwritten with zeros",
                why=hot.why if hot else None,
                severity=self.severity if hot else Severity.INFO,
                fix=with_arguments(node, ()),
            )

    def _needs_gradients(self) -> bool:
        """Whether the file reads gradients itself, or captures graphs, which write to one place."""
        syntax = self.facts.syntax
        reads = any(node.attr == "grad" for node in syntax.nodes(ast.Attribute))
        return reads or bool(syntax.calls_to(*_GRAPHS))
