"""Says how far the work is, where somebody is watching."""

import sys
import time
from collections.abc import Callable

# Nobody waits for a line that is gone before it can be read.
_FIRST_AFTER = 2.0
_EVERY = 0.5


def on_terminal() -> Callable[[int, int], None]:
    """Return what rewrites one line on the terminal; off a terminal nothing is said."""
    if not sys.stderr.isatty():
        return silent
    begun = time.monotonic()
    said = begun + _FIRST_AFTER - _EVERY

    def say(done: int, of: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _EVERY:
            said = now
            print(f"\rperflint: {done:,} of {of:,} files", end="", file=sys.stderr, flush=True)
        if done == of and said >= begun + _FIRST_AFTER:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return say


def silent(done: int, of: int) -> None:
    """Nobody wants to hear how far the work is."""
