"""Runs a step on the device: warm-up, timed turns, seeds, and what the machine is."""

import ctypes
import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch

Step = Callable[[], object]

# Where steps leave many objects behind for good, the collector would look through them every time.
_COLLECTOR_SHARE = 0.05

# Measured on a CPU: step 1 takes 2.9 times the settled time, step 4 within 1 %.
_WARM_UP_STEPS = 5
_WARM_UP_SECONDS = 10.0


def _on_gpu() -> bool:
    return torch.cuda.is_available()


def computes_alone() -> bool:
    """Whether all of a step is computed by the thread that steps: one thread, and no GPU."""
    return torch.get_num_threads() == 1 and not _on_gpu()


def synchronize(others: Iterable[int] = ()) -> None:
    """Wait until the device, and `others` of its kind, have done all that was asked of them."""
    if _on_gpu():
        for card in others:
            torch.cuda.synchronize(card)
        torch.cuda.synchronize()


def other_cards() -> list[int]:
    """The GPUs beside the current one on which this process has tensors."""
    if not _on_gpu():
        return []
    current = torch.cuda.current_device()
    cards = range(torch.cuda.device_count())
    return [card for card in cards if card != current and torch.cuda.memory_reserved(card)]


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's (where loaded) and PyTorch's generators."""
    import sys

    random.seed(seed)
    torch.manual_seed(seed)
    # The user's own NumPy; nothing is loaded for this.
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


def renew_heap(seed: int) -> list[torch.Tensor]:
    """Take one to eight blocks of random size, so that the next build lies elsewhere in memory.

    What is free goes back to the system first, so that the build gets other pages of it as well.
    Without both, a launch keeps one layout and its bias for life.
    """
    _give_back_free_memory()
    choose = random.Random(seed)
    return [
        torch.empty(choose.randrange(1 << 8, 1 << 18), dtype=torch.uint8)
        for _ in range(choose.randrange(1, 9))
    ]


def _give_back_free_memory() -> None:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others keep little
    if trim is not None:
        trim(0)


def warm_up(step: Step) -> tuple[int, float]:
    """Run `step` until it is steady; return how often, and the seconds that a step takes by then.

    Steady means that three steps took within 5 % of the three before. Ends after 20 steps, or after
    10 seconds and two steps; the first step counts for neither its length nor the seconds, since it
    may compile.
    """
    times: list[float] = []
    begin = math.inf
    while len(times) < 20:
        start = time.perf_counter()
        step()
        synchronize(other_cards())
        now = time.perf_counter()
        times.append(now - start)
        begin = min(begin, now)
        if len(times) >= 2 and now - begin > _WARM_UP_SECONDS:
            break
        if len(times) > _WARM_UP_STEPS and _steady(times):
            break
    last = sorted(times[1:][-3:])
    return len(times), last[len(last) // 2]


def _steady(times: list[float]) -> bool:
    recent, before = sum(times[-3:]), sum(times[-6:-3])
    return math.isclose(recent, before, rel_tol=0.05)


class Turn(NamedTuple):
    """One turn: mean seconds per timed step, and on a GPU the median between its steps' events."""

    seconds: float
    device_seconds: float | None = None


def timed_turn(step: Step, *, keep: int, drop: int) -> Turn:
    """Run `drop` steps untimed and `keep` timed ones.

    The first step after the other side's turn meets cold caches (+6.5 % measured), hence `drop`.
    There is one synchronisation before and one after the timed steps: one per step would hide the
    very waits that we look for. All GPUs are waited for on which the process has tensors when the
    turn begins. On a GPU an event marks the end of each step in the current stream; the events are
    read when all is done.
    """
    for _ in range(drop):
        step()
    others = other_cards()
    marks = [_mark() for _ in range(keep + 1)] if _on_gpu() else []
    synchronize(others)
    start = time.perf_counter_ns()
    if marks:
        _marked_steps(step, marks)
    else:
        for _ in range(keep):
            step()
    synchronize(others)
    seconds = (time.perf_counter_ns() - start) / keep / 1e9
    return Turn(seconds, _between(marks) if marks else None)


def _mark() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch's own


def _marked_steps(step: Step, marks: Sequence[torch.cuda.Event]) -> None:
    marks[0].record()
    for mark in marks[1:]:
        step()
        mark.record()


def _between(marks: Sequence[torch.cuda.Event]) -> float:
    """Return the median seconds between neighbouring events, which are over by now."""
    times: list[float] = [a.elapsed_time(b) for a, b in pairwise(marks)]
    return statistics.median(times) / 1e3


class _Collector:
    """Runs the garbage collector between turns, for a small share of the time at most."""

    def __init__(self) -> None:
        self._took, self._ended = 0.0, -math.inf

    def run(self) -> None:
        """Free what lies in reference cycles, unless that took long a short while ago."""
        begin = time.perf_counter()
        if begin - self._ended < self._took / _COLLECTOR_SHARE:
            return
        gc.collect()
        self._ended = time.perf_counter()
        self._took = self._ended - begin


@contextmanager
def quiet_collector() -> Iterator[Callable[[], None]]:
    """Keep Python's garbage collector from running inside timed turns; yield what runs it between.

    What steps leave in reference cycles would grow without limit else. It looks only at objects
    that are younger than this context, which are few.
    """
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield _Collector().run
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def describe() -> dict[str, str | int | None]:
    """Say what PyTorch runs on, in the words of `Environment`; and how many multiprocessors."""
    cuda = _on_gpu()
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": "cuda" if cuda else "cpu",
        "gpu": torch.cuda.get_device_name() if cuda else None,
        "gpu_uuid": _uuid() if cuda else None,
        "multiprocessors": _multiprocessors() if cuda else None,
        "cuda": torch.version.cuda,
    }


def gpu() -> dict[str, str | int | None] | None:
    """Name the card in use and the bytes it has for this process; None without a GPU.

    `free` is what nobody has taken plus what this process's allocator holds.
    """
    if not _on_gpu():
        return None
    free, _ = torch.cuda.mem_get_info()
    return {"uuid": _uuid(), "free": free + torch.cuda.memory_reserved()}


def _uuid() -> str | None:
    # Of a MIG slice, CUDA gives the slice's own. Older versions of PyTorch do not tell.
    uuid = getattr(torch.cuda.get_device_properties(), "uuid", None)
    return None if uuid is None else str(uuid)


def _multiprocessors() -> int:
    # Of a MIG slice or a share of MPS, its own.
    return int(torch.cuda.get_device_properties().multi_processor_count)
