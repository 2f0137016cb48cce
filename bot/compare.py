"""`perflint compare`: judges stored reports, without measuring anything."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import PerflintError
from ..runners.compare import Verdict
from ..runners.judge import Thresholds, settle
from ..runners.result import CounterChange, PeakMemory, RunResult, TestResult
from ..runners.table import table
from ..runners.versions import graver
from . import numbers
from .gate import INCOMPARABLE, FailOn, decide
from .held import Held, How, difference, hold_against
from .markdown import inert
from .report import LintResult, Report, Revision, as_json, read_report

HELP = """\
Judge stored reports of `perflint ci` again, without measuring anything.

With one report, its step times are judged anew, perhaps with another --min-effect. With two, the
head of the second is held against the head of the first. Counts per step and memory are exact and
come first. Step times of reports with the same base are compared as ratios of ratios: each head
against the base that took turns with it. Without a common base they were measured one after the
other, where identical code was 2 to 69 % apart: then the verdict is "unsure" unless the change is
larger than that explains. Reports from different hardware, driver, PyTorch, Python or number of
threads are refused.
"""

EXAMPLES = """\
examples
  perflint compare report.json --min-effect 0.05
  perflint compare monday.json today.json
  perflint compare monday.json today.json --format json

exit status: 0 fine, 1 slower, failed or a counter over its budget, 2 a report cannot be read,
3 refused: a report says that its own two sides are not comparable, 4 refused: the two reports come
from machines or software that differ
"""

# What each version changed:
# 1: the first.
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Time:
    """The change of throughput from the older head to the newer one, with its 95 % interval.

    `old_seconds` and `new_seconds` are median seconds per step, each on the machine as it was then.
    """

    change: float
    low: float
    high: float
    old_seconds: float
    new_seconds: float


@dataclass(frozen=True, slots=True)
class ComparedTest:
    """One perf test in `--format json`; `how` says how its times were compared."""

    test: str
    verdict: Verdict
    how: str
    reason: str
    counters: tuple[CounterChange, ...]
    peak: PeakMemory | None
    time: Time | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What `--format json` prints; `old` and `new` are the heads of the two reports."""

    status: int
    status_reasons: tuple[str, ...]
    refused: str | None
    old: Revision | None
    new: Revision
    tests: tuple[ComparedTest, ...]
    format_version: int = FORMAT_VERSION


def main(words: list[str]) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(words)
    if options.min_effect is not None and not 0 < options.min_effect < 1:
        raise PerflintError("--min-effect has to be between 0 and 1, such as 0.05 for 5 %")
    first = read_report(options.report)
    second = read_report(options.other) if options.other else None
    done, held = compare(first, second, options.min_effect)
    if options.format == "json":
        print(as_json(done).decode())
    elif done.refused:
        print(f"refused: {inert(done.refused, 600)}")
    elif second is None:
        print(table([one.result for one in held]) if held else "no perf tests in the report")
    else:
        print("\n".join(_text(held)) or "no perf tests in the second report")
    return done.status


def compare(
    first: Report, second: Report | None, min_effect: float | None
) -> tuple[Compared, tuple[Held, ...]]:
    """Judge one report anew, or hold the second against the first."""
    if second is None:
        run = judge_again(first.run, min_effect)
        held = tuple(Held(result, How.IN_TURNS) for result in run.tests)
        return _compared(run, held, None, first), held
    refused = first.run.refused or second.run.refused
    if refused:
        return _compared(replace(second.run, refused=refused), (), first, second), ()
    if differs := difference(first.run.environment, second.run.environment):
        run = replace(second.run, tests=(), refused=differs)
        done = _compared(run, (), first, second)
        reasons = (f"the reports cannot be compared: {differs}",)
        return replace(done, status=INCOMPARABLE, status_reasons=reasons), ()
    first, second = (replace(one, run=judge_again(one.run, None)) for one in (first, second))
    held = hold_against(first, second, min_effect)
    run = replace(second.run, tests=tuple(one.result for one in held))
    return _compared(run, held, first, second), held


def _compared(
    run: RunResult, held: Sequence[Held], first: Report | None, second: Report
) -> Compared:
    decision = decide(LintResult(), run, FailOn(severity=None))
    return Compared(
        decision.status,
        decision.reasons,
        run.refused,
        first.head if first else None,
        second.head,
        tuple(map(_as_json, held)),
    )


def _as_json(held: Held) -> ComparedTest:
    result, at = held.result, held.result.comparison
    time = None
    if at is not None:
        time = Time(at.change, at.low, at.high, at.base_seconds, at.head_seconds)
    return ComparedTest(
        result.test.id,
        result.verdict,
        held.how.value,
        result.reason,
        result.counters,
        result.peak,
        time,
        (*(at.warnings if at else ()), *result.notes),
    )


def _text(held: Sequence[Held]) -> Iterator[str]:
    """Write what is exact, then the times and how far each can be trusted."""
    exact = [(one.result, line) for one in held for line in _exact(one.result)]
    if exact:
        yield "exact, per step"
        yield from (f"  {inert(result.test.name, 200)}: {line}" for result, line in exact)
        yield ""
    for one in held:
        result, at = one.result, one.result.comparison
        words = inert(f"{result.verdict.value:8} {result.test.name}", 200)
        if at is not None:
            interval = f"[{at.low:+.1%}, {at.high:+.1%}]"
            words += f"  throughput {at.change:+.1%} {interval}, {one.how.value}"
            words += f": {_step(at.base_seconds)}, then {_step(at.head_seconds)} per step"
        yield words
        notes = (result.reason, *(at.warnings if at else ()), *result.notes)
        yield from (f"    {inert(note, 300)}" for note in notes if note)


def _exact(result: TestResult) -> Iterator[str]:
    for counter in result.counters:
        if counter.base != counter.head:
            over = " (over budget)" if counter.over_budget else ""
            per = f" {counter.per}" if counter.steps > 1 else ""
            words = inert(counter.name.replace("_", " "), 60)
            yield f"{words} {counter.base:,} -> {counter.head:,}{per}{over}"
    peak = result.peak
    if peak is not None and peak.base != peak.head:
        size, change = numbers.peak_bytes(peak.base, peak.head)
        exact = f"{peak.base:,} -> {peak.head:,} bytes"
        yield f"peak memory {exact}" + (f" ({size}, {change})" if change else "")


def _step(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds else "not timed"


def judge_again(run: RunResult, min_effect: float | None) -> RunResult:
    """Judge the stored step times; `min_effect` takes the place of what each test says."""
    count = run.verdicts or max(1, len(run.tests))
    return replace(run, tests=tuple(_judged(one, min_effect, count) for one in run.tests))


def _judged(result: TestResult, min_effect: float | None, tests: int) -> TestResult:
    if result.other is not None:
        other = _judged(result.other, min_effect, tests)
        return graver(_judged(replace(result, other=None), min_effect, tests), other)
    # A side that failed keeps its verdict whatever its first segments say.
    failed = result.head_failure or result.base_failure
    if not result.segments or result.comparison is None or failed:
        return result
    effect = result.test.min_effect if min_effect is None else min_effect
    comparison = settle(result.segments, Thresholds(min_effect=effect, tests=tests))
    return replace(result, comparison=comparison, verdict=comparison.verdict)


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
    add("--format", choices=["text", "json"], default="text", help="how to print (default: text)")
    add("--min-effect", type=float, metavar="SHARE", help="the smallest slowdown that matters")
    return parser
