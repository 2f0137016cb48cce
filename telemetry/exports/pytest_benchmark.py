"""JSON as pytest-benchmark saves it, which `pytest-benchmark compare` reads.

https://pytest-benchmark.readthedocs.io/en/stable/comparing.html
"""

import math
import statistics
from bisect import bisect_left, bisect_right
from typing import Any

from ... import PerflintError
from ...runners.text.words import inert
from ..readings import readings
from ..record import UNCOMMITTED, StoredPoint, StoredRun
from .words import as_json, one_line

# The version whose format this is.
_VERSION = "5.3.1"


def text(run: StoredRun) -> str:
    """Write one run: the seconds of head's steps, with all other metrics in `extra_info`.

    Raises PerflintError where nothing of it was timed.
    """
    timed = [(point, times) for point in run.points if (times := times_of(point))]
    if not timed:
        raise PerflintError(f"no test of {run.head[:12]} was timed, and pytest-benchmark has times")
    return as_json(
        {
            "machine_info": _machine(run),
            "commit_info": {
                "id": run.head.removesuffix(UNCOMMITTED),
                "time": None,
                "author_time": None,
                "dirty": run.head.endswith(UNCOMMITTED),
                "project": run.repository.rpartition("/")[2],
                "branch": "(unknown)",
            },
            "benchmarks": [_benchmark(point, times) for point, times in timed],
            "datetime": run.created,
            "version": _VERSION,
        }
    )


def times_of(point: StoredPoint) -> list[float]:
    """Return seconds per step on head: of each turn, or the one that is left of them."""
    raw = [pair.head for segment in point.segments for pair in segment.pairs if pair.head > 0]
    if raw:
        return raw
    if point.time is not None and point.time.head_seconds > 0:
        return [point.time.head_seconds]
    return [one.value for one in point.more if (one.metric, one.unit) == ("time", "s")][:1]


def _machine(run: StoredRun) -> dict[str, Any]:
    at = run.environment
    if at is None:
        return {}
    told = {"python_version": at.python, "release": at.platform, "torch": at.torch}
    told |= {"gpu": at.gpu or "", "driver": at.driver or ""}
    return {
        **{name: value for name, value in told.items() if value},
        "cpu": {"brand_raw": at.cpu, "count": at.cores},
    }


def _benchmark(point: StoredPoint, times: list[float]) -> dict[str, Any]:
    _, bracket, parameters = point.test.partition("[")
    return {
        "group": None,
        "name": inert(point.name, 500),
        "fullname": one_line(point.test),
        "params": None,
        "param": inert(parameters.removesuffix("]"), 500) if bracket else None,
        "extra_info": {
            f"{one.metric} ({one.unit})": one.value
            for one in readings(point)
            if math.isfinite(one.value)
        },
        "options": {},
        "stats": {**stats(times), "data": times, "iterations": 1},
    }


def stats(times: list[float]) -> dict[str, Any]:
    """Work out the statistics of pytest-benchmark, by its definitions (its `stats.py`)."""
    data = sorted(times)
    mean, total = statistics.mean(data), sum(data)
    deviation = statistics.stdev(data) if len(data) > 1 else 0.0
    q1, q3 = _quartiles(data)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    beyond = sum(abs(one - mean) > deviation for one in data) if len(data) > 1 else 0
    outliers = sum(one < low or one > high for one in data)
    return {
        "min": data[0],
        "max": data[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": statistics.median(data),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outliers,
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{outliers}",
        "ld15iqr": data[bisect_left(data, low)],
        "hd15iqr": data[bisect_right(data, high) - 1],
        "ops": len(data) / total,
        "total": total,
    }


def _quartiles(data: list[float]) -> tuple[float, float]:
    """Methods 2 and 3 of https://en.wikipedia.org/wiki/Quartile#Computing_methods."""
    count = len(data)
    if count == 1:
        return data[0], data[0]
    if count % 2 == 0:
        return statistics.median(data[: count // 2]), statistics.median(data[count // 2 :])
    n = count // 4
    if count % 4 == 1:
        return (
            0.25 * data[n - 1] + 0.75 * data[n],
            0.75 * data[3 * n] + 0.25 * data[3 * n + 1],
        )
    return 0.75 * data[n] + 0.25 * data[n + 1], 0.25 * data[3 * n + 1] + 0.75 * data[3 * n + 2]
