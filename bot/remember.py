"""Turns a report into what the history keeps of it. Pure."""

from ..runners.result import TestResult
from ..telemetry.record import StoredCount, StoredPeak, StoredPoint, StoredRun, StoredTime
from .report import Report


def remember(report: Report) -> StoredRun:
    """Keep what can be compared over time; findings, profiles and tracebacks stay in the report."""
    return StoredRun(
        base=report.base.sha,
        head=report.head.sha,
        created=report.created,
        perflint=report.perflint,
        status=report.status,
        environment=report.run.environment,
        points=tuple(_point(result) for result in report.run.tests),
    )


def _point(result: TestResult) -> StoredPoint:
    counts = [
        # A sum over several steps is another figure than a count of each, and has its own line.
        StoredCount(
            counter.name if counter.steps == 1 else f"{counter.name}_in_{counter.steps}_steps",
            counter.base,
            counter.head,
            counter.over_budget,
        )
        for counter in result.counters
    ]
    return StoredPoint(
        test=result.test.id,
        verdict=result.verdict,
        items=result.test.items,
        unit=result.test.unit,
        time=_time(result),
        peak=_peak(result),
        # The store returns them in this order, whatever order the report had.
        counts=tuple(sorted(counts, key=lambda count: count.name)),
        segments=result.segments,
    )


def _time(result: TestResult) -> StoredTime | None:
    timed = result.comparison
    if timed is None:
        return None
    return StoredTime(timed.change, timed.low, timed.high, timed.base_seconds, timed.head_seconds)


def _peak(result: TestResult) -> StoredPeak | None:
    if result.peak is None:
        return None
    return StoredPeak(result.peak.device, result.peak.base, result.peak.head)
