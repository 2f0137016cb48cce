"""Turns a report into what the history keeps of it. Pure."""

from collections.abc import Iterator

from ..runners.result import TestResult
from ..telemetry.record import (
    UNCOMMITTED,
    Reading,
    StoredCount,
    StoredPeak,
    StoredPoint,
    StoredRun,
    StoredTime,
)
from .report import Report, RunLink


def remember(report: Report) -> StoredRun:
    """Keep what can be compared over time; findings, profiles and tracebacks stay in the report."""
    return StoredRun(
        base=report.base.sha,
        head=report.head.sha + UNCOMMITTED * report.head.snapshot,
        created=report.created,
        perflint=report.perflint,
        status=report.status,
        environment=report.run.environment,
        points=tuple(_point(result) for result in report.run.tests),
        repository=report.link.repository if report.link else "",
        link=_page(report.link) if report.link else "",
    )


def _page(link: RunLink) -> str:
    return f"{link.server}/{link.repository}/actions/runs/{link.run_id}"


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
        items=float(result.test.items),
        unit=result.test.unit,
        time=_time(result),
        peak=_peak(result),
        # The store returns them in this order, whatever order the report had.
        counts=tuple(sorted(counts, key=lambda count: count.name)),
        segments=result.segments,
        more=tuple(_more(result)),
    )


def _more(result: TestResult) -> Iterator[Reading]:
    if result.utilization is not None and result.utilization.head.mfu is not None:
        yield Reading("mfu", "share", True, result.utilization.head.mfu)
    if result.peak is not None and result.peak.head_host is not None:
        yield Reading("host_peak_bytes", "bytes", False, float(result.peak.head_host))
    if result.compiling is not None:
        for name, seconds in (
            ("compile_cold", result.compiling.head_cold),
            ("compile_warm", result.compiling.head_warm),
        ):
            if seconds is not None:
                yield Reading(name, "s", False, seconds)


def _time(result: TestResult) -> StoredTime | None:
    timed = result.comparison
    if timed is None:
        return None
    return StoredTime(timed.change, timed.low, timed.high, timed.base_seconds, timed.head_seconds)


def _peak(result: TestResult) -> StoredPeak | None:
    if result.peak is None:
        return None
    return StoredPeak(result.peak.device, result.peak.base, result.peak.head)
