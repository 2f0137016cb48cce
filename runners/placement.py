"""Keeps a step on one processor while it is timed, the same one on both sides."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# Where the calling thread may run again once it is no longer held; None while nothing is held.
_everywhere: set[int] | None = None


@contextmanager
def held_on(processor: int | None) -> Iterator[None]:
    """Hold the calling thread on one processor; None, or a system that cannot, holds nothing.

    Two processes that take turns otherwise end up on a processor each, and what slows one of these
    down (a neighbour of the virtual machine, say) is taken for a difference of the code: means of
    identical builds of a small transformer differed by 10 % that way, and by 1.5 % on one
    processor. Threads that exist are left alone, and processes that the thread forks, such as the
    workers of a data loader, run where they would have.
    """
    global _everywhere
    if processor is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    _free_children()
    _everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, _everywhere)
        _everywhere = None


@cache
def _free_children() -> None:
    """Let forked processes run everywhere, from the first hold on."""
    os.register_at_fork(after_in_child=_free)


def _free() -> None:
    global _everywhere
    if _everywhere is not None:
        os.sched_setaffinity(0, _everywhere)
        _everywhere = None
