"""A step that lets the coordinator know that it is alive, however long counting it takes."""

import time
from collections.abc import Callable

from ... import PerflintError
from .channel import Channel, Message
from .lazy import why_unfinished
from .placement import starts

# Often enough for any time limit; a step of microseconds is not kept busy with it.
_SECONDS = 0.5

ALIVE: Message = {"kind": "alive"}


class Pulse:
    """A step that tells the other end when it has ended, at most twice in a second.

    Steps of 20 seconds are counted for minutes; a side hangs only if no step ends. `seconds` is how
    long the last one took, `starts` how many threads and processes the last ones have started: all
    but the first two, in which what serves the step for good comes to life.

    A call raises PerflintError where the step only promised its work.
    """

    def __init__(self, step: Callable[[], object], channel: Channel) -> None:
        self._step, self._channel = step, channel
        self._told = time.monotonic()
        self.seconds = 0.0
        self.starts = self._ran = 0

    def __call__(self) -> object:
        """Run the step."""
        begin, before = time.monotonic(), starts()
        result = self._step()
        if why := why_unfinished(result):
            raise PerflintError(why)
        now = time.monotonic()
        self.seconds = now - begin
        self._ran += 1
        if self._ran > 2:
            self.starts += starts() - before
        if now - self._told > _SECONDS:
            self._told = now
            self._channel.send(ALIVE)
        return result
