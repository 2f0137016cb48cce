"""Finds out whether a `-k` fits any perf test at all: one that fits none would pass for ever."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ... import PerflintError
from ..processes.answers import collected_of
from ..processes.isolate import SideFailed, Worker, WorkerPlan
from ..sample import Side
from ..sides.checkout import Checkout
from ..text.words import some
from .collect import Collected, unmarked_notes, wrong_call
from .groups import group_files
from .reasons import PerfFile

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_]+")
_OPERATORS = {"and", "or", "not"}


def fits_by_name(keyword: str, files: Iterable[PerfFile]) -> bool:
    """Whether a plain word, as most keywords are, is part of the name of a perf test.

    What the text of the files does not show (parameters, marks, inherited tests) only pytest knows.
    """
    if not _PLAIN_WORD.fullmatch(keyword) or keyword in _OPERATORS:
        return False
    names = (name for file in files for name in file.tests if name not in file.unmarked)
    return any(keyword.lower() in name.lower() for name in names)


def require_match(
    checkout: Checkout, plan: WorkerPlan, found: Mapping[Side, Iterable[PerfFile]]
) -> str | None:
    """Let pytest say which perf tests of either side fit the keyword of `plan`.

    Raises PerflintError where none does. Returns a note where that cannot be told.
    """
    collected = {side: _collected(checkout, plan, side, found[side]) for side in Side}
    for one in collected.values():
        if complaint := wrong_call(one):
            raise PerflintError(f"pytest does not accept its command line or settings: {complaint}")
    if any(one.tests for one in collected.values()):
        return None
    for side, one in collected.items():
        if one.errors:
            node, why = next(iter(one.errors.items()))
            where = f"{node} of {side.value}" if node else side.value
            return (
                f"whether -k {plan.keyword!r} fits a perf test cannot be told, since pytest could "
                f"not collect {where}: {why.strip().splitlines()[-1]}"
            )
    raise PerflintError(_nothing_fits(plan.keyword, collected, found))


def _collected(
    checkout: Checkout, plan: WorkerPlan, side: Side, files: Iterable[PerfFile]
) -> Collected:
    root, found = checkout.root(side), Collected([], {})
    for number, group in enumerate(group_files([root], files)):
        mine = replace(plan, files=tuple(file.path for file in group))
        # Numbers that no launch has: each process has files of its own.
        with Worker(mine, side, root, -1 - number, 0) as worker:
            try:
                one = collected_of(worker.collected())
            except SideFailed as error:
                one = Collected([], {"": f"{error.failure.summary}\n{error.failure.details}"})
        tests, errors = [*found.tests, *one.tests], {**found.errors, **one.errors}
        found = Collected(tests, errors, unmarked=(*found.unmarked, *one.unmarked))
    return found


def _nothing_fits(
    keyword: str,
    collected: Mapping[Side, Collected],
    found: Mapping[Side, Iterable[PerfFile]],
) -> str:
    said = f"-k {keyword!r} fits no perf test on either side"
    lacking = [node for one in collected.values() for node in one.unmarked]
    if lacking:
        return f"{said}: {'; '.join(unmarked_notes(lacking))}"
    names = sorted({name for files in found.values() for file in files for name in file.tests})
    if not names:
        return f"{said}: no perf tests were found"
    if len(names) == 1:
        return f"{said}; there is {names[0]}"
    # People leave out what all names begin with.
    short = {name.removeprefix("test_"): name for name in names} | {name: name for name in names}
    near = difflib.get_close_matches(keyword, short, n=1, cutoff=0.5)
    hint = f"; the nearest is {short[near[0]]}" if near else ""
    return f"{said}; there are {some(names, 5)}{hint}"
