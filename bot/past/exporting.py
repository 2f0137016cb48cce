"""Takes values out of the history for other tools, in the format that they read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ... import PerflintError
from ...runners.sides.git import repository
from ...telemetry.exports import (
    bencher,
    comma_separated,
    github_action_benchmark,
    openmetrics,
    oss_ci_benchmark_v3,
    pytest_benchmark,
)
from ...telemetry.extract import commits_like, everything, newest, unplaced
from ...telemetry.mainline import main_branch
from ...telemetry.record import Entry, StoredRun, Wanted
from ...telemetry.store import Store
from ..numbers import plural


def parts(
    store: Store, wanted: Wanted, format: str, better: str, branch: str, here: Path
) -> Iterator[bytes]:
    """Return the values in a format, in parts. Raises PerflintError where there are none."""
    wanted = replace(wanted, commit=commit_of(store, wanted.commit))
    if format in ("csv", "parquet"):
        rows = everything(store, wanted)
        first = next(rows, None)
        if first is None:
            raise PerflintError(_nothing(store, wanted))
        rows = chain([first], rows)
        if format == "csv":
            return (part.encode() for part in comma_separated.text(rows))
        from ...telemetry.exports import parquet

        return iter([parquet.content(rows)])
    return iter([_text(store, wanted, format, better, branch, here).encode()])


def send(store: Store, wanted: Wanted, endpoint: str) -> str:
    """Send the newest values to an OpenTelemetry endpoint; say what was done."""
    from ...telemetry.exports import otlp

    wanted = replace(wanted, commit=commit_of(store, wanted.commit))
    count = otlp.send(newest_of(store, wanted), endpoint)
    return f"{plural(count, 'value')} sent to {endpoint or 'the endpoint of OpenTelemetry'}"


def left_out(store: Store, wanted: Wanted) -> str:
    """Say which series have no newest value, "" where all have one or a commit was asked for."""
    if wanted.commit or not (count := unplaced(store, wanted)):
        return ""
    return (
        f"{count:,} series left out that no commit of the main branch has a "
        "value of: `perflint history order`, or --commit"
    )


def commit_of(store: Store, start: str) -> str:
    """Find the commit that is meant by the start of its hash; "" for "".

    Raises PerflintError where it is none, or more than one.
    """
    found = commits_like(store, start) if start else [""]
    if start in found:
        return start
    clean = [one for one in found if len(found) == 1 or "-" not in one]
    if len(clean) != 1:
        what = f"{len(clean)} commits" if clean else "no commit"
        raise PerflintError(f"{what} with results in {store.name} begin with {start}")
    return clean[0]


def newest_of(store: Store, wanted: Wanted) -> list[Entry]:
    """Return the newest value of each series. Raises PerflintError where there is none."""
    entries = newest(store, wanted)
    if not entries:
        raise PerflintError(_nothing(store, wanted))
    return entries


def _text(store: Store, wanted: Wanted, format: str, better: str, branch: str, here: Path) -> str:
    entries = newest_of(store, wanted)
    if format == "openmetrics":
        return openmetrics.text(entries)
    if format == "bencher":
        return bencher.text(entries)
    if format == "github-action-benchmark":
        return github_action_benchmark.text(entries, better)
    if format == "oss-ci-benchmark-v3":
        return oss_ci_benchmark_v3.text(entries, branch or _branch(here))
    return pytest_benchmark.text(_run(store, wanted, entries))


def _run(store: Store, wanted: Wanted, entries: Sequence[Entry]) -> StoredRun:
    """Return the newest run that timed one of the series: the format has one run in a file."""
    head = max(entries, key=lambda one: (one.value.position, one.value.created)).value.head
    tests = {one.series.test + one.series.parameters for one in entries}
    hardware = {one.series.hardware for one in entries}
    found = [run for run in store.runs(head=head) if run.repository == entries[0].series.repository]
    for run in found:
        points = tuple(point for point in run.points if point.test in tests)
        if _hardware(run) in hardware and any(map(pytest_benchmark.times_of, points)):
            return replace(run, points=points)
    raise PerflintError(f"no test of {head[:12]} was timed, and pytest-benchmark has times")


def _hardware(run: StoredRun) -> str:
    from ...telemetry.readings import hardware_class

    return "" if run.environment is None else hardware_class(run.environment)


def _nothing(store: Store, wanted: Wanted) -> str:
    count = unplaced(store, wanted)
    if count and not wanted.commit:
        return (
            f"no value is of a commit on the main branch ({count:,} series in "
            f"{store.name}): `perflint history order` in a checkout, or --commit"
        )
    return f"nothing in {store.name} is what was asked for"


def _branch(here: Path) -> str:
    """Name the main branch of a checkout, "" where this is none."""
    try:
        return main_branch(repository(here)).removeprefix("origin/")
    except PerflintError:
        return ""
