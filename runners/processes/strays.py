"""Ends processes that have left a worker's process group: those in sessions of their own."""

import contextlib
import os
import signal
from pathlib import Path

_PROC = Path("/proc")


def end_strays(mark: str, proc: Path = _PROC) -> None:
    """End each process of this user that began with `mark` in its environment.

    torchrun, for instance, gives its processes sessions of their own, so that no signal to the
    worker's group reaches them. Linux only: elsewhere nobody tells what a process began with.
    """
    wanted = mark.encode()
    for entry in proc.glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            found = wanted in (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or gone
            continue
        if found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
