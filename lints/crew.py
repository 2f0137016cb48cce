"""Judges files on several processors, where there is enough to do."""

import sys
from collections.abc import Callable, Iterator, Sequence

from .analysis import Analyst, Due, Judge, Outcome, outcome_of, plain_outcome

# Fewer files than this are judged before a second process is ready.
_WORTH_SHARING = 40
_AT_ONCE = 4

# What a child finds when it is forked: nothing has to be sent to it.
_shared: tuple[Analyst, Sequence[Due]] | None = None


def judging(
    analyst: Analyst, processes: int, progress: Callable[[int, int], None], total: int
) -> Judge:
    """Return what judges files in turn, and lets `progress` hear of each."""
    done = 0

    def judge(due: Sequence[Due]) -> Iterator[Outcome]:
        nonlocal done
        for outcome in _shared_out(analyst, due, processes):
            done += 1
            progress(min(done, total), total)
            yield outcome

    return judge


def _shared_out(analyst: Analyst, due: Sequence[Due], processes: int) -> Iterator[Outcome]:
    if processes < 2 or len(due) < _WORTH_SHARING or sys.platform != "linux":
        yield from (analyst.judge(job, called) for job, called in due)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    global _shared
    _shared = analyst, due
    finished = 0
    fork = multiprocessing.get_context("fork")
    try:
        with ProcessPoolExecutor(processes, mp_context=fork) as pool:
            for plain in pool.map(_in_child, range(len(due)), chunksize=_AT_ONCE):
                yield outcome_of(plain)
                finished += 1
    except BrokenProcessPool:
        # A child was killed, for want of memory most likely: one process needs less of it.
        yield from (analyst.judge(job, called) for job, called in due[finished:])
    finally:
        _shared = None


def _in_child(number: int) -> tuple[object, ...]:
    assert _shared is not None
    analyst, due = _shared
    return plain_outcome(analyst.judge(*due[number]))
