"""PFL310 graph-break-call."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..rule import Rule

_BREAKING = ("time.", "random.", "logging.", "warnings.warn")
_BUILTINS = {"print", "open", "breakpoint", "input"}
_LOG = {"debug", "info", "warning", "error", "critical", "exception", "log"}


class GraphBreakCall(Rule):
    """Code that is compiled calls what the compiler cannot trace: print, logging, clocks, random.

    ## Why it is slow
    The graph ends before the call and a new one starts after it: nothing is fused across, the
    guards of both are checked, and `fullgraph=True` or CUDA graphs are out of reach. With torch
    2.13, `torch._dynamo.explain` counts one break for each of these calls.

    ## Instead
    Take the call out of the compiled function, or put it under
    `if not torch.compiler.is_compiling()`.

    ## When it is fine
    Where the function is compiled for other parts and this one is rare; calls under any condition
    are not reported.

    ## Source
    The "Common graph breaks" page of the PyTorch documentation; each of the calls was counted with
    `torch._dynamo.explain`.
    """

    code = "PFL310"
    tokens = ("compile",)
    hot_only = False
    preview = True

    VALID = (
        """
        import torch
        def step(x):
            print(x.shape)
            return x * 2
        fast = torch.compile(other)
        """,
        """
        import torch
        @torch.compile
        def step(x):
            if not torch.compiler.is_compiling():
                print(x.shape)
            return x * 2
        """,
        """
        import torch
        @torch.compile
        def step(x):
            shown(x)
            return x * 2
        @torch.compiler.disable
        def shown(x):
            print(x)
        """,
    )
    INVALID = (
        """
        import random
        import torch
        @torch.compile(fullgraph=False)
        def step(x):
            print(x.shape)  # <-
            return scaled(x)
        def scaled(x):
            return x * random.random()  # <-
        """,
        """
        import logging
        import time
        import torch
        log = logging.getLogger(__name__)
        class Net(torch.nn.Module):
            def forward(self, x):
                start = time.time()  # <-
                log.info("forward")  # <-
                return self.layer(x)
        model = Net().cuda()
        model = torch.compile(model)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls in compiled functions."""
        if not facts.compiled.any_traced():
            return ()
        return (call for call in facts.syntax.calls if facts.compiled.region(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag calls that break the graph of a compiled function."""
        call = self.facts.call(node)
        where = self.facts.compiled.region(call) if call else None
        if where is None or self.facts.is_test_code:
            return
        if (name := self._breaks(node)) is not None:
            self.report(node, f"`{name}` ends the graph of the compiled `{where}`")

    def _breaks(self, node: cst.Call) -> str | None:
        builtin = self.facts.builtin(node.func)
        if builtin in _BUILTINS:
            return builtin
        name = self.facts.name(node.func)
        if name is not None:
            return name if name.startswith(_BREAKING) else None
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _LOG:
            made = self.facts.built_by(node.func.value)
            return node.func.attr.value if made == "logging.getLogger" else None
        return None
