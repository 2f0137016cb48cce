"""Looks at a test's step once: its first steps, what it does in one step, what memory it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..limit import TimeLimit
from ..sample import Counts, Memory
from . import torch_compile, torch_memory
from .host_memory import high_water_bytes
from .torch_counters import count_steps


class Examination(NamedTuple):
    """What was seen; `compile_seconds` is None where nothing was compiled."""

    counts: Counts
    memory: Memory
    compile_seconds: float | None


def examine(step: Callable[[], object], root: Path, limit: TimeLimit | None = None) -> Examination:
    """Run the step until lazy initialisation is over, then count it and its memory.

    Where `limit` is over nothing more begins, but for the count of operators, that of host syncs
    among them.

    `root` is the worktree. What is counted for `torch.compile` begins with the first step, so
    `torch_compile.forget` and `torch_memory.start` come before the test is built.
    """
    compiled = torch_compile.first_steps(step)
    compile_seconds = torch_compile.compile_seconds()
    # Before anything looks at the step: instruments need memory of their own.
    over = limit is not None and limit.is_over()
    host = None if over else high_water_bytes(step)
    reserved = torch_memory.reserved_bytes()
    counts = count_steps(step, root, compiled, limit)
    # Where the peak is not the same each time, the larger one is what has to fit.
    most = counts.unstable.get("peak_bytes", (0, None))[1]
    memory = Memory(counts.values.get("peak_bytes", most), reserved, host)
    return Examination(counts, memory, compile_seconds)
