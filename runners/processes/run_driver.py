"""Runs the step of a perf test a number of times in a worker; nothing is counted or timed."""

from collections.abc import Callable

from .channel import Channel, Message
from .pulse import Pulse


class RunDriver:
    """Runs as many steps as it is told."""

    def __init__(self, channel: Channel, steps: int) -> None:
        self._channel, self._steps = channel, steps
        self._ran = 0
        self.drove = False

    def drive(self, step: Callable[[], object]) -> None:
        """Run the steps."""
        self.drove = True
        from . import torch_step

        pulse = Pulse(step, self._channel)
        while self._ran < self._steps:
            pulse()
            self._ran += 1
        torch_step.synchronize()

    def result(self) -> Message:
        """Return how many steps came to their end."""
        return {"steps": self._ran}
