"""PFL115 explicit-synchronize."""

import libcst as cst

from ..outside import Place
from ..rule import Rule

_DEVICE = {
    "torch.cuda.synchronize",
    "torch.accelerator.synchronize",
    "torch.xpu.synchronize",
    "torch.mps.synchronize",
    "torch.npu.synchronize",
}
_STREAMS = {
    "torch.cuda.Stream",
    "torch.cuda.Event",
    "torch.cuda.current_stream",
    "torch.cuda.default_stream",
    "torch.Stream",
    "torch.Event",
}


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
    tokens = ("synchronize(",)

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
    )

    def visit_Call(self, node: cst.Call) -> None:
        """Flag waiting for the whole device, for a stream, or for an event."""
        if self.facts.name(node.func) not in _DEVICE and not self._waits_for_stream(node.func):
            return
        hot = self.facts.hot(node)
        # What a `forward` waits for may be needed by whoever calls it.
        if hot is not None and hot.place is not Place.FORWARD:
            self.report(node, "the CPU waits for the device in every step", why=hot.why)

    def _waits_for_stream(self, func: cst.BaseExpression) -> bool:
        if not isinstance(func, cst.Attribute) or func.attr.value != "synchronize":
            return False
        return self.facts.built_by(func.value) in _STREAMS
