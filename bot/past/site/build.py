"""Builds the site from a store, a series at a time: memory does not grow with the history."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .... import PerflintError, __version__
from ....telemetry.record import Commit
from ....telemetry.snapshot import Head, Snapshot, snapshot
from ....telemetry.store import Store
from .badge import badge
from .blocks import Blocks, lines
from .change import Change, ChangesOf, no_changes
from .index_file import Index, write_index
from .place import copy_pages, new_folder
from .run_files import write_run
from .series_file import write_series
from .timeline import home_page, write_commits, write_runs

_STATIC = Path(__file__).with_name("static")
# What a badge calls "lately", and the runs that have a page of their own unless told otherwise.
LATELY = 50
RUNS = 200


@dataclass(frozen=True, slots=True)
class Built:
    """What is in a site: `left_out` are series without a value on the main branch.

    `problems` say of which runs the report could not be read, and why.
    """

    series: int
    values: int
    changes: int
    pages: int
    left_out: int
    problems: tuple[str, ...] = ()


def build(store: Store, out: Path, runs: int = RUNS, changes_of: ChangesOf = no_changes) -> Built:
    """Write the site into the folder `out`, with pages for the newest `runs`.

    Raises PerflintError where the folder cannot be written or is no site of ours.
    """
    with new_folder(out) as folder, snapshot(store) as past:
        data = folder / "data"
        data.mkdir()
        copy_pages(_STATIC, folder)
        index = Index()
        last = past.last_places()
        _write_series(past, data, index, changes_of, last)
        commits: dict[int, dict[int, Commit]] = {}
        places: list[list[int]] = []
        wanted = index.wanted()
        for name, number in index.repositories.items():
            found, ends = write_commits(data, number, past.commits(name), wanted.get(number, set()))
            commits[number] = found
            places.append(ends)
        pages, problems = _write_pages(past, folder / "runs", runs)
        homes = _write_heads(past, data, index, pages)
        made = datetime.now(UTC).isoformat(timespec="minutes")
        text = write_index(index, commits, places, homes, pages, made, __version__)
        (data / "index.js").write_text(text, encoding="utf-8")
        (folder / "badge.svg").write_text(_badge(index, last), encoding="utf-8")
    return Built(
        len(index.rows), index.values, len(index.changes), len(pages), index.left_out, problems
    )


def _write_series(
    past: Snapshot, data: Path, index: Index, changes_of: ChangesOf, last: dict[str, int]
) -> None:
    blocks = Blocks(data)
    for number, series in past.series().items():
        at = past.columns(number)
        if not at.values:
            index.left_out += 1
            continue
        changes = changes_of(number)
        written = write_series(series, at, changes)
        (data / f"series-{written.key}.js").write_text(written.text, encoding="utf-8")
        index.add(series, at, changes)
        repository = index.repository(series.repository)
        for block, line in lines(written, at, last.get(series.repository, 0)):
            blocks.add(repository, block, line)
    blocks.close()


def _write_pages(past: Snapshot, folder: Path, most: int) -> tuple[list[Head], tuple[str, ...]]:
    """Write the pages of the newest runs; return those that have one, and what went wrong."""
    pages, problems = [], []
    for head in past.newest(most):
        try:
            if write_run(past, head, folder):
                pages.append(head)
        except PerflintError as error:
            problems.append(str(error))
    return pages, tuple(problems)


def _write_heads(past: Snapshot, data: Path, index: Index, pages: list[Head]) -> list[str]:
    """Write all runs; return the home page of each repository, as its newest link has it."""
    homes = [""] * len(index.repositories)
    for head in write_runs(data, past.heads(), {one.key for one in pages}):
        number = index.repositories.get(head.repository)
        if number is not None and (home := home_page(head.link, head.repository)):
            homes[number] = home
    return homes


def _badge(index: Index, last: dict[str, int]) -> str:
    """Count the changes for the worse among the newest commits of each main branch."""
    names = list(index.repositories)
    worse = sum(
        _is_worse(change, bool(index.rows[number][9]))
        for number, repository, change in index.changes
        if change.position > last.get(names[repository], 0) - LATELY
    )
    return badge(len(index.rows), worse, LATELY)


def _is_worse(change: Change, higher_is_better: bool) -> bool:
    return (change.change < 0) == higher_is_better
