"""When the steps' thread is at which line, as columns. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .events import NONE, Bools, Ints
from .recording import Line, Marks


@dataclass(frozen=True, slots=True, eq=False)
class MarkedLines:
    """Marks as columns: from each of `times` on, the thread is at the line with this number."""

    lines: Sequence[Line]
    times: Ints
    numbers: Ints

    @classmethod
    def of(cls, marks: Marks) -> "MarkedLines":
        """Number the lines in the order in which they are reached."""
        known: dict[Line, int] = {}
        numbers = [
            NONE if line is None else known.setdefault(line, len(known)) for line in marks.lines
        ]
        times = np.array(marks.times, dtype=np.int64)
        return cls([*known], times, np.array(numbers, dtype=np.int64))

    def at(self, moments: Ints) -> Ints:
        """The number of the innermost line of the repository that runs at each moment, or NONE."""
        # Before the first mark there is no line: its place is -1, which is the last one.
        numbers: Ints = np.append(self.numbers, NONE)
        return numbers[np.searchsorted(self.times, moments, side="right") - 1]

    def comes_and_goes(self) -> Ints:
        """When lines of the repository begin to run, and when none does any more."""
        changes: Bools = np.diff(self.numbers != NONE, prepend=False)
        return self.times[changes]
