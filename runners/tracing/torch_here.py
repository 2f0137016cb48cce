"""What the modes of one thread share, and what those of a process do."""

from collections.abc import Iterator
from contextlib import contextmanager

from .recorder import Recorder
from .sites import caller
from .trace import Kind


class Here:
    """One thread's state. `off`: the process is a loader's worker, of which nothing is recorded."""

    off = False

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.muted = False
        # The call in progress copies between tensors that the script has chosen itself.
        self.copying = False
        # The call in progress makes its result on the CPU.
        self.on_cpu = False

    def record(self, kind: Kind, operation: str, why: str) -> None:
        """Note what the code below this call does, unless it is part of something noted."""
        if not self.muted and not Here.off:
            self.recorder.record(kind, operation, why, caller())

    def record_free(self, operation: str, why: str) -> None:
        """Note what would wait for a tensor that is elsewhere."""
        if not self.muted and not Here.off:
            self.recorder.record_free(operation, why, caller())

    @contextmanager
    def set(self, name: str) -> Iterator[None]:
        """Hold one of the flags for the time of a call."""
        before = getattr(self, name)
        setattr(self, name, True)
        try:
            yield
        finally:
            setattr(self, name, before)
