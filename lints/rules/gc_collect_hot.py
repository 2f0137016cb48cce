"""PFL603 gc-collect-hot."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Confidence
from ..rule import Rule


class GcCollectHot(Rule):
    """`gc.collect()` in every training step.

    ## Why it is slow
    A full collection looks at every object that Python holds, hundreds of thousands in a training
    program, while the GPU waits for its next kernels. A run that stopped doing it in each step went
    from 108 s to 65 s (huggingface/peft, issue 2894).

    ## Instead
    Leave it out: tensors are freed when the last reference goes, without the collector. If they are
    not, find the cycle that holds them. To keep collections out of the step altogether, disable the
    collector and collect every few hundred steps.

    ## When it is fine
    Every N steps, between epochs, after running out of memory, and in a script that loads and drops
    whole models.

    ## Source
    huggingface/peft issue 2894.
    """

    code = "PFL603"
    tokens = ("collect(",)

    VALID = (
        """
        import gc
        import torch
        for epoch in range(9):
            for step, x in enumerate(loader):
                model(x).mean().backward()
                optimizer.step()
                if step % 500 == 0:
                    gc.collect()
            gc.collect()
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            garbage.collect()
        """,
        """
        import gc
        import torch
        for x in loader:
            try:
                model(x).mean().backward()
                optimizer.step()
            except RuntimeError:
                gc.collect()
        """,
        """
        import gc
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            gc.collect(0)
        """,
    )
    INVALID = (
        """
        import gc
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            gc.collect()  # <-
        """,
        """
        from gc import collect
        import torch
        def clean_up():
            collect()  # <-

        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            clean_up()
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of the collector."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) == "gc.collect")

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a full collection where it runs in every step."""
        # A collection of the youngest objects only is quick.
        if self.facts.name(node.func) != "gc.collect" or node.args:
            return
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is not None and hot is not None:
            chosen = self.facts.by_choice(call)
            self.report(
                node,
                "Python looks through all of its objects in every step",
                why=hot.why,
                severity=self.facts.severity(self.severity, hot),
                confidence=Confidence.POSSIBLE if chosen else Confidence.LIKELY,
            )
