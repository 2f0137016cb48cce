"""What a stored perf test is on each metric: the values that its series are made of. Pure."""

import math
import statistics
from collections.abc import Iterator, Sequence

from ..runners.sample import Environment, Segment
from .record import Reading, Series, StoredPoint, StoredRun

# Raised where the same stored run would give other readings: stored ones are then made anew.
READINGS_VERSION = 1

THROUGHPUT = "throughput"

# Student's t at 97.5 % for 1, 2, … degrees of freedom, and 1.96 beyond (any table of it).
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_T_BEYOND = 2.228


def readings(point: StoredPoint) -> Iterator[Reading]:
    """Yield what head is: throughput, peak memory, each exact count, and what else is known.

    Throughput is in items per second, from head's median step; the interval is of the mean over
    builds of the test's state, since the steps of one build are no independent samples.
    """
    if point.time is not None and point.time.head_seconds > 0:
        low, high, samples = _interval(point.segments, point.items)
        value = point.items / point.time.head_seconds
        yield Reading(THROUGHPUT, f"{point.unit}/s", True, value, low, high, samples)
    if point.peak is not None:
        yield Reading("peak_bytes", "bytes", False, float(point.peak.head))
    for count in point.counts:
        yield Reading(count.name, "per step", False, float(count.head))
    yield from point.more


def series_of(run: StoredRun, point: StoredPoint, reading: Reading) -> Series:
    """Say to which series a reading belongs."""
    test, bracket, parameters = point.test.partition("[")
    at = run.environment
    return Series(
        repository=run.repository,
        test=test,
        parameters=bracket + parameters,
        metric=reading.metric,
        unit=reading.unit,
        higher_is_better=reading.higher_is_better,
        hardware="" if at is None else hardware_class(at),
        torch="" if at is None else at.torch,
        driver="" if at is None else at.driver or "",
    )


def hardware_class(at: Environment) -> str:
    """Name what a machine is, as far as speed depends on it; two machines may be of one class.

    A GPU with the profile of its slice, or else the processor with its cores and PyTorch's threads,
    those of them that are known: other tools do not tell all.
    """
    if at.device != "cpu" and at.gpu:
        return at.gpu
    cores = f"{at.cores} cores" if at.cores else ""
    threads = "1 thread" if at.threads == 1 else f"{at.threads} threads" if at.threads else ""
    return ", ".join(part for part in (at.cpu, cores, threads) if part)


def _interval(segments: Sequence[Segment], items: float) -> tuple[float | None, float | None, int]:
    """Return low and high of the throughput at 95 %, and how many builds that is from."""
    steps = [[pair.head for pair in one.pairs if pair.head > 0] for one in segments]
    logs = [math.log(items / statistics.median(times)) for times in steps if times]
    if len(logs) < 3:
        return None, None, max(1, len(logs))
    middle, degrees = statistics.fmean(logs), len(logs) - 1
    t = _T[degrees - 1] if degrees <= len(_T) else _T_BEYOND
    half = t * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(middle - half), math.exp(middle + half), len(logs)
