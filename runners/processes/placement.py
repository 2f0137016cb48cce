"""Holds a timed turn on one processor, the same one on both sides."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from multiprocessing.process import BaseProcess

# Audit events of Python that start a process.
_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}


class _Hold:
    """The one hold that a process may have, and how many threads and processes it has started."""

    def __init__(self) -> None:
        self.started = self.processes = 0
        self.thread: int | None = None  # which is held
        self.everywhere: set[int] = set()

    def take(self, processor: int) -> None:
        self.everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {processor})
        self.thread = threading.get_ident()

    def free(self) -> None:
        if self.thread == threading.get_ident():
            os.sched_setaffinity(0, self.everywhere)
            self.thread = None

    def note(self, *, process: bool) -> None:
        """Free the thread before it starts what would be held with it."""
        self.started += 1
        self.processes += process
        self.free()


_hold = _Hold()


def starts() -> int:
    """Return how many threads and processes this process has started, from the first call on."""
    _watch()
    return _hold.started


def processes_started() -> int:
    """Return how many processes this one has started, from the first call on."""
    _watch()
    return _hold.processes


def processor_of(number: int | None) -> int | None:
    """Return one of the processors that this thread may run on; None where nothing can be held.

    `number` picks it: processes with the same choice get the same one; None picks none.
    """
    if number is None or not hasattr(os, "sched_setaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return usable[number % len(usable)]


@contextmanager
def held_on(processor: int | None) -> Iterator[None]:
    """Hold the calling thread on one processor; None, or a system that refuses, holds nothing.

    Two processes that take turns otherwise end up on a processor each, and what slows one of these
    down (a neighbour of the virtual machine, say) is taken for a difference of the code: means of
    identical builds of a small transformer differed by 10 % that way, and by 1.5 % on one
    processor. Threads that exist are left alone. Where the thread starts another one, or a process,
    it is free from there on, and so is what it starts.
    """
    if processor is None:
        yield
        return
    _watch()
    try:
        _hold.take(processor)
    except OSError:  # a container may forbid it
        yield
        return
    try:
        yield
    finally:
        _hold.free()


@cache
def _watch() -> None:
    """Look at what is started, from now on and for good: hooks of this kind cannot be taken out."""

    def hook(event: str, arguments: object) -> None:
        if event in _STARTS:
            _hold.note(process=True)

    sys.addaudithook(hook)
    # These two have no event of their own in every Python.
    for kind in (threading.Thread, BaseProcess):
        process = kind is BaseProcess
        kind.start = _noted(kind.start, process=process)  # type: ignore[method-assign]


def _noted(start: Callable[..., None], *, process: bool) -> Callable[..., None]:
    @wraps(start)
    def noted(*arguments: object, **more: object) -> None:
        _hold.note(process=process)
        start(*arguments, **more)

    return noted
