"""Ends processes that have left a worker's process group: those in sessions of their own."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
# How often, and after how many seconds, a process is asked again that has just begun.
_TRIES, _PAUSE = 25, 0.002


def end_strays(mark: str, proc: Path = _PROC) -> None:
    """End each process of this user that began with `mark` in its environment.

    torchrun, for instance, gives its processes sessions of their own, so that no signal to the
    worker's group reaches them. Linux only: elsewhere nobody tells what a process began with.
    """
    left = [entry for entry in proc.glob("[0-9]*") if int(entry.name) != os.getpid()]
    for _ in range(_TRIES):
        left = _ended(left, mark.encode())
        if not left:
            return
        time.sleep(_PAUSE)


def _ended(entries: Iterable[Path], mark: bytes) -> list[Path]:
    """End those that carry the mark; return those of which nobody can tell yet."""
    unknown = []
    for entry in entries:
        try:
            environment = (entry / "environ").read_bytes()
            if not environment:
                # The kernel tells the program of a new process before its environment. What has
                # ended, and a thread of the kernel, have no program.
                os.readlink(entry / "exe")
                unknown.append(entry)
        except OSError:  # another user's, or gone
            continue
        if mark in environment.split(b"\0"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
    return unknown
