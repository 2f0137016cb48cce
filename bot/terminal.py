"""Report in, plain text out: the same verdicts as a table for the terminal."""

from collections.abc import Iterator

from ..runners import compiling, utilization
from ..runners.compare import Verdict
from ..runners.result import TestResult
from ..templates import fill
from . import numbers
from .counts import amounts, short_words, told_counters
from .doubt import doubt
from .failure import own_frames
from .layout import align, columns, harmless, wrap
from .links import Links
from .markdown import inert, plain
from .remarks import run_notes, test_notes, why_open
from .report import Report
from .story import labels, stopped_words, tell, this
from .told import Teller

_COLORS = {
    Verdict.FAILED: "31",
    Verdict.SLOWER: "31",
    Verdict.FASTER: "32",
    Verdict.UNSURE: "33",
    Verdict.BROKEN: "33",
}
_HEADER = ("verdict", "perf test", "throughput [95% CI]", "base", "head", "peak")
_RIGHT = {2, 3, 4, 5}
_LEGEND = "throughput: head against base; + is faster, − is slower"
_STATUS = {
    0: "nothing stands against this change",
    1: "something to look at",
    2: "perflint could not do its work",
    3: "refused",
}
MOST_FINDINGS = 50
MOST_COUNTERS = 3
# Longer than any sentence of ours; of a stranger's, both ends are shown.
LONGEST_NOTE = 1000


def render_terminal(report: Report, width: int, color: bool) -> str:
    """Write the report as text of at most `width` columns where the words allow it."""
    notes = [wrap(f"note: {inert(note, LONGEST_NOTE)}", width) for note in run_notes(report.run)]
    parts = ["\n".join(notes), _tests(report, width, color), _failures(report, width)]
    parts += [_findings(report, width), "\n".join(_ending(report, width))]
    return harmless("\n\n".join(part for part in parts if part))


def _tests(report: Report, width: int, color: bool) -> str:
    tests = report.run.tests
    if not tests:
        return ""
    names = labels(tests)
    rows = [_HEADER, *(_row(result, names[result.test.id]) for result in tests)]
    first, *table = align(rows, width, shrinks=1, right=_RIGHT)
    lines = [first]
    # Nothing is linked in a terminal.
    teller = Teller(names, Links.to(None, report.head), report.lint.findings)
    for result, line in zip(tests, table, strict=True):
        paint = color and result.verdict in _COLORS
        lines.append(f"\x1b[{_COLORS[result.verdict]}m{line}\x1b[0m" if paint else line)
        texts = (inert(text, LONGEST_NOTE) for text in _below(result, report, teller))
        lines += [wrap(text, width, indent=4) for text in texts]
    if any(result.comparison for result in tests):
        lines.append(wrap(_LEGEND, width))
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


def _below(result: TestResult, report: Report, teller: Teller) -> Iterator[str]:
    """What else there is to say about one test: its cause, counts, and why there is no verdict."""
    if told := teller.cause(result):
        yield plain(fill("cause.md.j2", it=told, this=this(report))).strip()
    yield from _counted(result, report)
    if result.verdict in (Verdict.SLOWER, Verdict.FASTER) and result.utilization:
        yield f"achieved {utilization.words(result.utilization)}"
    if result.compiling:
        yield compiling.words(result.compiling)
    at = result.comparison
    if result.verdict is Verdict.UNSURE:
        if at is not None:
            yield f"no verdict: {doubt(result, at, stopped=report.run.interrupted)}"
        yield from why_open(result)
    else:
        yield from ([result.reason] if result.reason else [])
        yield from (at.warnings if at is not None else ())
    yield from test_notes(result, report.run)


def _counted(result: TestResult, report: Report) -> Iterator[str]:
    counters = told_counters(result, report.run.budgets)
    for counter in counters[:MOST_COUNTERS]:
        over = ", over budget" if counter.over_budget else ""
        at = [f"{site.path}:{site.line}" for site in counter.sites[:3]]
        where = f" at {', '.join(at)}" if at else ""
        yield f"{short_words(counter)} {amounts(counter)} {counter.per}{over}{where}"
    more = len(counters) - MOST_COUNTERS
    if more > 0:
        yield f"… and {numbers.plural(more, 'more count')} (comment.md)"


def _failures(report: Report, width: int) -> str:
    lines = []
    for result in report.run.tests:
        failure = result.head_failure or result.base_failure
        if failure is None or result.verdict not in (Verdict.FAILED, Verdict.BROKEN):
            continue
        why = inert(f"{result.test.name}: {failure.summary}", LONGEST_NOTE)
        lines.append(wrap(f"why {why}", width))
        # The bar keeps a test's own output from being read as a command of the CI system.
        details = own_frames(failure.details).splitlines()[-25:]
        lines += [f"  | {inert(text, 200)}".rstrip() for text in details]
    return "\n".join(lines)


def _findings(report: Report, width: int) -> str:
    findings = report.lint.findings
    shown = findings[:MOST_FINDINGS]
    places = [inert(finding.place.rsplit(":", 1)[0], 120) for finding in shown]
    column = min(40, max(map(columns, places), default=0))
    lines = [
        f"{finding.severity.value:7}  {place:{column}}  "
        + inert(f"{finding.code}  {finding.message}", 300)
        for finding, place in zip(shown, places, strict=True)
    ]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"and {len(findings) - MOST_FINDINGS:,} more findings")
    problems = report.lint.problems
    lines += [wrap(f"problem  {inert(text, LONGEST_NOTE)}", width) for text in problems]
    return "\n".join(lines)


def _ending(report: Report, width: int) -> Iterator[str]:
    run, story = report.run, tell(report)
    if run.refused is not None:
        yield wrap(f"refused: {inert(run.refused, LONGEST_NOTE)}", width)
    elif run.interrupted:
        yield stopped_words(story)
        if story.unmeasured:
            names = ", ".join(inert(name, 120) for name in story.unmeasured[:MOST_FINDINGS])
            yield wrap(f"not measured: {names}", width)
    elif not run.selection.found and not run.tests:
        yield wrap(
            "no perf tests (functions marked with pytest.mark.perf), so only the code was read: "
            "`perflint demo` makes a repository with three to copy from",
            width,
        )
    if run.selection.found > run.selection.affected:
        others = run.selection.found - run.selection.affected
        found = numbers.plural(run.selection.found, "perf test")
        yield f"{others:,} of {found} not affected by this change"
    caught = [result.comparison.detectable for result in run.tests if result.comparison]
    if caught:
        yield f"smallest slowdown this run would have caught: {numbers.detectable(max(caught))}"
    kind = "finding" if report.lint.everything else "new finding"
    yield f"lint: {numbers.plural(len(report.lint.findings), kind)}"
    why = "; ".join(report.status_reasons).replace("`", "") or _STATUS.get(report.status, "unknown")
    yield wrap(f"exit status {report.exit_status}: {inert(why, LONGEST_NOTE)}", width)
