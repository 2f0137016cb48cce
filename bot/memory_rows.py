"""Prepares what the comment shows of memory that grew: its cause in words, and a table."""

from collections.abc import Iterator

from ..runners.profiling.memory import KINDS, LineHeld, ModuleHeld
from ..runners.result import CounterChange, TestResult
from ..runners.text.numbers import size
from . import numbers
from .links import Links
from .markdown import cell, code
from .memory_cause import (
    PEAK,
    LineHolds,
    MemoryCause,
    ModuleKeeps,
    ModuleSaves,
    cause_of_memory,
    holds_more,
)
from .rows import NAME_LIMIT
from .story import MEMORY_MATTERS

MOST_OF_A_KIND = 6
# Of the largest difference, less than this share is no news.
_WORTH_A_ROW = 0.01
_SAVED = "saved for backward"


def memory_cause(cause: MemoryCause, links: Links) -> dict[str, object]:
    """What holds more memory, as values for the templates."""
    match cause:
        case LineHolds(line, less):
            return {
                "kind": "holds",
                "place": links.place(line.path, line.line),
                "more": size(line.head - line.base),
                "module": code(line.module, NAME_LIMIT) if line.module else None,
                "others": _others(line),
                "less": size(less) if less else None,
            }
        case ModuleKeeps(module, more, kinds):
            return {
                "kind": "keeps",
                "module": code(module, NAME_LIMIT) if module else None,
                "more": size(more),
                "kinds": ", ".join(kind_name(kind) for kind in kinds),
            }
        case ModuleSaves(module):
            return {
                "kind": "saves",
                "module": code(module.module, NAME_LIMIT) if module.module else None,
                "more": size(module.head - module.base),
            }


def _others(line: LineHeld) -> str | None:
    return numbers.plural(line.modules - 1, "more module") if line.modules > 1 else None


def where_cell(result: TestResult, counter: CounterChange, links: Links) -> str:
    """What holds more, for the row of a counter of memory; "" where that is not known."""
    cause = None if result.memory is None else cause_of_memory(result.memory, counter)
    match cause:
        case LineHolds(line):
            place = links.place(line.path, line.line, limit=NAME_LIMIT, in_table=True)
            return place + cell(f" +{size(line.head - line.base)}")
        case ModuleKeeps(module, more):
            return _module(module) + cell(f" +{size(more)}")
        case ModuleSaves(module):
            return _module(module.module) + cell(f" +{size(module.head - module.base)}")
    return ""


def grown_peak(result: TestResult, links: Links) -> dict[str, object] | None:
    """By how much the peak of a step grew, and what holds it; None where that is told elsewhere.

    A peak that is over its budget is a cause of its own; one that grew too little is no news.
    """
    peak = result.peak
    if peak is None or result.memory is None or any(c.name == PEAK for c in result.over_budget):
        return None
    grew = peak.head - peak.base
    if grew < MEMORY_MATTERS * max(peak.base, 1):
        return None
    cause = holds_more(result.memory, grew)
    return None if cause is None else {"more": size(grew), "cause": memory_cause(cause, links)}


def memory_view(result: TestResult, label: str, links: Links) -> dict[str, object] | None:
    """The table of what one test holds and saves more or less; None where nothing is known."""
    rows = list(_rows(result, links))
    return {"test": code(label, NAME_LIMIT), "rows": rows} if rows else None


def _rows(result: TestResult, links: Links) -> Iterator[list[str]]:
    memory = result.memory
    if memory is None:
        return
    found: list[LineHeld | ModuleHeld] = [*memory.lines, *memory.kept, *memory.saved]
    least = _WORTH_A_ROW * max((abs(one.head - one.base) for one in found), default=0)
    for group in (memory.lines, memory.kept, memory.saved):
        worth = [one for one in group if abs(one.head - one.base) >= max(least, 1)]
        for one in worth[:MOST_OF_A_KIND]:
            yield _row(one, links)


def _row(one: LineHeld | ModuleHeld, links: Links) -> list[str]:
    change = one.head - one.base
    sizes = [
        cell(f"{numbers.MINUS if change < 0 else '+'}{size(abs(change))}"),
        cell(size(one.base)),
        cell(size(one.head)),
    ]
    if isinstance(one, ModuleHeld):
        return [sizes[0], kind_name(one.kind, in_table=True), _module(one.module), *sizes[1:], ""]
    place = links.place(one.path, one.line, limit=NAME_LIMIT, in_table=True) if one.path else ""
    module = code(one.module, NAME_LIMIT, in_table=True) if one.module else ""
    where = place + (cell(" in ") if place and module else "") + module
    source = code(one.source, 40, in_table=True) if one.source.strip() else ""
    return [sizes[0], "alive at the peak", where or numbers.NONE, *sizes[1:], source]


def kind_name(kind: str, *, in_table: bool = False) -> str:
    """Our own word for what is held; what a stranger's report calls so is code."""
    if not kind:
        return _SAVED
    return kind if kind in KINDS else code(kind, 40, in_table=in_table)


def _module(module: str) -> str:
    return code(module, NAME_LIMIT, in_table=True) if module else cell("no module")
