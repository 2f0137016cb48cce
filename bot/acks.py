"""What people have accepted of a change: who, why, at which commit, and how much. Pure."""

import math
from dataclasses import dataclass
from difflib import get_close_matches
from statistics import NormalDist

from ..runners.result import TestResult
from ..runners.verdict.compare import Verdict
from . import numbers
from .markdown import code, prose
from .report import Report

SHORTEST_REASON, LONGEST_REASON = 3, 200
# All of them stand in the marker of one comment.
MOST_ACKS = 20

# How often a regression that did not get worse may make an acknowledgement lapse: looked at after
# fifty pushes, five in a hundred do. A real worsening has to be beyond the same distance.
_LAPSE_RATE = 0.001
_LAPSE_ERRORS = NormalDist().inv_cdf(1 - _LAPSE_RATE)
_Z975 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Ack:
    """One regression that somebody accepts.

    `test` is pytest's node id, `by` a login, `at` when the comment was written (ISO 8601, UTC),
    `head` the commit whose result was accepted. `change`, `low` and `high` are that result's change
    of throughput and its 95 % interval, None where the time was no regression; `min_effect` is what
    mattered then. `counters` are the counts per step of head that were over their budget.
    """

    test: str
    reason: str
    by: str
    at: str
    head: str
    change: float | None
    low: float | None = None
    high: float | None = None
    min_effect: float = 0.02
    counters: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Lapsed:
    """An acknowledgement that no longer holds, and what got worse."""

    ack: Ack
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the acknowledgements stay as they are."""

    why: str


def still_standing(acks: tuple[Ack, ...], report: Report) -> tuple[Ack, ...]:
    """Return those that still hold, now that the report is there."""
    return tuple(ack for ack in acks if _worse(ack, report) is None)


def lapsed(acks: tuple[Ack, ...], report: Report) -> tuple[Lapsed, ...]:
    """Return those that the report ends, each with what got worse."""
    found = ((ack, _worse(ack, report)) for ack in acks)
    return tuple(Lapsed(ack, why) for ack, why in found if why is not None)


def acknowledge(
    acks: tuple[Ack, ...], report: Report, name: str, reason: str, *, by: str, at: str
) -> tuple[Ack, ...] | Refused:
    """Accept the regression of a test as the report tells it, in place of an earlier one."""
    result = _regression(report, name)
    if isinstance(result, Refused):
        return result
    if result.verdict is Verdict.FAILED:
        return Refused(
            f"{code(result.test.name)} fails on head: there is no number to accept, so mend it"
        )
    accepted = _accepted(result, report.head.sha, reason, by, at)
    if accepted is None:
        return Refused(f"the numbers of {code(result.test.name)} cannot be accepted: measure again")
    others = tuple(ack for ack in acks if ack.test != accepted.test)
    if len(others) >= MOST_ACKS:
        return Refused(f"{MOST_ACKS} regressions are acknowledged already, and no more can be")
    return (*others, accepted)


def withdraw(acks: tuple[Ack, ...], name: str) -> tuple[Ack, ...] | Refused:
    """Take an acknowledgement back."""
    found = [ack for ack in acks if name in (ack.test, short_name(ack.test))]
    if len(found) == 1:
        return tuple(ack for ack in acks if ack is not found[0])
    if found:
        return Refused(f"{len(found)} tests are called {code(name)}: write the file too")
    return Refused(f"{code(name)} is not acknowledged")


def short_name(test: str) -> str:
    """What people call a test: its node id without the file."""
    return test.split("::", 1)[-1]


def line(ack: Ack) -> str:
    """Say in one line of Markdown what was accepted, by whom, when, where and why."""
    when = numbers.moment(ack.at) or "at an unknown time"
    what = [] if ack.change is None else [numbers.percent(ack.change)]
    # The report that was accepted may be a stranger's, names of its counts included.
    what += [
        f"{count:,} {prose(name.replace('_', ' '), 40)} per step" for name, count in ack.counters
    ]
    return (
        f"{code(short_name(ack.test))} ({', '.join(what)}) acknowledged by {code(ack.by)} at "
        f"{code(ack.head[:7])}, {when}: {code(ack.reason, LONGEST_REASON)}"
    )


def facts_of(ack: Ack) -> list[object]:
    """Write it as JSON takes it, in a fixed order and without names, for our comment's marker."""
    return [
        ack.test,
        ack.reason,
        ack.by,
        ack.at,
        ack.head,
        ack.change,
        ack.low,
        ack.high,
        ack.min_effect,
        dict(ack.counters),
    ]


