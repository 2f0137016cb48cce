"""Counts what `torch.compile` had to do for a step: graph breaks and recompilations."""

import operator
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from .reasons import GRAPH_BREAKS, RECOMPILES, Told

# PyTorch keeps the data of so many compilations, unless told otherwise.
_KEPT, _KEEP = 64, 1 << 16
STEPS = 3

Counted = dict[str, int]
NOTHING: Counted = {GRAPH_BREAKS: 0, RECOMPILES: 0}

_MICROSECOND = 1e-6


class Compiled(NamedTuple):
    """What was counted, and what PyTorch says of it, of graph breaks first."""

    counts: Counted
    told: tuple[Told, ...] = ()

    def of(self, counter: str) -> tuple[Told, ...]:
        """Return what is said of one counter."""
        return tuple(one for one in self.told if one.counter == counter)


def forget() -> None:
    """Forget what was compiled for earlier tests, so that each test compiles what it runs."""
    if _dynamo() is None:
        return
    torch._dynamo.reset()
    _utils().clear_compilation_metrics()


def is_compiled() -> bool:
    """Whether anything was compiled since `forget`."""
    return _dynamo() is not None and bool(_utils().get_compilation_metrics())


def compile_seconds() -> float | None:
    """Return how long was compiled since `forget`; None where nothing was, or it is not known.

    It is PyTorch's own account: tracing, the backend and guards, of forward and of backward. Not in
    it: what a compiled step does when it first runs, such as recording a CUDA graph.
    """
    if not is_compiled():
        return None
    compilations = _utils().get_compilation_metrics()
    if len(compilations) in (_KEPT, _KEEP):
        return None  # the oldest may be lost
    return sum(map(_seconds, compilations))


def _seconds(compilation: Any) -> float:
    whole = getattr(compilation, "duration_us", None)
    if whole is not None:
        return float(whole) * _MICROSECOND
    # Older versions tell of forward only.
    return float(compilation.entire_frame_compile_time_s or 0.0)


@contextmanager
def as_written() -> Iterator[None]:
    """Run the program without its compiled parts, for counts of what it says."""
    stance = getattr(torch.compiler, "set_stance", None)
    if stance is None or not is_compiled():
        yield
        return
    with stance("force_eager"):
        yield


def first_steps(step: Callable[[], object]) -> Compiled:
    """Run the step three times, and count what was compiled meanwhile."""
    before = _so_far()
    told: list[Told] = []
    seen, jumps, known = before, 0, set(before.counts)
    # Looked at after each step: one that resets what is compiled empties PyTorch's list as well.
    for _ in range(STEPS):
        step()
        seen, last = _so_far(), seen
        known &= seen.counts.keys()
        listed = list(map(_listed, _since(last.listed, seen.listed)))
        jumps += sum(one.text not in _counted_breaks() for one in listed)
        compiled = _since(last.compilations, seen.compilations)
        told += [*listed, *(one for each in compiled for one in _told(each))]
    counts = {name: seen.counts[name] - before.counts[name] for name in known}
    if GRAPH_BREAKS in counts:
        counts[GRAPH_BREAKS] += jumps
    return Compiled(counts, tuple(one for one in told if one.counter in counts))


def compile_again(step: Callable[[], object], first: Compiled) -> tuple[Compiled, Compiled]:
    """Compile the step once more; return two counts of it, which agree unless they cannot.

    `first` is what `first_steps` said. Its graph breaks differ where the test compiles while it is
    set up, or where the first step of all is special: then the step is compiled a third time.
    Recompilations are those of `first`: tensors remember which of their sizes varied, so that they
    do not come again.
    """
    if not is_compiled():
        return first, first
    second = _anew(step, first)
    same = first.counts == second.counts
    return (first, second) if same else (second, _anew(step, first))


def _anew(step: Callable[[], object], first: Compiled) -> Compiled:
    torch._dynamo.reset()
    again = first_steps(step)
    counts = {**first.counts, GRAPH_BREAKS: again.counts[GRAPH_BREAKS]}
    return Compiled(counts, (*again.of(GRAPH_BREAKS), *first.of(RECOMPILES)))


class _SoFar(NamedTuple):
    """What PyTorch has counted since it was loaded, and listed since it was reset."""

    counts: Counted
    listed: tuple[Any, ...] = ()
    compilations: tuple[Any, ...] = ()


def _so_far() -> _SoFar:
    if _dynamo() is None:
        return _SoFar(NOTHING)
    utils = _utils()
    compilations = tuple(utils.get_compilation_metrics())
    frames = utils.counters["frames"]
    # A break in a loop or a `try` leaves the whole function to Python, and is counted nowhere else.
    left = frames["total"] - frames["ok"]
    counts = {GRAPH_BREAKS: sum(_counted_breaks().values()) + left}
    # Else the oldest may be lost, and with them the count.
    if len(compilations) < _KEEP and len(compilations) != _KEPT:
        counts[RECOMPILES] = sum(one.recompile_reason is not None for one in compilations)
    utils.set_compilation_metrics_limit(_KEEP)
    return _SoFar(counts, tuple(getattr(utils, "graph_break_reasons", ())), compilations)


def _counted_breaks() -> Counter[str]:
    """Return PyTorch's counts by their message; branches on tensors are on its list only."""
    counted: Counter[str] = _utils().counters["graph_break"]
    return counted


def _listed(reason: Any) -> Told:
    frames = tuple((frame.filename, frame.lineno or 0) for frame in reason.user_stack)
    return Told(GRAPH_BREAKS, reason.reason, frames)


def _told(compilation: Any) -> Iterator[Told]:
    function = (compilation.co_filename or "", compilation.co_firstlineno or 0)
    if compilation.fail_type is not None:
        failed = compilation.fail_user_frame_filename, compilation.fail_user_frame_lineno
        text = compilation.fail_reason or compilation.fail_type
        yield Told(GRAPH_BREAKS, text, (failed,) if all(failed) else (), function)
    if compilation.recompile_reason is not None:
        yield Told(RECOMPILES, compilation.recompile_reason, function=function)


def _since(before: Sequence[Any], after: Sequence[Any]) -> Sequence[Any]:
    """Return what is new; all of it where PyTorch was reset meanwhile and has a new list."""
    goes_on = len(after) >= len(before) and all(map(operator.is_, before, after))
    return after[len(before) :] if goes_on else after


def _dynamo() -> Any:
    # Loading it takes seconds; what has not loaded it has compiled nothing.
    return sys.modules.get("torch._dynamo")


def _utils() -> Any:
    return torch._dynamo.utils
