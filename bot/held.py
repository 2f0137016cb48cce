"""Holds a stored report against an older one: exact counts first, times as far as is honest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum

from ..runners.counters.periods import side_by_side
from ..runners.result import CounterChange, PeakMemory, RunResult, TestResult
from ..runners.sample import Environment
from ..runners.verdict.compare import Comparison, Verdict
from ..runners.verdict.stored import one_after_the_other, ratio_of_ratios
from .report import Report

# Where a run happened by chance does not matter; on what it ran does.
_MAY_DIFFER = {"host"}


class How(Enum):
    """How the times of a test were compared."""

    IN_TURNS = "in turns"  # base and head of one report, measured side by side
    RATIO_OF_RATIOS = "ratio of ratios"  # each head against the same base, measured in turns
    ONE_AFTER_THE_OTHER = "one after the other"
    NOT_TIMED = "not timed"  # exact counts only
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Held:
    """What holding one perf test of the newer report against the older one says.

    Of `result`, "base" is the older report's head, and "head" that of the newer one. `to_base` is
    what a ratio of ratios is made of: the change of throughput that each report tells, of its head
    to the common base.
    """

    result: TestResult
    how: How
    to_base: tuple[float, float] | None = None


def difference(old: Environment | None, new: Environment | None) -> str | None:
    """Say in which part of the fingerprint two reports differ; None where times may be compared.

    A part that one of them does not tell is taken for another one.
    """
    if old is None or new is None:
        return None
    found = [
        f"{field.name} is {_told(was)} in the first report, {_told(now)} in the second"
        for field in fields(Environment)
        if field.name not in _MAY_DIFFER
        and (was := getattr(old, field.name)) != (now := getattr(new, field.name))
    ]
    return "; ".join(found) or None


def share_base(old: Report, new: Report) -> bool:
    """Whether both heads were held against the same base, with the same dependencies."""
    return old.base.sha == new.base.sha and _of_base(old.run) == _of_base(new.run)


@dataclass(frozen=True, slots=True)
class At:
    """How tests are held against each other; `tests` share the rate of false alarms."""

    same_base: bool
    min_effect: float | None
    tests: int
    budgets: Mapping[str, int]

    def judged(self, counter: CounterChange) -> CounterChange:
        """Say whether it grew by more than it may."""
        allowed = self.budgets.get(counter.name)
        grew = counter.head - counter.base
        over = allowed is not None and grew > allowed * counter.steps
        return replace(counter, over_budget=over)


def _of_base(run: RunResult) -> dict[str, str | None]:
    """Return what base ran with where that was not what the fingerprint describes."""
    return {change.name: change.base for change in run.dependencies}


def _told(value: object) -> str:
    return "not recorded" if value is None else repr(value)


def held_test(old: TestResult, new: TestResult, at: At) -> Held:
    """Hold a perf test that both reports ran against itself."""
    if new.head_failure or new.verdict is Verdict.SKIPPED:
        return as_it_ended(new)
    if old.head_failure or not old.counters:
        return nothing(new, "the first report has nothing to compare it with")
    pairs = [(a, b) for a in versions(old) for b in versions(new) if _same_test(a, b)]
    if not pairs:
        return nothing(new, "the perf test itself, or a conftest, is not the same in both reports")
    before, after = pairs[0]
    how, comparison = _times(before, after, at)
    result = replace(
        bare(after),
        verdict=comparison.verdict if comparison else Verdict.UNSURE,
        reason="" if comparison else "one of the reports has no step times for it",
        comparison=comparison,
        counters=_counters(before, after, at),
        peak=_peak(before, after),
        notes=tuple(_remarks(before, after)),
    )
    return Held(result, how, _to_base(before, after) if how is How.RATIO_OF_RATIOS else None)


def bare(result: TestResult) -> TestResult:
    """Leave out what a result says of its own two sides and of nothing else."""
    return replace(
        result,
        segments=(),
        base_failure=None,
        profile=None,
        other=None,
        utilization=None,
        compiling=None,
    )


def _to_base(*results: TestResult | None) -> tuple[float, float]:
    old, new = (
        one.comparison.change if one is not None and one.comparison else 0.0 for one in results
    )
    return old, new


def _times(old: TestResult, new: TestResult, at: At) -> tuple[How, Comparison | None]:
    effect = new.test.min_effect if at.min_effect is None else at.min_effect
    if at.same_base and (old.comparison or _is_base(old)) and (new.comparison or _is_base(new)):
        compared = ratio_of_ratios(old.comparison, new.comparison, effect, at.tests)
        return How.RATIO_OF_RATIOS, compared
    if old.comparison is None or new.comparison is None:
        return How.NOT_TIMED, None
    comparison = one_after_the_other(old.comparison, new.comparison, effect, at.tests)
    return How.ONE_AFTER_THE_OTHER, comparison


def _is_base(result: TestResult) -> bool:
    """Whether head ran base's own code, so that it was not timed."""
    return result.comparison is None and result.verdict is Verdict.SAME


def versions(result: TestResult) -> Iterator[TestResult]:
    """Yield what each version of the perf test says, the graver first."""
    yield result
    if result.other is not None:
        yield result.other


def _same_test(old: TestResult, new: TestResult) -> bool:
    # Reports of schema version 1 do not tell.
    return not (old.harness and new.harness) or old.harness == new.harness


def _remarks(old: TestResult, new: TestResult) -> Iterator[str]:
    if not (old.harness and new.harness):
        yield "a report does not say which version of the perf test it ran: it may have changed"


def as_it_ended(new: TestResult) -> Held:
    """Say how a perf test ended that gave nothing to compare; its own counts are against base."""
    result = replace(bare(new), comparison=None, counters=(), unstable=(), peak=None)
    return Held(result, How.NOT_COMPARED)


def nothing(new: TestResult, reason: str, verdict: Verdict = Verdict.NEW) -> Held:
    """Say that there is nothing to compare, and why."""
    result = replace(
        bare(new), verdict=verdict, reason=reason, comparison=None, counters=(), peak=None
    )
    return Held(result, How.NOT_COMPARED)


def _counters(old: TestResult, new: TestResult, at: At) -> tuple[CounterChange, ...]:
    before = {counter.name: counter for counter in old.counters}
    return tuple(
        _held_count(before[counter.name], counter, at)
        for counter in new.counters
        if counter.name in before and counter.name not in (*old.unstable, *new.unstable)
    )


def _held_count(old: CounterChange, new: CounterChange, at: At) -> CounterChange:
    was, now, steps = side_by_side(old.head, old.steps, new.head, new.steps)
    return at.judged(CounterChange(new.name, was, now, steps=steps))


def _peak(old: TestResult, new: TestResult) -> PeakMemory | None:
    if old.peak is None or new.peak is None:
        return None
    return PeakMemory(
        new.peak.device,
        old.peak.head,
        new.peak.head,
        base_reserved=old.peak.head_reserved,
        head_reserved=new.peak.head_reserved,
        base_host=old.peak.head_host,
        head_host=new.peak.head_host,
    )
