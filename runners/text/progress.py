"""Says what a long run is doing: one line that changes on a terminal, plain lines elsewhere."""

import time
from typing import Self, TextIO


class Progress:
    """Use it in a `with` block; times are seconds since then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._begin = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rewrites:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def say(self, what: str) -> None:
        """Show one short sentence in place of the last one."""
        line = f"[{time.monotonic() - self._begin:4.0f} s] {what}"
        self._stream.write(f"\r\x1b[K{line[:110]}" if self._rewrites else f"{line}\n")
        self._stream.flush()
