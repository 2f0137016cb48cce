"""Finds what holds more memory: the line or module with most of what a step holds or saves more."""

from dataclasses import dataclass

from ..runners.profiling.memory import LineHeld, MemoryChange, ModuleHeld
from ..runners.result import CounterChange

# Below this share of what is held more, a line or a module explains too little.
EXPLAINS = 0.25
# A kind of what a module keeps is named from this share of all that it keeps more on.
_WORTH_NAMING = 0.1

PEAK, SAVED = "peak_bytes", "saved_for_backward_bytes"


@dataclass(frozen=True, slots=True)
class LineHolds:
    """A line that holds more at the peak of a step; others hold so many bytes `less`, 0 for few."""

    line: LineHeld
    less: int = 0


@dataclass(frozen=True, slots=True)
class ModuleKeeps:
    """A module for which `more` bytes are held between steps, of these kinds."""

    module: str
    more: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleSaves:
    """A module while which runs autograd saves more for backward."""

    module: ModuleHeld


MemoryCause = LineHolds | ModuleKeeps | ModuleSaves


def cause_of_memory(memory: MemoryChange, counter: CounterChange) -> MemoryCause | None:
    """Say what holds or saves more; None for other counters and where nothing holds a quarter."""
    if counter.name == SAVED:
        return _saves(memory, (counter.head - counter.base) / max(counter.steps, 1))
    if counter.name == PEAK:
        return holds_more(memory, counter.head - counter.base)
    return None


def holds_more(memory: MemoryChange, grew: float) -> LineHolds | ModuleKeeps | None:
    """Say what holds most more at the peak, where that is a quarter of what it grew by at least."""
    line = max((one for one in memory.lines if one.path), key=_more, default=None)
    kept = _keeps(memory)
    enough = max(EXPLAINS * grew, 1.0)
    if line is not None and _more(line) >= max(enough, kept.more if kept else 0):
        less = -sum(_more(one) for one in memory.lines if _more(one) < 0)
        return LineHolds(line, less if less >= EXPLAINS * _more(line) else 0)
    return kept if kept is not None and kept.more >= enough else None


def _keeps(memory: MemoryChange) -> ModuleKeeps | None:
    sums: dict[str, int] = {}
    for one in memory.kept:
        sums[one.module] = sums.get(one.module, 0) + _more(one)
    if not sums:
        return None
    module = min(sums, key=lambda name: (-sums[name], name))
    kinds = tuple(
        one.kind
        for one in memory.kept
        if one.module == module and _more(one) >= _WORTH_NAMING * sums[module]
    )
    return ModuleKeeps(module, sums[module], kinds)


def _saves(memory: MemoryChange, grew: float) -> ModuleSaves | None:
    best = min(memory.saved, key=lambda one: (-_more(one), one.module), default=None)
    if best is None or _more(best) < max(EXPLAINS * grew, 1.0):
        return None
    return ModuleSaves(best)


def _more(one: LineHeld | ModuleHeld) -> int:
    return one.head - one.base
