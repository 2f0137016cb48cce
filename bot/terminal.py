"""Report in, plain text out: the same verdicts as a table for the terminal."""

from collections.abc import Iterator, Sequence

from ..runners.counters import compiling, utilization
from ..runners.counters.counts import amounts, told_counters
from ..runners.result import TestResult
from ..runners.text.labels import labels
from ..runners.text.layout import columns, harmless, wrap
from ..runners.text.table import LONGEST_NOTE, caught, count, failures, table
from ..runners.verdict.compare import Verdict
from ..templates import fill
from . import numbers
from .doubt import doubt
from .links import Links
from .markdown import inert, plain
from .memory_rows import grown_peak
from .placed import Placed
from .remarks import run_notes, test_notes, why_open
from .report import Report
from .story import stopped_words, tell, this
from .told import Teller

_STATUS = {
    0: "nothing stands against this change",
    1: "something to look at",
    2: "perflint could not do its work",
    3: "refused",
    4: "refused",
}
MOST_FINDINGS = 50
MOST_COUNTERS = 3


def render_terminal(report: Report, width: int, color: bool) -> str:
    """Write the report as text of at most `width` columns where the words allow it."""
    notes = [wrap(f"note: {inert(note, LONGEST_NOTE)}", width) for note in run_notes(report.run)]
    tests = report.run.tests
    # Nothing is linked in a terminal.
    teller = Teller(labels(tests), Links.to(None, report.head), Placed(report.lint.findings))

    def below(result: TestResult) -> Iterator[str]:
        return _below(result, report, teller)

    parts = ["\n".join(notes), table(tests, width, below, color=color) if tests else ""]
    parts += [failures(tests, width)]
    parts += [_findings(report, width), "\n".join(_ending(report, width))]
    return harmless("\n\n".join(part for part in parts if part))


def _below(result: TestResult, report: Report, teller: Teller) -> Iterator[str]:
    """What else there is to say about one test: its cause, counts, and why there is no verdict."""
    if told := teller.cause(result):
        yield plain(fill("cause.md.j2", it=told, this=this(report))).strip()
    if grown := grown_peak(result, teller.links):
        yield plain(fill("memory.md.j2", it=grown, this=this(report), bare=True)).strip()
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
        yield count(counter, amounts(counter))
    more = len(counters) - MOST_COUNTERS
    if more > 0:
        yield f"… and {numbers.plural(more, 'more count')} (comment.md)"


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
    yield from caught(run.tests)
    kind = "finding" if report.lint.everything else "new finding"
    yield f"lint: {numbers.plural(len(report.lint.findings), kind)}"
    yield wrap(status_line(report.status, report.status_reasons, report.exit_status), width)


def status_line(status: int, reasons: Sequence[str], exit_status: int | None = None) -> str:
    """Say with which status the command ends (`exit_status`, where another one) and why."""
    why = "; ".join(reasons).replace("`", "") or _STATUS.get(status, "unknown")
    number = status if exit_status is None else exit_status
    return f"exit status {number}: {inert(why, LONGEST_NOTE)}"
