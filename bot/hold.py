"""Holds the perf tests of two reports against each other, those that only one of them ran too."""

from dataclasses import replace

from ..runners.config import RunnersConfig
from ..runners.result import CounterChange, PeakMemory, RunResult, TestResult
from ..runners.sample import Side
from ..runners.selection.reasons import conftests
from ..runners.verdict.compare import Verdict
from ..runners.verdict.stored import ratio_of_ratios
from .held import At, Held, How, as_it_ended, bare, held_test, nothing, share_base, versions
from .report import Report


def hold_against(old: Report, new: Report, min_effect: float | None) -> tuple[Held, ...]:
    """Compare the heads of two reports whose fingerprints do not differ.

    A perf test that one of them did not run, since its change cannot affect it, ran base's code on
    that head: with a common base that is as good as measured. One that is not in the second report
    at all is told, since nobody would miss it otherwise.
    """
    same_base = share_base(old, new)
    before = {result.test.id: result for result in old.run.tests}
    after = {result.test.id for result in new.run.tests}
    gone = [result for result in old.run.tests if result.test.id not in after]
    only_old = [one for one in gone if same_base and runs_of(new.run, one) is False]
    at = At(
        same_base=same_base,
        min_effect=min_effect,
        tests=len(only_old)
        + sum(
            result.test.id in before or (same_base and runs_of(old.run, result) is False)
            for result in new.run.tests
        ),
        # Reports of an earlier perflint do not tell.
        budgets=new.run.budgets or RunnersConfig().budgets,
    )
    held = [
        held_test(before[result.test.id], result, at)
        if result.test.id in before
        else _only_new(result, old.run, new.run, at)
        for result in new.run.tests
    ]
    held += [
        _only_old(result, old.run, at) if result in only_old else _gone(result, new.run)
        for result in gone
    ]
    return tuple(held)


def runs_of(run: RunResult, result: TestResult) -> bool | None:
    """Return whether a report's change affects a perf test; None where it does not know it."""
    name = result.test.name.split("[")[0].split("::")[-1]
    for choice in run.selection.tests:
        if choice.path == result.test.path and (name in choice.tests or not choice.tests):
            return choice.runs
    return None


def _only_new(new: TestResult, old_run: RunResult, new_run: RunResult, at: At) -> Held:
    """Judge a perf test that the first report did not run."""
    runs = runs_of(old_run, new)
    if new.head_failure or new.verdict is Verdict.SKIPPED:
        return as_it_ended(new)
    if runs is None:
        return nothing(new, "the first report has nothing to compare it with")
    if runs:
        return nothing(new, "not run in the first report", Verdict.UNSURE)
    if not at.same_base:
        return nothing(
            new, "not run in the first report: its change did not affect it", Verdict.UNSURE
        )
    changed = {reason.path for reason in new_run.selection.files}
    edited = not changed.isdisjoint([new.test.path, *conftests(new.test.path)])
    theirs = next((one for one in versions(new) if one.version is Side.BASE or not edited), None)
    if theirs is None:
        return nothing(new, "the perf test itself, or a conftest, is not the same in both reports")
    if theirs.base_failure or not theirs.counters:
        return nothing(new, "the first report has nothing to compare it with")
    return _with_base(theirs, at, is_old=False)


def _gone(old: TestResult, new_run: RunResult) -> Held:
    """Say why there is nothing to hold against a perf test of the first report."""
    reason = {
        None: "the second report has no such perf test",
        True: "not run in the second report",
        False: "not run in the second report: its change did not affect it",
    }
    return nothing(old, reason[runs_of(new_run, old)], Verdict.UNSURE)


def _only_old(old: TestResult, old_run: RunResult, at: At) -> Held:
    """Judge a perf test that the second report did not run, since its head has base's code."""
    changed = {reason.path for reason in old_run.selection.files}
    edited = not changed.isdisjoint([old.test.path, *conftests(old.test.path)])
    theirs = next((one for one in versions(old) if one.version is Side.BASE or not edited), None)
    if theirs is None or theirs.head_failure or theirs.base_failure or not theirs.counters:
        return nothing(
            old, "not run in the second report: its change did not affect it", Verdict.UNSURE
        )
    return _with_base(theirs, at, is_old=True)


def _with_base(result: TestResult, at: At, *, is_old: bool) -> Held:
    """Hold the result of one report against base, whose code the other's head runs.

    `is_old` says that it is the older report's.
    """
    sides = [(one.base, one.head) for one in result.counters]
    peak = result.peak
    if is_old:
        sides = [(head, base) for base, head in sides]
        peak = _turned(peak) if peak is not None else None
    counters = tuple(
        at.judged(CounterChange(one.name, base, head, steps=one.steps))
        for one, (base, head) in zip(result.counters, sides, strict=True)
    )
    which = "second" if is_old else "first"
    note = f"the change of the {which} report does not affect it: that head runs base's code"
    result_of_both = replace(bare(result), counters=counters, peak=peak, notes=(note,))
    own = result.comparison
    if own is None:
        same = result.verdict is Verdict.SAME
        reason = "" if same else "one of the reports has no step times for it"
        verdict = Verdict.SAME if same else Verdict.UNSURE
        return Held(replace(result_of_both, verdict=verdict, reason=reason), How.NOT_TIMED)
    effect = result.test.min_effect if at.min_effect is None else at.min_effect
    before, after = (own, None) if is_old else (None, own)
    comparison = ratio_of_ratios(before, after, effect, at.tests)
    timed = replace(result_of_both, verdict=comparison.verdict, reason="", comparison=comparison)
    ratios = (own.change, 0.0) if is_old else (0.0, own.change)
    return Held(timed, How.RATIO_OF_RATIOS, ratios)


def _turned(peak: PeakMemory) -> PeakMemory:
    return PeakMemory(
        peak.device,
        peak.head,
        peak.base,
        base_reserved=peak.head_reserved,
        head_reserved=peak.base_reserved,
        base_host=peak.head_host,
        head_host=peak.base_host,
    )
