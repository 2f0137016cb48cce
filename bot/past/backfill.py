"""Measures commits of the past, so that a history begins before perflint was there."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from ... import PerflintError
from ...runners.prepare import RunOptions
from ...runners.sides.git import git, resolve
from ...telemetry.record import Source
from ...telemetry.store import Store
from ..numbers import plural
from .feed import add_report, name_of, put_in_order
from .pair import measure_pair


def commits_between(root: Path, asked: str, every: int) -> list[str]:
    """Return A, every so many commits after it, and B, by first parents; `asked` is "A..B".

    Raises PerflintError where it is no range, or B does not come from A.
    """
    first, dots, last = asked.partition("..")
    if not dots or not first or last.startswith("."):
        raise PerflintError(f"{asked!r} is no range of commits: write for example v1.0..main")
    begin, end = resolve(root, first).sha, resolve(root, last or "HEAD").sha
    after = git(root, "rev-list", "--first-parent", "--reverse", f"{begin}..{end}").split()
    if not after:
        raise PerflintError(f"no commit lies in {asked}: is {first} older than {last or 'HEAD'}?")
    ours = git(root, "rev-list", "--first-parent", end).split()
    if begin not in ours:
        raise PerflintError(f"{first} is not on the way to {last or 'HEAD'} by first parents")
    picked = after[every - 1 :: every]
    return [begin, *picked, *([] if picked and picked[-1] == end else [end])]


def backfill(
    store: Store,
    here: Path,
    commits: list[str],
    options: RunOptions,
    say: Callable[[str], None],
    branch: str = "",
) -> Iterator[str]:
    """Measure each commit against the one before it, and store that; yield a line on each.

    What is stored already is passed over, so that an interrupted one goes on where it stopped.
    Raises KeyboardInterrupt where the user stops it; what was measured whole is stored then.
    """
    name = name_of(here)
    pairs = list(pairwise(commits))
    known = store.measured(name, Source.BACKFILL)
    for number, (base, head) in enumerate(pairs, 1):
        place = f"{number} of {len(pairs)}: {base[:7]}..{head[:7]}"
        if (base, head) in known:
            yield f"{place} was measured before"
            continue
        say(place)
        try:
            report = measure_pair(here, base, head, options, say)
        except PerflintError as error:
            yield f"{place} could not be measured: {error}"
            continue
        if report.run.interrupted:
            raise KeyboardInterrupt
        add_report(store, report, here, Source.BACKFILL)
        refused = f"; refused: {report.run.refused}" if report.run.refused else ""
        yield f"{place}: {plural(len(report.run.tests), 'perf test')}{refused}"
    yield put_in_order(store, name, here, branch)
