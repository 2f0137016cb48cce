"""`perflint compare`: judges stored reports, without measuring anything."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import PerflintError
from ..runners.options import share
from ..runners.result import CounterChange, PeakMemory, RunResult, TestResult
from ..runners.text import numbers
from ..runners.text.layout import harmless, wrap
from ..runners.text.screen import width
from ..runners.text.table import count, rates, remarks, table
from ..runners.verdict.compare import Verdict
from ..runners.verdict.judge import Thresholds, settle
from ..runners.versions import graver
from .gate import INCOMPARABLE, FailOn, decide
from .held import Held, How, difference, share_base
from .hold import hold_against
from .markdown import inert
from .report import LintResult, Report, Revision, as_json, read_report
from .terminal import status_line

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
  perflint compare report.json --min-effect 5%
  perflint compare monday.json today.json
  perflint compare monday.json today.json --format json

exit status: 0 fine, 1 slower, failed or a counter over its budget, 2 a report cannot be read, or
the newer run was stopped or could not read a test file, 3 refused: a report says that its own two
sides are not comparable, 4 refused: the two reports come from machines or software that differ
"""

# What each version changed:
# 1: the first.
FORMAT_VERSION = 1

# Below the table: what its change is, and what stands in the columns of the two reports.
_HOW = {
    How.RATIO_OF_RATIOS: (
        "ratio of ratios: each head against the common base that it took turns with; step times "
        "of the two runs are not held against each other, since the machine may have changed"
    ),
}


@dataclass(frozen=True, slots=True)
class Time:
    """The change of throughput from the older head to the newer one, with its 95 % interval.

    `old_seconds` and `new_seconds` are median seconds per step, each on the machine as it was then.
    `old_to_base` and `new_to_base` are the changes of throughput that a ratio of ratios is made of,
    of each head to the common base; None where there is none.
    """

    change: float
    low: float
    high: float
    old_seconds: float
    new_seconds: float
    old_to_base: float | None = None
    new_to_base: float | None = None


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
        raise PerflintError("--min-effect has to be between 0 and 1, such as 0.05 or 5%")
    first = read_report(options.report)
    second = read_report(options.other) if options.other else None
    done, held = compare(first, second, options.min_effect)
    if options.format == "json":
        print(as_json(done).decode())
        return done.status
    if done.refused:
        print(f"{_what(first, second)}\n\nrefused: {inert(done.refused, 600)}")
    else:
        print(harmless("\n".join(_text(first, second, held))))
    print(f"\n{wrap(status_line(done.status, done.status_reasons), width())}")
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
        ratios = held.to_base or (None, None)
        time = Time(at.change, at.low, at.high, at.base_seconds, at.head_seconds, *ratios)
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


def _text(first: Report, second: Report | None, held: Sequence[Held]) -> Iterator[str]:
    """Write what is compared, what is exact, then the times and how far each can be trusted."""
    yield _what(first, second)
    exact = [(one.result, line) for one in held for line in _exact(one.result)]
    if exact:
        yield "\nexact, per step"
        for result, line in exact:
            yield wrap(f"{inert(result.test.name, 200)}: {line}", width(), indent=2)
    yield ""
    if not held:
        yield "no perf tests in the second report" if second else "no perf tests in the report"
        return
    ratios = {one.result.test.id: one.to_base for one in held}

    def cells(result: TestResult) -> tuple[str, str]:
        if (both := ratios[result.test.id]) is None:
            return rates(result)
        old, new = (f"{numbers.percent(one)} to base" for one in both)
        return old, new

    results = [one.result for one in held]
    sides = ("first", "second") if second else ("base", "head")
    yield table(results, width(), remarks, sides=sides, cells=cells)
    hows = {one.how for one in held}
    for how in hows & _HOW.keys():
        yield ""
        yield wrap(_HOW[how], width())


def _what(first: Report, second: Report | None) -> str:
    """Say which commits are compared."""
    if second is None:
        return f"head {_called(first.head)} against base {_called(first.base)}, judged again"
    heads = f"head {_called(first.head)} {numbers.ARROW} {_called(second.head)}"
    if share_base(first, second):
        return f"{heads}, common base {first.base.sha[:7]}"
    old, new = first.base.sha[:7], second.base.sha[:7]
    if old == new:
        return f"{heads}, base {old} with other dependencies each time"
    return f"{heads}, no common base: {old} and {new}"


def _called(revision: Revision) -> str:
    name = inert(revision.name, 60)
    plain = revision.sha.startswith(revision.name)
    return revision.sha[:7] if plain else f"{revision.sha[:7]} ({name})"


def _exact(result: TestResult) -> Iterator[str]:
    changed = [counter for counter in result.counters if counter.base != counter.head]
    for counter in sorted(changed, key=lambda one: (not one.over_budget, one.name)):
        sides = f"{counter.base:,} {numbers.ARROW} {counter.head:,}"
        unit = " bytes" if counter.name.endswith("_bytes") else ""
        yield count(counter, sides + unit)
    peak = result.peak
    known = any(counter.name == "peak_bytes" for counter in result.counters)
    if peak is not None and peak.base != peak.head and not known:
        yield f"peak {peak.base:,} {numbers.ARROW} {peak.head:,} bytes per step"


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
    add("report", type=Path, metavar="REPORT.json", help="what `perflint ci` wrote, or its folder")
    add("other", type=Path, nargs="?", metavar="NEWER.json", help="a later one to hold against it")
    add("--format", choices=["text", "json"], default="text", help="how to print (default: text)")
    add(
        "--min-effect",
        type=share,
        metavar="SHARE",
        help="the smallest slowdown that matters, such as 0.05 or 5%%",
    )
    return parser
