"""Decides whether a change passes. Pure: it knows no exit, no file and no comment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..lints.finding import Severity
from ..runners.result import RunResult, TestResult
from ..runners.sample import Side
from ..runners.verdict.compare import Verdict
from .acks import Ack, still_standing
from .numbers import percent, plural
from .report import LintResult, Report

CLEAN, LOOK, COULD_NOT_WORK, REFUSED = range(4)
# Only stored reports can differ in where they come from: `perflint compare`.
INCOMPARABLE = 4


@dataclass(frozen=True, slots=True)
class FailOn:
    """What else fails a change: new findings from `severity` on (None: none do), and doubt."""

    severity: Severity | None = Severity.WARNING
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The exit status and a sentence for each thing that alone would have led to 1 or more."""

    status: int
    reasons: tuple[str, ...] = ()


def decide(lint: LintResult, run: RunResult, fail_on: FailOn) -> Decision:
    """Weigh all that was found; the gravest status wins: 3 over 2 over 1 over 0.

    3: the two sides cannot be compared. 2: the run was stopped, or a file could not be read, so
    that the silence of the linter or of perf tests means nothing. 1: a perf test is slower, fails
    only with the change or counts more than allowed, or there are new findings that matter. A test
    that is new, skipped, broken on base too, or without a verdict fails nothing by itself.
    """
    verdicts = sorted(_verdicts(lint, run, fail_on), key=lambda verdict: -verdict[0])
    status = max((status for status, _ in verdicts), default=CLEAN)
    return Decision(status, tuple(reason for _, reason in verdicts))


def decide_despite(report: Report, acks: Sequence[Ack]) -> Decision:
    """Weigh a report again, without the regressions that somebody accepted and that still stand.

    What else the report says against the change, it still says: the reasons are those that it has.
    A test that is acknowledged and has no verdict this time is not held against the change either.
    """
    tests = {ack.test for ack in still_standing(tuple(acks), report)}
    accepted = {
        reason + _by_version(result)
        for result in report.run.tests
        if result.test.id in tests
        for reason in _of_test(result, FailOn(unsure=True))
    }
    left = tuple(reason for reason in report.status_reasons if reason not in accepted)
    nothing = not left and report.status == LOOK and report.status_reasons
    return Decision(CLEAN if nothing else report.status, left)


def _verdicts(lint: LintResult, run: RunResult, fail_on: FailOn) -> Iterator[tuple[int, str]]:
    if run.refused is not None:
        yield REFUSED, f"base and head cannot be compared: {run.refused}"
    if run.interrupted:
        yield COULD_NOT_WORK, "the run was stopped before it had measured everything"
    if lint.problems:
        yield COULD_NOT_WORK, f"the linter could not read {plural(len(lint.problems), 'file')}"
    if run.unread:
        files = plural(len(run.unread), "test file")
        yield COULD_NOT_WORK, f"{files} could not be read: {', '.join(run.unread)}"
    for result in run.tests:
        for reason in _of_test(result, fail_on):
            yield LOOK, reason + _by_version(result)
    if fail_on.severity is not None:
        grave = sum(finding.severity.at_least(fail_on.severity) for finding in lint.findings)
        if grave:
            kind = "finding" if lint.everything else "new finding"
            yield LOOK, f"{plural(grave, kind)} at or above {fail_on.severity.value}"


def _of_test(result: TestResult, fail_on: FailOn) -> Iterator[str]:
    name = f"`{result.test.name}`"
    match result.verdict:
        case Verdict.FAILED:
            hangs = result.head_failure is not None and result.head_failure.timed_out
            if hangs or "passes on base" in result.reason or not result.reason:
                yield f"{name} {'hangs' if hangs else 'fails'} on head and passes on base"
            else:
                yield f"{name}: {result.reason}"
        case Verdict.SLOWER:
            by = f" ({percent(result.comparison.change)})" if result.comparison else ""
            yield f"{name} is slower{by}"
        case Verdict.UNSURE if fail_on.unsure:
            yield f"{name} has no verdict, and unsure results fail here"
    for counter in result.over_budget:
        words = counter.name.replace("_", " ")
        yield f"{name} counts more {words} {counter.per}: {counter.base:,} → {counter.head:,}"


def _by_version(result: TestResult) -> str:
    """Say whose version of an edited perf test it is that counts."""
    if result.other is None and result.version is Side.HEAD:
        return ""
    return f", by {result.version.value}'s version of the perf test"
