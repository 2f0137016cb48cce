"""Feeds the history: reports as they were written, and the order of the main branch's commits."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ... import PerflintError
from ...runners.sides.git import repository
from ...telemetry.mainline import main_branch, main_commits, repository_name
from ...telemetry.record import Source
from ...telemetry.store import Store
from ..numbers import plural
from ..remember import remember
from ..report import Report, as_json


def add_all(
    store: Store, reports: Sequence[tuple[Path, Report]], here: Path, branch: str = ""
) -> Iterator[str]:
    """Store reports, each with its file; yield a line on each, and one on their commits' places."""
    names = set()
    for path, report in reports:
        name, done = add_report(store, report, here)
        names.add(name)
        tests = plural(len(report.run.tests), "perf test")
        yield f"{path}: {done} ({report.base.short}..{report.head.short}, {tests}) in {store.name}"
    for name in sorted(names):
        yield put_in_order(store, name, here, branch)


def add_report(
    store: Store, report: Report, here: Path, source: Source = Source.CI
) -> tuple[str, str]:
    """Store a report; return the name of its repository, and what was done in words."""
    run = replace(remember(report), source=source)
    if not run.repository:
        run = replace(run, repository=name_of(here))
    stored = store.add(run, as_json(report))
    return run.repository, "stored" if stored else "was stored before"


def put_in_order(store: Store, name: str, here: Path, branch: str = "") -> str:
    """Put the commits of a repository's main branch in order; say what came of it.

    Where this is no checkout of it, the values stay without a place until one is asked.
    """
    try:
        root = repository(here)
        if name != name_of(here):
            return f"{name}: `perflint history order` in a checkout of it puts its commits in order"
        branch = branch or main_branch(root)
        unplaced, last = store.unplaced(name), store.last_place(name)
        commits = main_commits(root, branch, unplaced, last)
    except PerflintError as error:
        return f"{name}: commits have no places on the main branch yet: {error}"
    store.place(name, commits)
    left = len(store.unplaced(name))
    off = f"; {plural(left, 'commit')} with results not on it" if left else ""
    return f"{name}: {branch} is known up to commit {store.last_place(name):,}{off}"


def name_of(here: Path) -> str:
    """Name the repository of a folder, or the folder where it is in none."""
    try:
        return repository_name(repository(here))
    except PerflintError:
        return here.name
