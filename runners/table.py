"""Writes results of perf tests as a table of plain text."""

from collections.abc import Iterable, Sequence

from . import compiling, utilization
from .result import TestResult

_HEADINGS = ("verdict", "perf test", "throughput", "95% CI", "base step", "head step")


def table(results: Iterable[TestResult]) -> str:
    """Return one row per test, and under it the counters that changed and why it has no numbers."""
    results = list(results)
    rows = [_HEADINGS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [_line(_HEADINGS, widths)]
    for row, result in zip(rows[1:], results, strict=True):
        lines.append(_line(row, widths))
        lines += [f"    {note}" for note in _notes(result)]
    return "\n".join(lines)


def _row(result: TestResult) -> tuple[str, ...]:
    comparison = result.comparison
    if comparison is None:
        return (result.verdict.value, result.test.name, "", "", "", "")
    return (
        result.verdict.value,
        result.test.name,
        f"{comparison.change:+.1%}",
        f"[{comparison.low:+.1%}, {comparison.high:+.1%}]",
        f"{comparison.base_seconds * 1e3:.2f} ms",
        f"{comparison.head_seconds * 1e3:.2f} ms",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _notes(result: TestResult) -> list[str]:
    notes = [result.reason] if result.reason else []
    for counter in result.counters:
        if counter.base != counter.head:
            over = " (over budget)" if counter.over_budget else ""
            words = counter.name.replace("_", " ")
            where = "".join(f", {site.path}:{site.line}" for site in counter.sites)
            notes.append(f"{words} {counter.per}: {counter.base} -> {counter.head}{over}{where}")
    if result.utilization:
        notes.append(utilization.words(result.utilization, "->"))
    if result.compiling:
        notes.append(compiling.words(result.compiling))
    if result.head_failure:
        notes.append(f"head: {result.head_failure.summary}")
    return [*notes, *result.notes]
