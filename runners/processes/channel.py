"""Carries messages between the coordinator and a worker: one JSON object a line over two pipes."""

import json
import os
import selectors
import time
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]

# Set for a worker and taken out of its environment at once, so that nothing it starts sees it.
VARIABLE = "PERFLINT_WORKER"

# How often to look whether the other end's process is there at all.
_LOOK_SECONDS = 1.0


class Closed(Exception):
    """The other end is gone."""


class TooSlow(Exception):
    """No answer came in time."""


class Channel:
    """One end of a two-way line. Times are in seconds; None waits for ever."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""

    def send(self, message: Message) -> None:
        """Send one message. Raises Closed where nobody listens."""
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._writes, data) :]
        except OSError as error:
            raise Closed from error

    def receive(
        self, seconds: float | None = None, is_gone: Callable[[], bool] = lambda: False
    ) -> Message:
        """Wait for one message. Raises Closed or TooSlow.

        While nothing comes, `is_gone` is asked each second whether the other end's process has
        ended: what that has started may still hold its end of the line.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._wait(until, is_gone)
            data = os.read(self._reads, 65536)
            if not data:
                raise Closed
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        message: Message = json.loads(line)
        return message

    def close(self) -> None:
        """Close both pipes of this end."""
        os.close(self._reads)
        os.close(self._writes)

    def _wait(self, until: float | None, is_gone: Callable[[], bool]) -> None:
        if until is None:
            return
        with selectors.DefaultSelector() as waits:
            waits.register(self._reads, selectors.EVENT_READ)
            while True:
                left = until - time.monotonic()
                if waits.select(max(0.0, min(left, _LOOK_SECONDS))):
                    return
                if is_gone():
                    if waits.select(0):
                        return  # what it said last has come meanwhile
                    raise Closed
                if left <= _LOOK_SECONDS:
                    raise TooSlow