def read_ack(facts: object) -> Ack | None:
    """Read what `facts_of` wrote; None where that is not ours in every field."""
    match facts:
        case [
            str(test),
            str(reason),
            str(by),
            str(at),
            str(head),
            (float() | None) as change,
            (float() | None) as low,
            (float() | None) as high,
            float(least),
            {**counts},
            *_,
        ]:
            counters = tuple((str(k), n) for k, n in counts.items() if type(n) is int)
            if len(counters) != len(counts):
                return None
            return Ack(test, reason, by, at, head, change, low, high, least, counters)
    return None


def _regression(report: Report, name: str) -> TestResult | Refused:
    """Find the regression that somebody means by a test's name or its whole node id."""
    regressions = [result for result in report.run.tests if result.is_regression]
    found = [one for one in regressions if name in (one.test.id, one.test.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(code(one.test.id, 120) for one in found[:3])
        return Refused(f"{len(found)} tests are called {code(name)}: write one of {ids}")
    if any(name in (one.test.id, one.test.name) for one in report.run.tests):
        return Refused(f"{code(name)} did not regress, so there is nothing to acknowledge")
    names = [one.test.name for one in regressions]
    near = get_close_matches(name, names, n=1)
    if _is_left_out(report, name):
        meant = f"; or did you mean {code(near[0])}?" if near else ""
        return Refused(
            f"{code(name)} was not measured in the newest result: measure it first{meant}"
        )
    if near:
        return Refused(
            f"there is no test {code(name)} in the result: did you mean {code(near[0])}?"
        )
    those = f": {', '.join(code(one) for one in names[:5])}" if names else "; none did"
    return Refused(f"{code(name)} is none of the tests that regressed{those}")


def _is_left_out(report: Report, name: str) -> bool:
    """Whether a test that the report says nothing about may be one that its run passed over."""
    return bool(report.only) or name in {
        word for test in report.run.unmeasured for word in (test, short_name(test))
    }


def _accepted(result: TestResult, head: str, reason: str, by: str, at: str) -> Ack | None:
    counters = tuple((counter.name, counter.head) for counter in result.over_budget)
    told = result.comparison
    least = result.test.min_effect
    if result.verdict is not Verdict.SLOWER:
        return Ack(result.test.id, reason, by, at, head, None, None, None, least, counters)
    if told is None or _ratio(told.change, told.low, told.high) is None:
        return None
    return Ack(
        result.test.id, reason, by, at, head, told.change, told.low, told.high, least, counters
    )


def _worse(ack: Ack, report: Report) -> str | None:
    """Say what is worse than what was accepted; None where nothing is.

    A test that was not measured again, or without a verdict, is not known to be worse.
    """
    for result in report.run.tests:
        if result.test.id == ack.test:
            return _failing(result) or _slower(ack, result) or _counting_more(ack, result)
    return None


def _failing(result: TestResult) -> str | None:
    return "it fails on head" if result.verdict is Verdict.FAILED else None


def _slower(ack: Ack, result: TestResult) -> str | None:
    """Compare two log ratios of step times that were measured apart, so their errors add up.

    Worse is: by more than the smallest effect that mattered when it was accepted (not the one that
    the change may have edited since), and by more than the noise of both explains. Always against
    what was accepted, so that many small steps add up too.
    """
    told = result.comparison
    if result.verdict is not Verdict.SLOWER:
        return None
    if ack.change is None or told is None:
        return "it runs slower, which was not accepted"
    after = _ratio(told.change, told.low, told.high)
    before = None
    if ack.low is not None and ack.high is not None:
        before = _ratio(ack.change, ack.low, ack.high)
    if before is None or after is None:
        return "how much slower it runs than was accepted cannot be told"
    error = math.hypot(before[1], after[1]) / _Z975
    limit = max(math.log1p(ack.min_effect), _LAPSE_ERRORS * error)
    if after[0] - before[0] <= limit:
        return None
    return (
        f"{numbers.percent(ack.change)} was accepted, and now it is {numbers.percent(told.change)}"
    )


def _counting_more(ack: Ack, result: TestResult) -> str | None:
    """Counts are exact: one more than was accepted is worse."""
    accepted = dict(ack.counters)
    for counter in result.over_budget:
        if counter.head > accepted.get(counter.name, -1):
            name = prose(counter.name.replace("_", " "), 40)
            return f"it counts more {name} per step than was accepted: {counter.head:,}"
    return None


def _ratio(change: float, low: float, high: float) -> tuple[float, float] | None:
    """Return the log ratio of step times and half its interval, of the wider side; None for none.

    The same figures as `runners.verdict.stored.log_ratio`, which wakes numpy, of numbers that a
    stranger may have written.
    """
    if not all(-1 < one < math.inf for one in (change, low, high)) or not low <= change <= high:
        return None
    middle = -math.log1p(change)
    return middle, max(abs(-math.log1p(end) - middle) for end in (low, high))
