"""Writes results of perf tests as plain text: the same for `ci`, `bench` and `compare`."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..counters import compiling, utilization
from ..counters.counts import amounts, short_words, told_counters
from ..result import CounterChange, TestResult
from ..verdict.compare import Verdict
from . import numbers
from .failure import own_frames
from .labels import labels
from .layout import align, wrap
from .words import inert

# Longer than any sentence of ours; of a stranger's, both ends are shown.
LONGEST_NOTE = 1000
_LONGEST_REASON = 120

_COLORS = {
    Verdict.FAILED: "31",
    Verdict.SLOWER: "31",
    Verdict.FASTER: "32",
    Verdict.UNSURE: "33",
    Verdict.BROKEN: "33",
}
_RIGHT = {2, 3, 4, 5}
_UNTIMED = (Verdict.FAILED, Verdict.NEW, Verdict.BROKEN)

# What stands in the two columns of the sides, and below a row.
Cells = Callable[[TestResult], tuple[str, str]]
Below = Callable[[TestResult], Iterator[str]]


def rates(result: TestResult) -> tuple[str, str]:
    """Return what each side gets through in a second: `93.1`, `84.2 images/s`."""
    at = result.comparison
    if at is None:
        return numbers.NONE, numbers.NONE
    base, head = (
        numbers.rate(result.test.items / seconds) if seconds > 0 else numbers.NONE
        for seconds in (at.base_seconds, at.head_seconds)
    )
    return base, f"{head} {inert(result.test.unit, 16)}/s"


def table(
    results: Sequence[TestResult],
    width: int,
    below: Below,
    *,
    color: bool = False,
    sides: tuple[str, str] = ("base", "head"),
    cells: Cells = rates,
) -> str:
    """Return a row for each test and what there is to say `below` it, in `width` columns.

    Only where the words allow it: a row may be wider. `sides` head the columns that `cells` fills.
    """
    names = labels(results)
    header = ("verdict", "perf test", "throughput [95% CI]", *sides, "peak")
    rows = [header, *(_row(result, names[result.test.id], cells) for result in results)]
    first, *aligned = align(rows, width, shrinks=1, right=_RIGHT)
    lines = [first]
    for result, line in zip(results, aligned, strict=True):
        paint = color and result.verdict in _COLORS
        lines.append(f"\x1b[{_COLORS[result.verdict]}m{line}\x1b[0m" if paint else line)
        lines += [wrap(inert(text, LONGEST_NOTE), width, indent=4) for text in below(result)]
    if any(result.comparison for result in results):
        old, new = sides
        lines.append(wrap(f"throughput: {new} against {old}; + is faster, − is slower", width))
    return "\n".join(lines)


def told(result: TestResult, budgets: Mapping[str, int]) -> Iterator[str]:
    """Yield what there is to say of a test without its cause: counts, reasons, doubts, notes."""
    for counter in told_counters(result, budgets):
        yield count(counter, amounts(counter))
    yield from remarks(result)


def count(counter: CounterChange, sides: str) -> str:
    """Write a count that changed, and where head does it; `sides` are what base and head count."""
    over = ", over budget" if counter.over_budget else ""
    reasons = counter.new_reasons[:1]
    at = [f"{site.path}:{site.line}" for site in counter.sites[:3]]
    at += [f"{reason.path}:{reason.line}" for reason in reasons if reason.path]
    where = f" at {', '.join(at)}" if at else ""
    why = "".join(f": {inert(reason.words, _LONGEST_REASON)}" for reason in reasons)
    return f"{short_words(counter)} {sides} {counter.per}{over}{where}{why}"


def remarks(result: TestResult) -> Iterator[str]:
    """Yield what there is to say of a test beside its counts."""
    if result.verdict in (Verdict.SLOWER, Verdict.FASTER) and result.utilization:
        yield f"achieved {utilization.words(result.utilization)}"
    if result.compiling:
        yield compiling.words(result.compiling)
    if result.reason:
        yield result.reason
    yield from (*(result.comparison.warnings if result.comparison else ()), *result.notes)


def failures(results: Sequence[TestResult], width: int) -> str:
    """Write why tests failed: the end of pytest's report of each, as far as it is theirs."""
    lines = []
    for result in results:
        failure = result.head_failure or result.base_failure
        if failure is None or result.verdict not in (Verdict.FAILED, Verdict.BROKEN):
            continue
        why = inert(f"{result.test.name}: {failure.summary}", LONGEST_NOTE)
        lines.append(wrap(f"why {why}", width))
        # The bar keeps a test's own output from being read as a command of the CI system.
        details = own_frames(failure.details).splitlines()[-25:]
        lines += [f"  | {inert(text, 200)}".rstrip() for text in details]
    return "\n".join(lines)


def caught(results: Sequence[TestResult]) -> Iterator[str]:
    """Say which slowdown would have been found in any of the timed tests."""
    found = [result.comparison.detectable for result in results if result.comparison]
    if found:
        yield f"smallest slowdown this run would have caught: {numbers.detectable(max(found))}"


def _row(result: TestResult, name: str, cells: Cells) -> tuple[str, ...]:
    at = result.comparison
    change, base, head = numbers.NONE, numbers.NONE, numbers.NONE
    if at is not None and result.verdict not in _UNTIMED:
        change = f"{numbers.percent(at.change)} {numbers.interval(at.low, at.high)}"
        base, head = cells(result)
    peak = numbers.NONE
    if result.peak is not None:
        size, difference = numbers.peak_bytes(result.peak.base, result.peak.head)
        peak = f"{size} ({difference})" if difference else size
    return result.verdict.value, inert(name, 200), change, base, head, peak
