"""Joins what was measured of one test into its result: one verdict and its reasons. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .counters.compiling import Compiling
from .counters.examined import Examined
from .counters.periods import side_by_side
from .counters.utilization import Device, Utilization, utilization
from .new_places import Source, new_sites, with_base
from .profiling.difference import diff_profiles
from .profiling.memory import MemoryChange, StepMemory
from .profiling.memory_change import diff_memory
from .profiling.profile import ProfileSummary, scaled
from .result import CounterChange, Failure, PeakMemory, TestResult
from .sample import PerfTest, Segment, Side
from .text.words import SKIPPED_ON_BASE, STOPPED
from .verdict.compare import Comparison, Verdict


@dataclass
class Measured:
    """What is known of one test so far; filled while the run goes on."""

    test: PerfTest
    examined: dict[Side, Examined] = field(default_factory=dict)
    identical: bool = False
    segments: list[Segment] = field(default_factory=list)
    affordable: float = 0.0  # seconds of steps, spent ones included, that the run had time for
    wants_launch: bool = False  # fresh processes may settle what is open
    gpu_notes: list[str] = field(default_factory=list)
    untimed: str = ""  # why nothing was timed, where there was something to time
    failed_once: bool = False  # while being timed
    # Of the sides that fail while being timed, and alone as well; `blame` says how.
    timing_failures: dict[Side, Failure] = field(default_factory=dict)
    blame: str = ""
    added: bool = False  # this change adds the perf test's file
    profiles: dict[Side, ProfileSummary] = field(default_factory=dict)
    memory: dict[Side, StepMemory] = field(default_factory=dict)  # of both, where it grew
    # Seconds that a fresh process compiled for, whose caches were filled.
    warm_compile: dict[Side, float | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def both_ran(self) -> bool:
        """Whether both sides ran the test, so that there is something to compare."""
        return all(not one.failure and one.skipped is None for one in self.examined.values())


def result_of(
    measured: Measured,
    comparison: Comparison | None,
    budgets: Mapping[str, int],
    source: Source,
    peaks: Mapping[str, float] | None = None,
) -> TestResult:
    """Give the test its verdict. `source` returns the base and head text of a file.

    `peaks` are the device's that the configuration states. Counts that differ although both sides
    run the same code are no news of a change: they count as unstable.
    """
    base, head = measured.examined[Side.BASE], measured.examined[Side.HEAD]
    failures = {
        side: measured.examined[side].failure or measured.timing_failures.get(side) for side in Side
    }
    verdict, reason = _verdict(measured, comparison, failures)
    compared = measured.both_ran
    unknown = _unknown_budgets(base, head, budgets) if compared else ()
    counters = _counter_changes(base, head, budgets, source) if compared else ()
    by_itself: list[str] = []
    if measured.identical:
        # No change of the code made these: what a step draws or finds is not the same each time.
        by_itself = [counter.name for counter in counters if counter.base != counter.head]
        counters = tuple(counter for counter in counters if counter.name not in by_itself)
    profile = None
    if len(measured.profiles) == 2:
        profile = diff_profiles(*_profiles(measured, comparison), source)
    return TestResult(
        test=measured.test,
        verdict=verdict,
        reason=reason,
        comparison=comparison,
        segments=tuple(measured.segments),
        counters=counters,
        unstable=tuple(sorted({*base.counts.unstable, *head.counts.unstable, *by_itself})),
        peak=_peak(base, head) if compared else None,
        profile=profile,
        base_failure=failures[Side.BASE],
        head_failure=failures[Side.HEAD],
        notes=(*measured.notes, *_by_itself_notes(by_itself), *unknown),
        utilization=_utilization(base, head, comparison, peaks or {}) if compared else None,
        compiling=_compiling(measured) if compared else None,
        memory=_memory(measured, source),
    )


def _utilization(
    base: Examined, head: Examined, comparison: Comparison | None, stated: Mapping[str, float]
) -> Utilization | None:
    if comparison is None:
        return None
    device = Device.of(head.machine or {})
    return utilization(base.counts.products, head.counts.products, comparison, device, stated)


def _memory(measured: Measured, source: Source) -> MemoryChange | None:
    if not measured.memory:
        return None
    return diff_memory(measured.memory[Side.BASE], measured.memory[Side.HEAD], source)


def _compiling(measured: Measured) -> Compiling | None:
    base, head = (measured.examined[side] for side in Side)
    found = Compiling(
        base_cold=base.compile_seconds if base.cold else None,
        head_cold=head.compile_seconds if head.cold else None,
        base_warm=measured.warm_compile.get(Side.BASE),
        head_warm=measured.warm_compile.get(Side.HEAD),
    )
    return None if found == Compiling() else found


def _profiles(
    measured: Measured, comparison: Comparison | None
) -> tuple[ProfileSummary, ProfileSummary]:
    base, head = measured.profiles[Side.BASE], measured.profiles[Side.HEAD]
    if comparison is None:
        return base, head
    return (
        scaled(base, comparison.base_seconds * 1e3),
        scaled(head, comparison.head_seconds * 1e3),
    )


def _verdict(
    measured: Measured, comparison: Comparison | None, failures: Mapping[Side, Failure | None]
) -> tuple[Verdict, str]:
    skipped = {side: measured.examined[side].skipped for side in Side}
    ran_on_base = skipped[Side.BASE] is None and failures[Side.BASE] is None
    if skipped[Side.HEAD] is not None and ran_on_base:
        return Verdict.SKIPPED, f"pytest skips it with this change only: {skipped[Side.HEAD]}"
    if skipped[Side.HEAD] is not None:
        return Verdict.SKIPPED, f"pytest skipped it: {skipped[Side.HEAD]}"
    match failures[Side.BASE], failures[Side.HEAD]:
        case Failure(), Failure() if measured.added:
            words = f": {measured.blame}" if measured.blame else ""
            return Verdict.FAILED, f"this change adds the perf test, and it fails{words}"
        case Failure(), Failure() if measured.blame:
            return Verdict.BROKEN, measured.blame
        case Failure(), Failure():
            return Verdict.BROKEN, "it fails on base and on head"
        case None, Failure() if skipped[Side.BASE] is None:
            words = f" while being timed: {measured.blame}" if measured.blame else ""
            return Verdict.FAILED, f"it passes on base and fails on head{words}"
        case None, Failure():
            return Verdict.FAILED, SKIPPED_ON_BASE
        case Failure() as failure, None if measured.examined[Side.BASE].failure is None:
            words = f"base failed while being timed: {failure.summary}"
            return Verdict.UNSURE, f"{words} ({measured.blame})" if measured.blame else words
        case Failure() as failure, None:
            return Verdict.NEW, f"it runs on head only; on base: {failure.summary}"
    if skipped[Side.BASE] is not None:
        return Verdict.NEW, f"it runs on head only; on base pytest skipped it: {skipped[Side.BASE]}"
    if comparison is None and measured.untimed:
        return Verdict.UNSURE, measured.untimed
    if comparison is None and not measured.identical:
        return Verdict.UNSURE, STOPPED
    if comparison is None:
        return Verdict.SAME, "nothing that this test runs has changed, so it was not timed"
    return comparison.verdict, ""


def _by_itself_notes(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    words = ", ".join(name.replace("_", " ") for name in names)
    return [
        f"both sides run the same code and yet count otherwise ({words}), so these were left out: "
        "seed what the test draws at random (`random`, `torch` and `numpy.random` are seeded)"
    ]


def _unknown_budgets(base: Examined, head: Examined, budgets: Mapping[str, int]) -> list[str]:
    """Name the counters that have a budget and that only one side tells."""
    notes = []
    for name in budgets:
        told = [name in one.counts.values or name in one.counts.unstable for one in (base, head)]
        if told[0] != told[1]:
            side = "base" if told[0] else "head"
            words = name.replace("_", " ")
            notes.append(
                f"{words} has a budget, and only {side} tells it: it could not be compared"
            )
    return notes


def _counter_changes(
    base: Examined, head: Examined, budgets: Mapping[str, int], source: Source
) -> tuple[CounterChange, ...]:
    # Of a count that is not steady, only what grew for certain counts: from the most that base did
    # to the least that head did.
    before = {**{n: most for n, (_, most) in base.counts.unstable.items()}, **base.counts.values}
    after = {**{n: least for n, (least, _) in head.counts.unstable.items()}, **head.counts.values}
    steady = base.counts.values.keys() & head.counts.values.keys()
    changes: list[CounterChange] = []
    for name in sorted(before.keys() & after.keys()):
        was, now, steps = side_by_side(
            before[name],
            base.counts.steps.get(name, 1),
            after[name],
            head.counts.steps.get(name, 1),
        )
        grew = now - was
        if name not in steady and grew <= 0:
            continue
        over = name in budgets and grew > budgets[name] * steps
        waits = (
            (base.counts.syncs, head.counts.syncs) if name == "host_syncs" and grew else ((), ())
        )
        old, new = (
            tuple(one for one in side.counts.reasons if one.counter == name)
            for side in (base, head)
        )
        changes.append(
            CounterChange(
                name,
                was,
                now,
                over,
                new_sites(*waits, source),
                steps,
                base_reasons=old,
                head_reasons=with_base(old, new, source),
            )
        )
    return tuple(changes)


def _peak(base: Examined, head: Examined) -> PeakMemory | None:
    if base.memory.allocated is None or head.memory.allocated is None:
        return None
    device = str((head.machine or {}).get("device", "cpu"))
    return PeakMemory(
        device,
        base.memory.allocated,
        head.memory.allocated,
        base_reserved=base.memory.reserved,
        head_reserved=head.memory.reserved,
        base_host=base.memory.host,
        head_host=head.memory.host,
    )
