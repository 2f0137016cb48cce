"""Counts what `torch.compile` had to do for a step: graph breaks and recompilations."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

# PyTorch keeps the data of so many compilations, unless told otherwise.
_KEPT, _KEEP = 64, 1 << 16
STEPS = 3

Counted = dict[str, int]
NOTHING: Counted = {"graph_breaks": 0, "recompiles": 0}

_MICROSECOND = 1e-6


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


def first_steps(step: Callable[[], object]) -> Counted:
    """Run the step three times, and count what was compiled meanwhile."""
    before = _so_far()
    for _ in range(STEPS):
        step()
    after = _so_far()
    return {name: after[name] - before[name] for name in after.keys() & before.keys()}


def compile_again(step: Callable[[], object], first: Counted) -> tuple[Counted, Counted]:
    """Compile the step once more; return two counts of it, which agree unless they cannot.

    `first` is what `first_steps` said. Its graph breaks differ where the test compiles while it is
    set up, or where the first step of all is special: then the step is compiled a third time.
    Recompilations are those of `first`: tensors remember which of their sizes varied, so that they
    do not come again.
    """
    if not is_compiled():
        return first, first
    second = _anew(step, first)
    return (first, second) if first == second else (second, _anew(step, first))


def _anew(step: Callable[[], object], first: Counted) -> Counted:
    torch._dynamo.reset()
    return {**first, "graph_breaks": first_steps(step)["graph_breaks"]}


def _so_far() -> Counted:
    if _dynamo() is None:
        return NOTHING
    utils = _utils()
    compilations = utils.get_compilation_metrics()
    frames = utils.counters["frames"]
    # A break in a loop or a `try` leaves the whole function to Python, and is counted nowhere else.
    left = frames["total"] - frames["ok"]
    breaks = {"graph_breaks": sum(utils.counters["graph_break"].values()) + left}
    if len(compilations) >= _KEEP or len(compilations) == _KEPT:
        # The oldest may be lost, and with them the count.
        utils.set_compilation_metrics_limit(_KEEP)
        return breaks
    utils.set_compilation_metrics_limit(_KEEP)
    again = sum(compilation.recompile_reason is not None for compilation in compilations)
    return {**breaks, "recompiles": again}


def _dynamo() -> Any:
    # Loading it takes seconds; what has not loaded it has compiled nothing.
    return sys.modules.get("torch._dynamo")


def _utils() -> Any:
    return torch._dynamo.utils
