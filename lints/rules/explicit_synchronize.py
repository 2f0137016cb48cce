"""PFL115 explicit-synchronize."""

import ast
import re
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..finding import Confidence
from ..nodes import dotted
from ..outside import Place
from ..rule import Cost, Rule

_DEVICE = {
    "torch.cuda.synchronize",
    "torch.accelerator.synchronize",
    "torch.xpu.synchronize",
    "torch.mps.synchronize",
    "torch.npu.synchronize",
}
_STREAMS = {
    *("torch.Stream", "torch.Event", "torch.cuda.Stream", "torch.cuda.Event"),
    *("torch.cuda.current_stream", "torch.cuda.default_stream", "torch.cuda.ExternalStream"),
    *("torch.xpu.Stream", "torch.xpu.Event", "torch.xpu.current_stream", "torch.mps.event.Event"),
    *("torch.accelerator.current_stream", "torch.npu.Stream", "torch.npu.current_stream"),
}
# Who writes such a file waits in order to measure.
_MEASURES = re.compile(r"bench|profil|speed|throughput|latency", re.IGNORECASE)


class ExplicitSynchronize(Rule):
    """`torch.cuda.synchronize()` or its like in every training step.

    ## Why it is slow
    The CPU waits until the GPU has finished everything, and only then queues the next kernels. The
    GPU has nothing to do until they arrive.

    ## Instead
    Remove it: PyTorch orders what it must on its own. To time steps, use `torch.cuda.Event` with
    `enable_timing=True` and read it every N steps.

    ## When it is fine
    In benchmarks and profiling, every N steps, and between epochs. `event.wait()` and
    `stream.wait_stream()` make a stream wait, not the CPU, and are always fine.
    """

    code = "PFL115"
    cost = Cost.WAIT
    tokens = ("synchronize",)
    needs_accelerator = True

    VALID = (
        """
        import torch
        for epoch in range(epochs):
            for step, batch in enumerate(loader):
                model(batch).mean().backward()
                optimizer.step()
                if step % 100 == 0:
                    torch.cuda.synchronize()
                if args.profile:
                    torch.cuda.synchronize()
            torch.cuda.synchronize()
        """,
        """
        import torch
        def benchmark(model, batch):
            for _ in range(100):
                model(batch).mean().backward()
                optimizer.step()
                torch.cuda.synchronize()
        """,
        """
        import torch
        for batch in loader:
            model(batch).mean().backward()
            optimizer.step()
            clock.synchronize()
            stream.wait_stream(torch.cuda.current_stream())
        """,
        """
        import torch
        with torch.profiler.profile() as prof:
            for batch in loader:
                model(batch).mean().backward()
                optimizer.step()
                if step % 10 == 0:
                    torch.cuda.synchronize()
        """,
    )
    INVALID = (
        """
        import torch
        for batch in loader:
            model(batch).mean().backward()
            optimizer.step()
            torch.cuda.synchronize()  # <-
        """,
        """
        import torch
        from torch.cuda import Event, synchronize
        done = Event()
        for batch in loader:
            model(batch).mean().backward()
            optimizer.step()
            done.record()
            done.synchronize()  # <-
            torch.cuda.current_stream().synchronize()  # <-
            synchronize(device)  # <-
        """,
        """
        import torch
        from torch.cuda import synchronize as wait
        from deepspeed.accelerator import get_accelerator
        for batch in loader:
            model(batch).mean().backward()
            optimizer.step()
            wait()  # <-
            torch.accelerator.synchronize()  # <-
            get_accelerator().synchronize()  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that may wait."""
        yield from facts.syntax.calls_to("synchronize")
        names = (c for c in facts.syntax.calls if isinstance(c.func, ast.Name))
        yield from (call for call in names if facts.names.of(call.func) in _DEVICE)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag waiting for the whole device, for a stream, or for an event."""
        if self.facts.name(node.func) not in _DEVICE and not self._waits_for_stream(node.func):
            return
        hot, call = self.facts.hot(node), self.facts.call(node)
        # What a `forward` waits for may be needed by whoever calls it.
        if hot is None or call is None or hot.place is Place.FORWARD:
            return
        if self.facts.may_wait(node):
            return
        chosen = self.facts.by_choice(call) or _MEASURES.search(self.facts.path)
        self.report(
            node,
            "the CPU waits for the device in every step",
            why=hot.why,
            confidence=Confidence.POSSIBLE if chosen else Confidence.LIKELY,
        )

    def _waits_for_stream(self, func: cst.BaseExpression) -> bool:
        if not isinstance(func, cst.Attribute) or func.attr.value != "synchronize":
            return False
        if self.facts.built_by(func.value) in _STREAMS:
            return True
        owner = self.facts.counterpart(func.value)
        name = dotted(owner.func) if isinstance(owner, ast.Call) else None
        return name is not None and name.split(".")[-1] == "get_accelerator"
