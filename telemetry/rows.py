"""Rows of the history's tables from plain data, and back. Pure."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..runners.sample import Environment
from ..runners.verdict.compare import Verdict
from .record import (
    Reading,
    Series,
    Source,
    StoredCount,
    StoredPeak,
    StoredPoint,
    StoredRun,
    StoredTime,
    Value,
    pack,
    unpack,
)

Row = Any  # of SQLAlchemy, or a dict of a table's columns

_TIME = ("change", "low", "high", "base_seconds", "head_seconds")
_PEAK = ("peak_device", "base_peak", "head_peak")


def run_row(run: StoredRun, readings: int) -> Row:
    """Return the row of a run; `readings` is the version of those that are stored with it."""
    environment = None if run.environment is None else json.dumps(asdict(run.environment))
    return {
        "key": run.key,
        "repository": run.repository,
        "created": run.created,
        "base": run.base,
        "head": run.head,
        "perflint": run.perflint,
        "status": run.status,
        "environment": environment,
        "link": run.link,
        "source": run.source.value,
        "readings": readings,
    }


def result_row(run: int, position: int, point: StoredPoint) -> Row:
    """Return the row of a perf test of a run."""
    time = {} if point.time is None else asdict(point.time)
    peak = point.peak
    return {
        "run": run,
        "test": point.test,
        "name": point.name,
        "position": position,
        "verdict": point.verdict.value,
        "items": point.items,
        "unit": point.unit,
        **dict.fromkeys(_TIME),
        **time,
        "peak_device": peak.device if peak else None,
        "base_peak": peak.base if peak else None,
        "head_peak": peak.head if peak else None,
        "segments": pack(point.segments),
        "more": json.dumps([asdict(one) for one in point.more]),
    }


def count_rows(run: int, point: StoredPoint) -> list[Row]:
    """Return the rows of a perf test's counts."""
    return [{"run": run, "test": point.test, **asdict(count)} for count in point.counts]


def point_row(series: int, position: int, run: int, reading: Reading) -> Row:
    """Return the row of a series' point."""
    return {
        "series": series,
        "position": position,
        "run": run,
        "value": reading.value,
        "low": reading.low,
        "high": reading.high,
        "samples": reading.samples,
    }


def read_run(row: Row, points: Iterable[StoredPoint]) -> StoredRun:
    """Read a row of runs."""
    text = row["environment"]
    return StoredRun(
        base=row["base"],
        head=row["head"],
        created=row["created"],
        perflint=row["perflint"],
        status=row["status"],
        environment=None if text is None else Environment(**json.loads(text)),
        points=tuple(points),
        repository=row["repository"],
        link=row["link"],
        source=Source(row["source"]),
        kept_as=row["key"],
    )


def read_result(row: Row, counts: Iterable[StoredCount]) -> StoredPoint:
    """Read a row of results."""
    time, peak = [row[name] for name in _TIME], [row[name] for name in _PEAK]
    return StoredPoint(
        test=row["test"],
        verdict=Verdict(row["verdict"]),
        items=row["items"],
        unit=row["unit"],
        time=None if None in time else StoredTime(*time),
        peak=None if None in peak else StoredPeak(*peak),
        counts=tuple(counts),
        segments=unpack(row["segments"]),
        more=tuple(Reading(**one) for one in json.loads(row["more"])),
    )


def read_count(row: Row) -> StoredCount:
    """Read a row of counts."""
    return StoredCount(row["name"], row["base"], row["head"], row["over_budget"])


def read_series(row: Row) -> Series:
    """Read a row of series."""
    return Series(**{name: row[name] for name in Series.__dataclass_fields__})


def read_value(row: Row) -> Value:
    """Read a row of points, joined with its run."""
    return Value(**{name: row[name] for name in Value.__dataclass_fields__})
