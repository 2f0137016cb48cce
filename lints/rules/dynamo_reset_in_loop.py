"""PFL312 dynamo-reset-in-loop."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule

_RESETS = {"torch._dynamo.reset", "torch.compiler.reset"}


class DynamoResetInLoop(Rule):
    """All that was compiled is thrown away in every training step.

    ## Why it is slow
    `torch._dynamo.reset()` and `torch.compiler.reset()` empty the caches of compiled code: the next
    step compiles everything again, which takes seconds to minutes.

    ## Instead
    Leave it out. Where it was to free memory or to follow a change of shapes, mark the sizes as
    dynamic (`torch._dynamo.mark_dynamic`).

    ## When it is fine
    In tests and benchmarks that compare modes, between runs.

    ## Source
    `torch.compiler.reset` documentation.
    """

    code = "PFL312"
    tokens = ("reset(",)
    preview = True

    VALID = (
        """
        import torch
        torch._dynamo.reset()
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            env.reset()
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for mode in modes:
            torch._dynamo.reset()
            run(mode)
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            torch._dynamo.reset()  # <-
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            torch.compiler.reset()  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the resets."""
        return (c for c in facts.syntax.calls_to("reset") if facts.names.of(c.func) in _RESETS)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a reset of the compiler in a step."""
        hot = self.facts.hot(node)
        if hot is not None and self.facts.name(node.func) in _RESETS:
            self.report(node, "compiled code is thrown away in every step", why=hot.why)
