"""Regressions of a commit that a later run on it did not look at, told to measure some tests. Pure.

Without them, `/perflint rerun` of one perf test would take away what another one was found to be.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ..templates import fill
from .acks import Ack
from .check import Conclusion
from .labels import OURS, REGRESSION
from .numbers import plural
from .report import Report
from .state import State

# More than a command can name at once, so that those which are not remembered hide behind others.
MOST_REMEMBERED = 50
# What `with_left` adds at most.
LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Left:
    """Regressions that were not measured again: marks of tests, and how many of them are open.

    The others have been accepted.
    """

    marks: tuple[str, ...] = ()
    open: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that they ask for."""
        if not self.marks:
            return ()
        return (REGRESSION,) if self.open else OURS


def mark(test: str) -> str:
    """By this a comment remembers a perf test: names may be too long for all of them."""
    return hashlib.sha256(test.encode("utf-8", "replace")).hexdigest()[:8]


def left_by(report: Report, told: State, acks: Sequence[Ack]) -> Left:
    """What the comment tells of the report's commit and the report says nothing about."""
    if not report.only or told.head != report.head.sha:
        return Left()
    measured = {mark(result.test.id) for result in report.run.tests}
    accepted = {mark(ack.test) for ack in acks}
    marks = tuple(one for one in told.regressed if one not in measured)
    return Left(marks, sum(one not in accepted for one in marks))


def regressed(report: Report, left: Left) -> tuple[str, ...]:
    """What is to be remembered of a report: marks of all that regressed, accepted or not."""
    found = [mark(result.test.id) for result in report.run.tests if result.is_regression]
    return tuple(dict.fromkeys([*found, *left.marks]))[:MOST_REMEMBERED]


def concluded(conclusion: Conclusion | None, left: Left) -> Conclusion | None:
    """How the check ends with what is left."""
    if left.open:
        return Conclusion.FAILURE
    return Conclusion.NEUTRAL if left.marks and conclusion is Conclusion.SUCCESS else conclusion


def with_left(page: str, left: Left, *, leads: bool, commands: bool) -> str:
    """Say below the headline what is left; `leads` says that nothing graver stands there."""
    if not left.marks:
        return page
    heading, _, rest = page.partition("\n")
    if leads and left.open:
        heading = fill("left.md.j2", part="heading", **_values(left.open)).strip()
    values = _values(len(left.marks))
    said = fill("left.md.j2", part="line", open=left.open, commands=commands, **values)
    return f"{heading}\n\n{said.strip()}\n\n{rest.lstrip()}"


def _values(number: int) -> dict[str, object]:
    return {"count": plural(number, "regression"), "one": number == 1}
