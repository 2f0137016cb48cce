"""What is known of a run and of single tests beside verdicts and numbers: plain sentences."""

from collections.abc import Sequence

from ..runners.counters import compiling, utilization
from ..runners.result import PeakMemory, RunResult, TestResult
from ..runners.text.words import STOPPED, STOPPED_NOTE
from ..runners.verdict.compare import Verdict
from ..runners.versions import said_by_versions
from . import numbers

# From this share on, memory that is not counted exactly is worth a word: less comes and goes.
LOOSE_MEMORY_MATTERS = 0.1


def run_notes(run: RunResult) -> list[str]:
    """What a run notes, but for what its headline tells."""
    return [note for note in run.notes if not (run.interrupted and note == STOPPED_NOTE)]


def test_notes(result: TestResult, run: RunResult) -> list[str]:
    """What a test notes, but for what the run's notes tell of it."""
    same = result.other is not None and result.other.verdict is result.verdict
    told = said_by_versions(result) if same else None
    name = result.test.name
    return [n for n in result.notes if n != told and f"{name}: {n}" not in run.notes]


def details_of(result: TestResult, run: RunResult) -> list[str]:
    """What else is known of one test: notes, reason, warnings, memory, work, unstable counts."""
    texts = test_notes(result, run)
    # These say their reason at the top of the comment.
    if result.verdict not in (Verdict.UNSURE, Verdict.BROKEN, Verdict.FAILED):
        texts += [result.reason, *(result.comparison.warnings if result.comparison else ())]
    texts += [*memory_remarks(result.peak), *work_remarks(result)]
    texts += [
        f"{name.replace('_', ' ')} left out, since two steps of one side differ in it"
        for name in result.unstable
    ]
    return [text for text in texts if text]


def why_open(result: TestResult) -> Sequence[str]:
    """Why a test has no verdict, in words of its own; where a run was stopped that is told."""
    if result.comparison is not None:
        return result.comparison.warnings
    return [result.reason] if result.reason and result.reason != STOPPED else []


def memory_remarks(peak: PeakMemory | None) -> list[str]:
    """What else of memory differs by enough to be told: the allocator's share, the process's."""
    if peak is None:
        return []
    sides = {
        f"the allocator of {peak.device} reserved": (peak.base_reserved, peak.head_reserved),
        "the process held (not exact)": (peak.base_host, peak.head_host),
    }
    return [
        f"{what} {size} at its peak ({difference})"
        for what, (base, head) in sides.items()
        if base and head and abs(head - base) >= LOOSE_MEMORY_MATTERS * base
        for size, difference in [numbers.peak_bytes(base, head)]
    ]


def work_remarks(result: TestResult) -> list[str]:
    """What a test achieves of what its device can do, and how long it compiles."""
    remarks = []
    if result.utilization:
        remarks.append(f"achieved {utilization.words(result.utilization)}")
    if result.compiling:
        remarks.append(compiling.words(result.compiling))
    return remarks
