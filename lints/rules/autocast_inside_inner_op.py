"""PFL305 autocast-inside-inner-op."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..nodes import Function, Loop
from ..rule import Rule


class AutocastInsideInnerOp(Rule):
    """`autocast` is entered for each layer of a loop within a training step.

    ## Why it is slow
    Leaving the outermost autocast region throws its cache of cast weights away, so each weight is
    cast again the next time, and entering takes the CPU some microseconds for each layer.

    ## Instead
    Enter `autocast` once around the forward pass and the loss.

    ## When it is fine
    Where single layers need another data type than their surroundings (`enabled=False`).

    ## Source
    `torch.amp` documentation (autocast regions and their weight cache).
    """

    code = "PFL305"
    tokens = ("autocast",)
    severity = Severity.INFO
    preview = True

    VALID = (
        """
        import torch
        for x in loader:
            with torch.autocast("cuda"):
                loss = model(x).mean()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            for layer in layers:
                with torch.autocast("cuda", enabled=False):
                    x = layer(x)
            x.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        for x in loader:
            with torch.autocast("cuda"):
                for layer in layers:
                    x = layer(x)
            x.mean().backward()
            optimizer.step()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            for layer in layers:
                with torch.autocast("cuda"):  # <-
                    x = layer(x)
            x.mean().backward()
            optimizer.step()
        """,
        """
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                for layer in self.layers:
                    with torch.amp.autocast("cuda", dtype=torch.bfloat16):  # <-
                        x = layer(x)
                return x
        for x in loader:
            net(x).mean().backward()
            optimizer.step()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the autocast regions that stand in a loop within a step."""
        return (call for call in facts.syntax.calls if _is_inner(facts, call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `with autocast(...)` in a loop over layers."""
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is not None and hot is not None and _is_inner(self.facts, call):
            message = "`autocast` is entered for each layer of this loop"
            self.report(node, message, why=hot.why)


def _is_inner(facts: Facts, call: ast.Call) -> bool:
    if not facts.precision.is_autocast(call) or any(k.arg == "enabled" for k in call.keywords):
        return False
    holder = facts.syntax.parent(call)
    if not isinstance(holder, ast.withitem):
        return False
    for child, parent in facts.syntax.ancestors(holder):
        if isinstance(parent, Loop) and child in parent.body:
            return not facts.regions.is_step_loop(parent)
        if isinstance(parent, Function):
            return False
    return False
