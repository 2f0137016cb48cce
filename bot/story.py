"""Decides what the comment says first: one state, and the perf test that stands for it."""

from dataclasses import dataclass
from enum import Enum

from ..lints.finding import Severity
from ..runners.result import TestResult
from ..runners.text.words import STOPPED
from ..runners.verdict.compare import Verdict
from . import numbers
from .report import Report

# From this share of peak memory on, a test whose time is the same is shown all the same.
MEMORY_MATTERS = 0.02


class State(Enum):
    """What the headline is about; the first that applies is told."""

    REFUSED = "refused"
    FAILED = "failed"
    SLOWER = "slower"
    COUNTER = "counter"
    STOPPED = "stopped"
    PROBLEMS = "problems"
    FINDINGS = "findings"
    BROKEN = "broken"
    UNSURE = "unsure"
    FASTER = "faster"
    INFOS = "infos"
    NO_TESTS = "no tests"
    NOT_AFFECTED = "not affected"
    NEW = "new"
    UNTIMED = "untimed"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Story:
    """The state, the tests it is about (the worst first), and how the others divide.

    `shown` are the tests whose row everybody should see; `quiet` ran and did not change;
    `identical` were not timed, since nothing that they run differs. `measured` are how many a run
    that was stopped has measured, `unmeasured` the names of the others.
    """

    state: State
    about: tuple[TestResult, ...]
    shown: tuple[TestResult, ...]
    quiet: tuple[TestResult, ...]
    identical: tuple[TestResult, ...]
    skipped: tuple[TestResult, ...]
    broken: tuple[TestResult, ...]
    measured: int
    unmeasured: tuple[str, ...]

    @property
    def lead(self) -> TestResult | None:
        """The test that the headline names."""
        return self.about[0] if self.about else None


def tell(report: Report) -> Story:
    """Sort the tests into those to show and those to count, and choose the headline."""
    tests = report.run.tests
    shown = tuple(sorted((test for test in tests if _is_shown(test)), key=_gravity))
    rest = [test for test in tests if not _is_shown(test)]
    state = _state(report)
    return Story(
        state,
        about=tuple(test for test in shown if _is_about(test, state)),
        shown=shown,
        quiet=tuple(t for t in rest if t.comparison is not None),
        identical=tuple(t for t in rest if t.comparison is None and t.verdict is Verdict.SAME),
        skipped=tuple(t for t in rest if t.verdict is Verdict.SKIPPED),
        broken=tuple(t for t in tests if t.verdict is Verdict.BROKEN),
        measured=sum(not _was_cut_off(test) for test in tests),
        unmeasured=(
            *(test.test.name for test in tests if _was_cut_off(test)),
            *(name.split("::", 1)[-1] for name in report.run.unmeasured),
        ),
    )


def this(report: Report) -> str:
    """What sentences call what was measured."""
    return "this PR" if report.link and report.link.pull_request is not None else "this change"


def stopped_words(story: Story) -> str:
    """How far a run came that the user stopped."""
    total = story.measured + len(story.unmeasured)
    if not story.measured:
        return "stopped before anything was measured"
    words = "stopped before everything was measured"
    if not story.unmeasured:
        return words
    return f"{words}: {story.measured:,} of {numbers.plural(total, 'perf test')}"


def _state(report: Report) -> State:
    run, lint = report.run, report.lint
    verdicts = {result.verdict for result in run.tests}
    matters = any(finding.severity.at_least(Severity.WARNING) for finding in lint.findings)
    timed = any(result.comparison is not None for result in run.tests)
    said = [
        (State.REFUSED, run.refused is not None),
        (State.FAILED, Verdict.FAILED in verdicts),
        (State.SLOWER, Verdict.SLOWER in verdicts),
        (State.COUNTER, any(result.over_budget for result in run.tests)),
        (State.STOPPED, run.interrupted),
        (State.PROBLEMS, bool(lint.problems)),
        (State.FINDINGS, matters),
        (State.BROKEN, Verdict.BROKEN in verdicts),
        (State.UNSURE, Verdict.UNSURE in verdicts),
        (State.FASTER, Verdict.FASTER in verdicts),
        (State.INFOS, bool(lint.findings)),
        (State.NO_TESTS, run.selection.found == 0 and not run.tests),
        (State.NOT_AFFECTED, run.selection.affected == 0 and not run.tests),
        (State.NEW, verdicts <= {Verdict.NEW, Verdict.SKIPPED} and Verdict.NEW in verdicts),
        (State.UNTIMED, not timed and Verdict.SAME not in verdicts),
    ]
    return next((state for state, applies in said if applies), State.CLEAR)


def _was_cut_off(result: TestResult) -> bool:
    """Whether the run was stopped between counting this test and timing it."""
    return result.reason == STOPPED


def _is_shown(result: TestResult) -> bool:
    if result.verdict not in (Verdict.SAME, Verdict.SKIPPED) or result.over_budget:
        return True
    peak = result.peak
    return peak is not None and abs(peak.head - peak.base) >= MEMORY_MATTERS * max(peak.base, 1)


def _is_about(result: TestResult, state: State) -> bool:
    if state is State.COUNTER:
        return bool(result.over_budget)
    return bool(result.verdict.value == state.value)


_GRAVITY = (Verdict.FAILED, Verdict.SLOWER, Verdict.BROKEN, Verdict.UNSURE, Verdict.FASTER)


def _gravity(result: TestResult) -> tuple[int, int, float]:
    place = _GRAVITY.index(result.verdict) if result.verdict in _GRAVITY else len(_GRAVITY)
    if result.over_budget:
        place = min(place, _GRAVITY.index(Verdict.BROKEN))
    change = result.comparison.change if result.comparison else 0.0
    if result.verdict is Verdict.FASTER:
        change = -change
    return place, -len(result.over_budget), change
