"""PFL506 barrier-in-hot-path."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..collectives import Collective
from ..facts import Facts
from ..finding import Confidence
from ..outside import Place
from ..rule import Cost, Rule


class BarrierInHotPath(Rule):
    """A barrier (`dist.barrier()`, `wait_for_everyone()`) in every training step.

    ## Why it is slow
    Every process waits for the slowest, and with NCCL the CPU also waits for its own device. The
    gradients' all-reduce orders the processes anyway, but on the device, beside the backward pass.

    ## Instead
    Leave it out. Nothing in a step needs it: collectives wait for each other by themselves.

    ## When it is fine
    Around what one process does for all (downloading, saving), every N steps, between epochs, and
    in benchmarks.

    ## Source
    PyTorch documentation of `torch.distributed.barrier` (with NCCL it blocks the CPU until the
    collective is done).
    """

    code = "PFL506"
    cost = Cost.COLLECTIVE
    tokens = ("barrier(", "wait_for_everyone(")

    VALID = (
        """
        import torch
        import torch.distributed as dist
        for epoch in range(9):
            for step, x in enumerate(loader):
                model(x).mean().backward()
                optimizer.step()
                if step % 500 == 0:
                    save(model)
                    dist.barrier()
            dist.barrier()
        """,
        """
        import torch
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            threads.barrier()
        """,
        """
        import torch
        import torch.distributed as dist
        def evaluate(model, loader):
            for x in loader:
                model(x)
                dist.barrier()
        """,
    )
    INVALID = (
        """
        import torch
        import torch.distributed as dist
        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            dist.barrier()  # <-
        """,
        """
        import torch
        for x in loader:
            accelerator.backward(model(x).mean())
            optimizer.step()
            accelerator.wait_for_everyone()  # <-
        """,
        """
        import torch
        from torch.distributed import barrier, is_initialized
        def reduced(value):
            if is_initialized():
                barrier()  # <-
            return value

        for x in loader:
            model(x).mean().backward()
            optimizer.step()
            seen += reduced(1)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the barriers."""
        kind = facts.collectives.kind
        return (call for call in facts.syntax.calls if kind(call) is Collective.BARRIER)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag a barrier where it runs in every step."""
        call = self.facts.call(node)
        if call is None or self.facts.collectives.kind(call) is not Collective.BARRIER:
            return
        hot = self.facts.hot(node)
        # What a `forward` waits for may be needed by those who split the model.
        if hot is None or hot.place is Place.FORWARD:
            return
        chosen = self.facts.by_choice(call)
        self.report(
            node,
            "every process waits for the slowest in every step",
            why=hot.why,
            confidence=Confidence.POSSIBLE if chosen else Confidence.LIKELY,
        )
