"""Looks at what holds memory at the peak of a step on both sides, where that grew."""

from collections.abc import Callable, Mapping

from .assemble import Measured
from .counters.counts import SMALLEST_BYTES
from .processes.isolate import SideFailed
from .profiling.memory import StepMemory
from .sample import Counts, Side

# The counters that lines and modules can explain.
COUNTERS = ("peak_bytes", "saved_for_backward_bytes")


def memory_grew(measured: Measured, budgets: Mapping[str, int]) -> bool:
    """Whether a step of head certainly holds or saves more: visibly, or more than its budget."""
    base, head = (measured.examined[side].counts for side in Side)
    for name in COUNTERS:
        was, now = _bound(base, name, most=True), _bound(head, name, most=False)
        if was is None or now is None:
            continue
        if now - was > min(SMALLEST_BYTES * was, budgets.get(name, now)):
            return True
    return False


def _bound(counts: Counts, name: str, *, most: bool) -> float | None:
    """Return the least or the most in a step; None where it was not counted."""
    if name in counts.unstable:
        return counts.unstable[name][most]
    if name not in counts.values:
        return None
    return counts.values[name] / counts.steps.get(name, 1)


def look_at_holders(measured: Measured, look: Callable[[Side], StepMemory | None]) -> None:
    """Look at each side and keep what both have; say why not where that fails.

    `look` runs one side and raises SideFailed.
    """
    try:
        found = {side: look(side) for side in Side}
    except SideFailed as error:
        measured.notes.append(f"what holds more memory is not known: {error}")
        return
    held = {side: one for side, one in found.items() if one is not None}
    if len(held) == len(Side):
        measured.memory = held
    else:
        measured.notes.append("what holds more memory is not told of steps that are compiled")
