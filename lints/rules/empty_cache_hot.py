"""PFL602 empty-cache-hot."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Confidence
from ..rule import Rule

_EMPTIES = {
    "torch.cuda.empty_cache",
    "torch.cuda.memory.empty_cache",
    "torch.accelerator.empty_cache",
    "torch.accelerator.memory.empty_cache",
    "torch.xpu.empty_cache",
    "torch.mps.empty_cache",
    "torch.npu.empty_cache",
    "torch.mlu.empty_cache",
    "torch.cuda.ipc_collect",
}


class EmptyCacheHot(Rule):
    """`torch.cuda.empty_cache()` or its like in every training step.

    ## Why it is slow
    It gives the allocator's free blocks back to the driver, which first waits for the device. The
    next step asks for the same blocks again, with `cudaMalloc`, which waits as well. A run that
    stopped doing it in each step went from 65 s to 45-50 s (huggingface/peft, issue 2894).

    ## Instead
    Leave it out: the allocator reuses its blocks. Where memory is short because it is fragmented,
    `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` helps more.

    ## When it is fine
    Every N steps, between epochs, before an evaluation of other shapes, after running out of
    memory, and where another process needs the memory. It can lower the peak (the run above took
    23.5 GB instead of 19.3), so there is no fix.

    ## Source
    huggingface/peft issue 2894; huggingface/transformers issue 31372 and pull request 31530.
    """

    code = "PFL602"
    tokens = ("empty_cache", "ipc_collect")
    needs_accelerator = True

    VALID = (
        """
        import torch
        for epoch in range(9):
            for step, x in enumerate(loader):
                model(x).mean().backward()
                optimizer.step()
                if step % 100 == 0:
                    torch.cuda.empty_cache()
            torch.cuda.empty_cache()
        """,
        """
        import torch
        for x in loader:
            try:
                model(x).mean().backward()
                optimizer.step()
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            tokenizer.empty_cache()
        """,
        """
        import torch
        def evaluate(model, loader):
            for x in loader:
                model(x)
                torch.cuda.empty_cache()
        """,
    )
    INVALID = (
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # <-
        """,
        """
        from torch.cuda import empty_cache as clean
        from transformers import Trainer
        class Mine(Trainer):
            def training_step(self, model, inputs):
                loss = super().training_step(model, inputs)
                clean()  # <-
                return loss
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that empty a cache."""
        return (call for call in facts.syntax.calls if facts.names.of(call.func) in _EMPTIES)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the call where it runs in every step."""
        if self.facts.name(node.func) not in _EMPTIES:
            return
        call, hot = self.facts.call(node), self.facts.hot(node)
        if call is not None and hot is not None:
            chosen = self.facts.by_choice(call)
            self.report(
                node,
                "the allocator gives its memory back in every step, and asks for it again",
                why=hot.why,
                severity=self.facts.severity(self.severity, hot),
                confidence=Confidence.POSSIBLE if chosen else Confidence.LIKELY,
            )
