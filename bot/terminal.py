"""Report in, plain text out: the same verdicts as a table for the terminal."""

from collections.abc import Iterator
from unicodedata import east_asian_width

from ..runners import compiling, utilization
from ..runners.compare import Verdict
from ..runners.result import TestResult
from . import numbers
from .cause import words
from .markdown import inert
from .report import Report
from .story import changed_counters, labels

_COLORS = {
    Verdict.FAILED: "31",
    Verdict.SLOWER: "31",
    Verdict.FASTER: "32",
    Verdict.UNSURE: "33",
    Verdict.BROKEN: "33",
}
_HEADER = ("verdict", "perf test", "change [95% CI]", "base", "head", "peak")
_RIGHT = {2, 3, 4, 5}
_STATUS = {
    0: "nothing that fails this change",
    1: "something to look at",
    2: "perflint could not do its work",
    3: "refused",
}
MOST_FINDINGS = 50


def render_terminal(report: Report, width: int, color: bool) -> str:
    """Write the report as text of at most `width` columns where the words allow it."""
    parts = ["\n".join(f"note: {inert(note, 300)}" for note in report.run.notes)]
    parts += [_tests(report, width, color), _failures(report, width), _findings(report, width)]
    parts.append("\n".join(_ending(report, width)))
    return "\n\n".join(part for part in parts if part)


def _tests(report: Report, width: int, color: bool) -> str:
    if not report.run.tests:
        return ""
    names = labels(report.run.tests)
    rows = [_HEADER, *(_row(result, names[result.test.id]) for result in report.run.tests)]
    rows = _fit(rows, width)
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    lines = [_line(rows[0], widths)]
    for result, row in zip(report.run.tests, rows[1:], strict=True):
        line = _line(row, widths)
        paint = color and result.verdict in _COLORS
        lines.append(f"\x1b[{_COLORS[result.verdict]}m{line}\x1b[0m" if paint else line)
        lines += [_clip(f"    {text}", width) for text in _below(result)]
    return "\n".join(lines)


def _row(result: TestResult, name: str) -> tuple[str, ...]:
    at, unit = result.comparison, inert(result.test.unit, 16)
    change, base, head = numbers.NONE, numbers.NONE, numbers.NONE
    if at is not None and result.verdict not in (Verdict.FAILED, Verdict.NEW, Verdict.BROKEN):
        change = f"{numbers.percent(at.change)} {numbers.interval(at.low, at.high)}"
        base, head = (
            numbers.rate(result.test.items / seconds) if seconds > 0 else numbers.NONE
            for seconds in (at.base_seconds, at.head_seconds)
        )
        head += f" {unit}/s"
    peak = numbers.NONE
    if result.peak is not None:
        size, difference = numbers.peak_bytes(result.peak.base, result.peak.head)
        peak = f"{size} ({difference})" if difference else size
    return result.verdict.value, inert(name, 200), change, base, head, peak


def _below(result: TestResult) -> Iterator[str]:
    """What else there is to say about one test: counts that changed, and why there is no number."""
    for counter in changed_counters(result):
        over = ", over budget" if counter.over_budget else ""
        at = [f"{site.path}:{site.line}" for site in counter.sites[:3]]
        where = f" at {', '.join(at)}" if at else ""
        yield inert(
            f"{words(counter)} {counter.base:,} → {counter.head:,} {counter.per}{over}{where}", 300
        )
    if result.utilization:
        yield utilization.words(result.utilization)
    if result.compiling:
        yield compiling.words(result.compiling)
    if result.reason:
        yield inert(result.reason, 300)
    for text in (*(result.comparison.warnings if result.comparison else ()), *result.notes):
        yield inert(text, 300)


def _failures(report: Report, width: int) -> str:
    lines = []
    for result in report.run.tests:
        failure = result.head_failure or result.base_failure
        if failure is None or result.verdict not in (Verdict.FAILED, Verdict.BROKEN):
            continue
        lines.append(_clip(f"why {inert(f'{result.test.name}: {failure.summary}', 300)}", width))
        # The bar keeps a test's own output from being read as a command of the CI system.
        lines += [f"  | {inert(text, 200)}" for text in failure.details.splitlines()[-25:]]
    return "\n".join(lines)


def _findings(report: Report, width: int) -> str:
    findings = report.lint.findings
    shown = findings[:MOST_FINDINGS]
    places = [inert(finding.place.rsplit(":", 1)[0], 120) for finding in shown]
    column = min(40, max(map(_columns, places), default=0))
    lines = [
        f"{finding.severity.value:7}  {place:{column}}  "
        + inert(f"{finding.code}  {finding.message}", 300)
        for finding, place in zip(shown, places, strict=True)
    ]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"and {len(findings) - MOST_FINDINGS:,} more findings")
    lines += [f"problem  {inert(problem, 300)}" for problem in report.lint.problems]
    return "\n".join(lines)


def _ending(report: Report, width: int) -> Iterator[str]:
    run = report.run
    if run.refused is not None:
        yield f"refused: {inert(run.refused, 300)}"
    elif not run.tests:
        found, affected = run.selection.found, run.selection.affected
        yield (
            "no perf tests: only the code was read"
            if found == 0
            else f"{affected} of {numbers.plural(found, 'perf test')} affected by this change"
        )
    caught = [result.comparison.detectable for result in run.tests if result.comparison]
    if caught:
        yield f"smallest slowdown this run would have caught: {numbers.detectable(max(caught))}"
    kind = "finding" if report.lint.everything else "new finding"
    yield f"lint: {numbers.plural(len(report.lint.findings), kind)}"
    why = "; ".join(report.status_reasons).replace("`", "")
    meaning = _STATUS.get(report.status, "unknown")
    yield f"exit status {report.status}: {inert(why, 600) if why else meaning}"


def _fit(rows: list[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """Shorten the names where the table would be wider than the screen."""
    others = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    room = max(12, width - sum(others) + others[1] - 2 * (len(others) - 1))
    return [(row[0], inert(row[1], room), *row[2:]) for row in rows]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = []
    for number, (text, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - _columns(text))
        cells.append(space + text if number in _RIGHT else text + space)
    return "  ".join(cells).rstrip()


def _clip(text: str, width: int) -> str:
    return text if _columns(text) <= width else text[: max(width, 20) - 1] + "…"


def _columns(text: str) -> int:
    """How many columns a terminal needs: wide characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
