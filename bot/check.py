"""What a check run says of a result, as data: title, conclusion, and annotations on lines."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from ..lints.finding import Finding, Severity
from ..runners.counters.counts import amounts, short_words
from ..runners.result import TestResult
from ..runners.verdict.compare import Verdict
from . import numbers
from .acks import Ack
from .annotation import Annotation, Level
from .cause import LineCause, SyncCause, cause_of_count, cause_of_time
from .markdown import inert
from .placed import Placed
from .render import render_comment
from .report import Report

# GitHub refuses a longer summary or text. It counts characters.
LARGEST_SUMMARY = 65_535
LONGEST_TITLE = 200
# Each fifty cost a write, and writes come a second apart. All findings are in the report.
MOST_ANNOTATIONS = 500
LONGEST_MESSAGE = 2_000

_LAST_LINE = 2**31 - 1
_SPAN = re.compile(r"(`+)( ?)(.*?)\2\1(?!`)")
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")


class Conclusion(Enum):
    """How a check ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"


LEVEL_OF = {
    Severity.ERROR: Level.FAILURE,
    Severity.WARNING: Level.WARNING,
    Severity.INFO: Level.NOTICE,
}


@dataclass(frozen=True, slots=True)
class Check:
    """All that a check run shows; `conclusion` is None until the run has ended.

    `queued` says that it has not begun either. `text` is Markdown below the summary.
    """

    title: str
    summary: str
    text: str = ""
    conclusion: Conclusion | None = None
    annotations: tuple[Annotation, ...] = ()
    queued: bool = False

    @property
    def status(self) -> str:
        """How GitHub calls it."""
        if self.conclusion is not None:
            return "completed"
        return "queued" if self.queued else "in_progress"


def check_of(
    report: Report, acks: Sequence[Ack] = (), files: Collection[str] | None = None
) -> Check:
    """What the check run says of a report; `acks` are the acknowledgements that still stand.

    `files` are those that annotations may lie on; None: on any.
    """
    heading, _, body = render_comment(report, acks, LARGEST_SUMMARY).partition("\n")
    annotations = annotations_of(report, files)
    return Check(
        title_of(heading),
        body.strip() or "Nothing more to tell.",
        conclusion=conclude(report, acks),
        annotations=annotations[:MOST_ANNOTATIONS],
    )


def check_page(body: str, conclusion: Conclusion | None, *, queued: bool = False) -> Check:
    """What the check run says where there is no report: the comment's own Markdown."""
    heading, _, rest = body.partition("\n")
    return Check(
        title_of(heading),
        rest.strip() or "The result stands here once the run has ended.",
        conclusion=conclusion,
        queued=queued,
    )


def title_of(heading: str) -> str:
    """A headline without its Markdown and its icon: `resnet50 runs 9.6% slower with this PR`."""
    said = _SPAN.sub(r"\3", _LINK.sub(r"\1", heading.lstrip("# ")))
    _, marked, after = said.partition("perflint: ")
    return inert((after if marked else said).strip(), LONGEST_TITLE)


def conclude(report: Report, acks: Sequence[Ack] = ()) -> Conclusion:
    """How a result ends the check.

    Failure: a regression that nobody accepted, a perf test that only head fails, or anything else
    for which `perflint ci` would not have ended in status 0. Neutral: all of that is accepted, or
    there is no verdict. A run that was stopped is cancelled.
    """
    tests = report.run.tests
    if unacknowledged(report, acks):
        return Conclusion.FAILURE
    if report.run.interrupted:
        return Conclusion.CANCELLED
    accepted = [result for result in tests if result.is_regression]
    if report.status > 1 or (report.status and _reasons_left(report, accepted)):
        return Conclusion.FAILURE
    if accepted or any(result.verdict in (Verdict.UNSURE, Verdict.BROKEN) for result in tests):
        return Conclusion.NEUTRAL
    return Conclusion.SUCCESS


def unacknowledged(report: Report, acks: Sequence[Ack]) -> tuple[TestResult, ...]:
    """The regressions that nobody accepted. A perf test that fails cannot be accepted."""
    known = {ack.test for ack in acks}
    return tuple(
        result
        for result in report.run.tests
        if result.is_regression
        and (result.verdict is Verdict.FAILED or result.test.id not in known)
    )


def annotations_of(report: Report, files: Collection[str] | None = None) -> tuple[Annotation, ...]:
    """A remark for each finding and for each line that slows a perf test down, the gravest first.

    What has no place in head (a hostile or a foreign path) or none in `files` is left out; the
    summary has it.
    """
    found = [*_of_tests(report), *map(_of_finding, report.lint.findings)]
    levels = list(Level)
    usable = dict.fromkeys(
        one for one in found if is_place(one) and (files is None or one.path in files)
    )
    return tuple(
        sorted(usable, key=lambda one: (levels.index(one.level), one.path, one.start_line))
    )


def is_place(one: Annotation) -> bool:
    """Whether GitHub can show it beside lines: a path inside the repository, lines in order."""
    parts = one.path.split("/")
    inside = "\\" not in one.path and not any(part in ("", ".", "..") for part in parts)
    return (
        inside
        and len(one.path) <= 1024
        and inert(one.path, 1024) == one.path
        and 1 <= one.start_line <= one.end_line <= _LAST_LINE
    )


def _of_finding(finding: Finding) -> Annotation:
    first, last = finding.file_lines
    return Annotation(
        finding.path,
        first,
        max(first, last),
        LEVEL_OF[finding.severity],
        inert(f"perflint: {finding.rule} ({finding.code})", LONGEST_TITLE),
        _message(finding.message, finding.why),
    )


def _of_tests(report: Report) -> Iterator[Annotation]:
    findings = Placed(report.lint.findings)
    for result in report.run.tests:
        if result.verdict is Verdict.SLOWER and result.comparison:
            cause = cause_of_time(result, findings)
            if isinstance(cause, LineCause):
                at = (
                    f"{numbers.milliseconds(cause.base_ms)} → {numbers.milliseconds(cause.head_ms)}"
                )
                yield _on_line(
                    cause.line.path,
                    cause.line.line,
                    f"{result.test.name} runs {numbers.size(result.comparison.change)} slower",
                    f"The lines that this change edits take {at} ms of a step.",
                )
        for counter in result.over_budget:
            count = cause_of_count(result, counter, findings)
            if isinstance(count, SyncCause):
                yield _on_line(
                    count.path,
                    count.line,
                    f"{result.test.name}: {short_words(counter)} {amounts(counter)}",
                    f"{count.operator} is called here in each step of the perf test.",
                )


def _on_line(path: str, line: int, title: str, message: str) -> Annotation:
    title = inert(f"perflint: {title}", LONGEST_TITLE)
    return Annotation(path, line, line, Level.FAILURE, title, _message(message, None))


def _message(message: str, why: str | None) -> str:
    return inert(message if why is None else f"{message} ({why})", LONGEST_MESSAGE).strip() or "–"


def _reasons_left(report: Report, accepted: Sequence[TestResult]) -> bool:
    """Whether something else than accepted regressions kept the run from ending in status 0."""
    excused = sum(
        (result.verdict is Verdict.SLOWER) + len(result.over_budget) for result in accepted
    )
    return max(1, len(report.status_reasons)) > excused
