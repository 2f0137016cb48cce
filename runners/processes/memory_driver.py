"""Looks in a worker at what a perf test's step holds at its peak; nothing is counted or timed."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from ..limit import TimeLimit
from .channel import Channel, Message
from .pulse import Pulse

# As many as are run before steps are counted: an optimizer makes its state in the first.
_FIRST_STEPS = 3


class MemoryDriver:
    """Runs the first steps, then those that are looked at: each of a round twice."""

    def __init__(self, channel: Channel, root: Path, steps: int, seconds: float) -> None:
        self._channel, self._root, self._steps, self._seconds = channel, root, steps, seconds
        self._memory: Message | None = None
        self.drove = False

    def drive(self, step: Callable[[], object]) -> None:
        """Run the steps; those that are compiled have no lines that hold what they take."""
        self.drove = True
        from ..counters import torch_compile
        from ..profiling.torch_held import step_memory

        limit, step = TimeLimit(self._seconds), Pulse(step, self._channel)
        for _ in range(_FIRST_STEPS):
            step()
        if not torch_compile.is_compiled():
            found = step_memory(step, self._root, self._steps, limit)
            self._memory = dataclasses.asdict(found)

    def result(self) -> Message:
        """Return what is held; None where the step is compiled."""
        return {"memory": self._memory}
