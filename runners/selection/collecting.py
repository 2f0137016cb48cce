"""Lets both sides collect their perf tests, one group of files after the other."""

from collections.abc import Callable
from typing import NamedTuple

from ... import PerflintError
from ..measure import Launch
from ..processes.isolate import SideFailed
from ..result import Failure
from ..sample import PerfTest, Side
from .collect import Collected, join, unmarked_notes, wrong_call
from .groups import Group, split


class Found(NamedTuple):
    """A perf test, the number of its group, and why a side lacks it."""

    group: int
    test: PerfTest
    failures: dict[Side, Failure]


def collect_groups(
    groups: list[Group], start: Callable[[int], Launch]
) -> tuple[list[Found], list[str], list[str]]:
    """Collect the perf tests of all groups, say what was odd, and which tests lack the mark alone.

    `start` launches a group.

    Of several groups, one at a time has processes. A file that head cannot collect in company is
    tried in a group of its own, which is added to `groups`. Raises PerflintError where pytest
    cannot work as it is called and configured.
    """
    found: list[Found] = []
    notes: list[str] = []
    unmarked: dict[str, None] = {}
    launch: Launch | None = None
    number = 0
    while number < len(groups):
        if launch is not None:
            launch.drop()
        launch = start(number)
        sides = {side: _collected(launch, side, notes) for side in Side}
        if all(complaints := [wrong_call(collected) for collected in sides.values()]):
            raise PerflintError(
                f"pytest does not accept its command line or settings: {complaints[-1]}"
            )
        unmarked.update((node, None) for side in sides.values() for node in side.unmarked)
        head = sides[Side.HEAD]
        together = groups[number]
        groups[number], alone = split(together, () if head.hangs else head.errors)
        groups += alone
        elsewhere = {file.path for files in alone for file in files}
        tests = join(sides, {file.path for file in together} - elsewhere)
        found += [Found(number, *one) for one in tests if one[0].path not in elsewhere]
        number += 1
    notes += unmarked_notes(unmarked)
    return found, notes, list(unmarked)


def _collected(launch: Launch, side: Side, notes: list[str]) -> Collected:
    """Return what one side has; a process that dies is started once more."""
    try:
        return launch.collect(side)
    except SideFailed as error:
        if error.failure.timed_out:
            return _nothing(error)
        first = error.failure.summary
    try:
        collected = launch.collect(side)
    except SideFailed as error:
        return _nothing(error)
    notes.append(f"{side.value} could not start and was tried again: {first}")
    return collected


def _nothing(error: SideFailed) -> Collected:
    failure = error.failure
    return Collected([], {"": f"{failure.summary}\n{failure.details}"}, hangs=failure.timed_out)
