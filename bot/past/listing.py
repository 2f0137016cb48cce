"""Writes what is stored as a table for people, and as JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import Enum

from ...runners.text.layout import columns
from ...runners.text.numbers import ARROW, NONE, interval, percent, rate
from ...runners.text.words import inert, some
from ...telemetry.record import UNCOMMITTED, StoredPoint, StoredRun

# What each version of `history list --output-format json` changed:
# 1: the first.
# 2: runs have `repository`, `link` and `source`, points `more`; a key is one of the content.
LIST_VERSION = 2

# Of counts that changed, so many are listed; `--output-format json` has all.
_MOST_COUNTS = 2
_LONGEST_NAME = 200


def as_json(runs: Sequence[StoredRun]) -> str:
    """Return all that is stored of the runs, raw times included."""
    told = [{"key": run.key, **asdict(run)} for run in runs]
    for one in told:
        del one["kept_as"]
    data = {"schema_version": LIST_VERSION, "runs": told}
    return json.dumps(data, indent=1, default=_enum)


def _enum(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} has no JSON form")


def as_lines(runs: Sequence[StoredRun], width: int | None = None) -> list[str]:
    """Return a table with one line per perf test and run, under a line of headings.

    Names of tests are shortened until it fits into `width` columns.
    """
    rows: list[tuple[str, ...]] = [
        ("CREATED", "BASE", "HEAD", "VERDICT", "CHANGE [95% CI]", "HEAD", "COUNTS", "TEST")
    ]
    for run in runs:
        rows += [_cells(run, point) for point in run.points] or [_start(run) + ("",) * 4 + ("-",)]
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    room = _LONGEST_NAME if width is None else max(24, width - sum(widths[:-1]) - 2 * len(widths))
    return ["  ".join([*_padded(row[:-1], widths[:-1]), inert(row[-1], room)]) for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for cell, width in zip(row, widths, strict=True):
        yield cell + " " * (width - columns(cell))


def _start(run: StoredRun) -> tuple[str, str, str]:
    head = run.head[:7] + "*" * (run.head.endswith(UNCOMMITTED))
    return run.created[:19], run.base[:7], head


def _cells(run: StoredRun, point: StoredPoint) -> tuple[str, ...]:
    change = step = ""
    if point.time is not None:
        time = point.time
        change = f"{percent(time.change)} {interval(time.low, time.high)}"
        speed = rate(point.items / time.head_seconds) if time.head_seconds > 0 else NONE
        step = f"{speed} {inert(point.unit, 16)}/s"
    changed = [count for count in point.counts if count.base != count.head]
    changed.sort(key=lambda count: not count.over_budget)
    counts = some(
        (
            inert(f"{count.name.replace('_', ' ')} {count.base:,} {ARROW} {count.head:,}", 60)
            for count in changed
        ),
        _MOST_COUNTS,
    )
    # A report may come from a stranger; what it calls its tests shall not steer the terminal.
    start = (inert(word, 40) for word in _start(run))
    return (*start, point.verdict.value, change, step, counts, point.test)
