"""Writes the site with the changes that the series have by now; says what came of it."""

from collections.abc import Mapping
from pathlib import Path

from ....runners.text.numbers import plural
from ....telemetry.looks import Looked, look_again, looks
from ....telemetry.store import Store
from .build import build
from .change import Change, ChangesOf


def write_site(store: Store, out: Path, runs: int) -> tuple[str, list[str]]:
    """Write it into the folder `out`; return what is there, and what was left out, in words.

    Raises PerflintError where the folder cannot be written or is no site of ours.
    """
    look_again(store)
    built = build(store, out, runs, changes_from(looks(store)))
    left = [f"no page: {problem}" for problem in built.problems]
    if built.left_out:
        left.append(
            f"left out: {built.left_out:,} series without a value on the main branch "
            "(`perflint history order` puts commits in order)"
        )
    told = (
        f"{out / 'index.html'}: {built.series:,} series, {plural(built.values, 'value')}, "
        f"{plural(built.changes, 'change')}, {plural(built.pages, 'page')} of runs"
    )
    return told, left


def changes_from(looked: Mapping[int, Looked]) -> ChangesOf:
    """Give the changes that were told of each series at its last look."""

    def changes_of(number: int) -> list[Change]:
        found = looked.get(number)
        return [
            Change(
                position=one.place,
                before=one.before,
                after=one.after,
                change=one.change,
                low=one.low,
                high=one.high,
                state=one.state.value,
                first=one.after_place + 1,
            )
            for one in (found.changes if found else ())
        ]

    return changes_of
