"""`perflint compare`: judges stored reports, without measuring anything."""

import argparse
from dataclasses import fields, replace
from pathlib import Path

from .. import PerflintError
from ..runners.compare import Verdict
from ..runners.config import RunnersConfig
from ..runners.judge import Thresholds, settle
from ..runners.result import CounterChange, PeakMemory, RunResult, TestResult
from ..runners.sample import Environment
from ..runners.table import table
from .gate import FailOn, decide
from .report import LintResult, Report, read_report

HELP = """\
Judge stored reports of `perflint ci` again, without measuring anything.

With one report, its step times are judged anew, perhaps with another --min-effect. With two, the
head of the second is held against the head of the first: counts per step and memory are exact and
are compared; step times were measured at different times, on a machine that was not the same then,
so they are shown and no verdict is based on them. Reports from different hardware or software are
refused.
"""

EXAMPLES = """\
examples
  perflint compare report.json --min-effect 0.05
  perflint compare monday.json today.json

exit status: 0 fine, 1 slower, failed or a counter over its budget, 2 a report cannot be read,
3 refused: the reports come from machines or software that cannot be compared
"""

# Where a run happened by chance does not matter; on what it ran does.
_MAY_DIFFER = {"host"}


def main(words: list[str]) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(words)
    if options.min_effect is not None and not 0 < options.min_effect < 1:
        raise PerflintError("--min-effect has to be between 0 and 1, such as 0.05 for 5 %")
    first = read_report(options.report)
    if options.other is None:
        run = judge_again(first.run, options.min_effect)
    else:
        run = hold_against(first, read_report(options.other))
    decision = decide(LintResult(), run, FailOn(severity=None))
    if run.refused:
        print(f"refused: {run.refused}")
    elif run.tests:
        print(table(run.tests))
    else:
        print("no perf tests in the report")
    return decision.status


def judge_again(run: RunResult, min_effect: float | None) -> RunResult:
    """Judge the stored step times; `min_effect` takes the place of what each test says."""
    count = max(1, len(run.tests))
    return replace(run, tests=tuple(_judged(one, min_effect, count) for one in run.tests))


def _judged(result: TestResult, min_effect: float | None, tests: int) -> TestResult:
    if not result.segments or result.comparison is None:
        return result
    effect = result.test.min_effect if min_effect is None else min_effect
    comparison = settle(result.segments, Thresholds(min_effect=effect, tests=tests))
    # A side that failed keeps its verdict whatever its first segments say.
    failed = result.verdict in (Verdict.FAILED, Verdict.NEW, Verdict.BROKEN)
    verdict = result.verdict if failed else comparison.verdict
    return replace(result, comparison=comparison, verdict=verdict)


def hold_against(old: Report, new: Report) -> RunResult:
    """Compare the heads of two reports, as far as that can be done honestly."""
    refused = _difference(old.run.environment, new.run.environment)
    if refused:
        return replace(new.run, tests=(), refused=refused)
    before = {result.test.id: result for result in old.run.tests}
    tests = tuple(_held(before.get(result.test.id), result) for result in new.run.tests)
    return replace(new.run, tests=tests, refused=None)


def _difference(old: Environment | None, new: Environment | None) -> str | None:
    if old is None or new is None:
        return None
    for field in fields(Environment):
        if field.name not in _MAY_DIFFER:
            was, is_now = getattr(old, field.name), getattr(new, field.name)
            if was != is_now:
                return f"{field.name} is {was!r} in the first report, {is_now!r} in the second"
    return None


def _held(old: TestResult | None, new: TestResult) -> TestResult:
    if new.head_failure or new.verdict is Verdict.SKIPPED:
        return new
    if old is None or old.head_failure or not old.counters:
        return replace(
            new,
            verdict=Verdict.NEW,
            reason="the first report has nothing to compare it with",
            comparison=None,
            counters=(),
            peak=None,
        )
    return replace(
        new,
        verdict=Verdict.UNSURE,
        reason=f"measured at different times: {_step(old)}, then {_step(new)} per step",
        comparison=None,
        counters=_counters(old, new),
        peak=_peak(old, new),
        base_failure=None,
        profile=None,
    )


def _step(result: TestResult) -> str:
    if result.comparison is None:
        return "not timed"
    return f"{result.comparison.head_seconds * 1e3:.2f} ms"


def _counters(old: TestResult, new: TestResult) -> tuple[CounterChange, ...]:
    before = {counter.name: counter.head for counter in old.counters}
    budgets = RunnersConfig().budgets
    return tuple(
        CounterChange(
            counter.name,
            before[counter.name],
            counter.head,
            counter.name in budgets and counter.head - before[counter.name] > budgets[counter.name],
        )
        for counter in new.counters
        if counter.name in before
    )


def _peak(old: TestResult, new: TestResult) -> PeakMemory | None:
    if old.peak is None or new.peak is None:
        return None
    return PeakMemory(new.peak.device, old.peak.head, new.peak.head)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint compare",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("report", type=Path, metavar="REPORT.json", help="what `perflint ci` wrote")
    add("other", type=Path, nargs="?", metavar="NEWER.json", help="a later one to hold against it")
    add("--min-effect", type=float, metavar="SHARE", help="the smallest slowdown that matters")
    return parser
