"""A change of a series for good, as the site shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """The level of a series was `before`, and from the commit at `position` on it is `after`.

    `change` is relative, with its interval from `low` to `high`; these are infinite where `before`
    is zero. Where not every commit was measured, those from `first` to `position` can have made it;
    0: only the one. `state` is one word on how sure that is.
    """

    position: int
    before: float
    after: float
    change: float
    low: float
    high: float
    state: str = "confirmed"
    first: int = 0


# Gives the changes of the series with that number, in order.
ChangesOf = Callable[[int], Sequence[Change]]


def no_changes(_series: int) -> tuple[Change, ...]:
    """What is given where nobody has looked for changes."""
    return ()
