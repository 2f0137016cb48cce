"""PFL308 compile-in-loop."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule


class CompileInLoop(Rule):
    """`torch.compile` is called in every training step.

    ## Why it is slow
    It wraps the function anew, which makes a new context and looks all guards up again: measured
    with torch 2.13 on a CPU, 0.36 ms for each call instead of 0.01 ms for one that was wrapped
    before. Where the function is another object each time, with other values in its closure, it is
    compiled again, which takes seconds.

    ## Instead
    Compile once, before the loop or in `__init__`, and call the result in the loop.

    ## When it is fine
    Under a condition (`if self.compiled is None`), which is not reported.

    ## Source
    `torch.compile` documentation; the figures are measured by calling a small function 200 times.
    """

    code = "PFL308"
    tokens = ("compile(",)
    preview = True

    VALID = (
        """
        import torch
        model = torch.compile(model)
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            if compiled is None:
                compiled = torch.compile(model)
            compiled(x).mean().backward()
            optimizer.step()
        """,
        """
        import re
        import torch
        for x in loader:
            pattern = re.compile("x")
            model(x).mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            step = torch.compile(model)  # <-
            step(x).mean().backward()
            optimizer.step()
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                return torch.compile(self.inner)(x)  # <-
        for x in loader:
            net(x).mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `torch.compile` that are hot."""
        return (call for call in facts.compiled.calls() if facts.is_hot(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `torch.compile(...)` in a step."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is None or hot is None or not self.facts.compiled.is_compile(call):
            return
        if self.facts.compiled.is_anew(call):
            self.report(node, "`torch.compile` in every step", why=hot.why)
