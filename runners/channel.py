"""Carries messages between the coordinator and a worker: one JSON object a line over two pipes."""

import json
import os
import selectors
import time
from typing import Any

Message = dict[str, Any]

# Set for a worker and taken out of its environment at once, so that nothing it starts sees it.
VARIABLE = "PERFLINT_WORKER"


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

    def receive(self, seconds: float | None = None) -> Message:
        """Wait for one message. Raises Closed or TooSlow."""
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._wait(until)
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

    def _wait(self, until: float | None) -> None:
        if until is None:
            return
        with selectors.DefaultSelector() as waits:
            waits.register(self._reads, selectors.EVENT_READ)
            if not waits.select(max(0.0, until - time.monotonic())):
                raise TooSlow
