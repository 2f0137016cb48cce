"""Counts once more what grew beyond its budget: what another build counts otherwise is no news."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .assemble import Measured
from .counters.examined import Examined
from .counters.periods import side_by_side
from .sample import Counts, Side


def recount(
    measured: Measured, budgets: Mapping[str, int], examine: Callable[[Side], Examined]
) -> None:
    """Build the test anew on both sides where a count is over its budget, and keep what agrees.

    A step whose data is drawn unseeded counts the same in every step of a build, and otherwise in
    each build: that would fail a change that did nothing. `examine` builds and counts one side.
    """
    base, head = (measured.examined[side].counts for side in Side)
    names = over_budget(base, head, budgets)
    if not names:
        return
    again = {side: examine(side) for side in Side}
    if any(one.failure is not None or one.skipped is not None for one in again.values()):
        return
    built = [(measured.examined[side].counts, again[side].counts) for side in Side]
    differing = [name for name in names if any(differ(*both, name) for both in built)]
    for side in Side:
        first = measured.examined[side]
        counts = without(first.counts, differing, [one for both in built for one in both])
        measured.examined[side] = replace(first, counts=counts)
    if differing:
        words = ", ".join(name.replace("_", " ") for name in differing)
        measured.notes.append(
            f"the same code counts {words} otherwise each time that the test is built, so this was "
            "left out: seed what it draws at random (`random`, `torch` and `numpy.random` are "
            "seeded)"
        )


def over_budget(base: Counts, head: Counts, budgets: Mapping[str, int]) -> list[str]:
    """Name the counters that both sides tell and that grew by more than their budget."""
    found = []
    for name, allowed in budgets.items():
        if name in base.values and name in head.values:
            was, now, steps = side_by_side(
                base.values[name],
                base.steps.get(name, 1),
                head.values[name],
                head.steps.get(name, 1),
            )
            if now - was > allowed * steps:
                found.append(name)
    return found


def differ(first: Counts, again: Counts, name: str) -> bool:
    """Whether two builds of the same code count otherwise; not where one had no time to count."""
    if name in again.unstable:
        return True
    if name not in again.values:
        return False
    steps = first.steps.get(name, 1), again.steps.get(name, 1)
    was, now, _ = side_by_side(first.values[name], steps[0], again.values[name], steps[1])
    return was != now


def without(counts: Counts, names: Iterable[str], builds: Iterable[Counts]) -> Counts:
    """Return the counts with these names as unstable, as far apart as any build of either side.

    So none of it can have grown for certain.
    """
    names, builds = list(names), list(builds)
    apart = {name: _apart([_of_a_step(one, name) for one in builds]) for name in names}
    return replace(
        counts,
        values={name: n for name, n in counts.values.items() if name not in apart},
        unstable={**counts.unstable, **apart},
        steps={name: n for name, n in counts.steps.items() if name not in apart},
    )


def _of_a_step(counts: Counts, name: str) -> tuple[int, int] | None:
    """Return the least and the most in one step; None where it was not counted."""
    if name in counts.unstable:
        return counts.unstable[name]
    if name not in counts.values:
        return None
    mean = counts.values[name] / counts.steps.get(name, 1)
    return math.floor(mean), math.ceil(mean)


def _apart(found: Iterable[tuple[int, int] | None]) -> tuple[int, int]:
    known = [both for both in found if both is not None]
    return min(least for least, _ in known), max(most for _, most in known)
