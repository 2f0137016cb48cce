"""Finds the rhythm in which steps differ: every 4th one, say, steps the optimizer as well. Pure."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..sample import Counts

# Turns of more steps than that would make a segment long; a rhythm made of several may be.
_LONGEST = 32


@dataclass(frozen=True, slots=True)
class Agreed:
    """What several counted steps agree on.

    `values` are per step, or the sum over so many steps as `steps` says, where steps differ in a
    rhythm. What differs without one is in `unstable`, with the least and the most in one step.
    """

    values: Mapping[str, int] = field(default_factory=dict)
    unstable: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)


def period_of(values: Sequence[object]) -> int | None:
    """Return after how many steps the values repeat; None where they do not, as far as one sees.

    1 where all are equal. A period has to be seen twice as a whole.
    """
    for period in range(1, len(values) // 2 + 1):
        if all(values[n] == values[n - period] for n in range(period, len(values))):
            return period
    return None


def agree(rows: Sequence[Mapping[str, int]], peaks: Collection[str] = ()) -> Agreed:
    """Sum up the counts of steps that followed each other, one row for each: two or more, or none.

    Of `peaks` the most of any step counts, since they do not add up.
    """
    values, unstable, steps = dict[str, int](), dict[str, tuple[int, int]](), dict[str, int]()
    for name in rows[0] if rows else ():
        series = [row[name] for row in rows if name in row]
        if len(series) < len(rows):
            continue
        period = period_of(series)
        if period is None:
            unstable[name] = (min(series), max(series))
        elif name in peaks:
            values[name] = max(series)
        else:
            values[name] = sum(series[:period])
            if period > 1:
                steps[name] = period
    return Agreed(values, unstable, steps)


def common_period(periods: Iterable[int]) -> int:
    """Return after how many steps rhythms of these lengths come together again; at most 32.

    Where that would be more, the longest of them.
    """
    periods = [1, *periods]
    together = math.lcm(*periods)
    return together if together <= _LONGEST else max(periods)


def side_by_side(base: int, base_steps: int, head: int, head_steps: int) -> tuple[int, int, int]:
    """Bring two sums over so many steps to as many on both sides; return both, and how many."""
    steps = math.lcm(base_steps, head_steps)
    return base * steps // base_steps, head * steps // head_steps, steps


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a test's steps differ, on both sides taken together.

    They come round every `period` steps; not `regular`: some differ without a rhythm.
    """

    period: int = 1
    regular: bool = True

    def joined(self, counts: Counts) -> "Rhythm":
        """Return the rhythm of these steps and of one side's `counts`."""
        # How much memory is held may differ where nothing else does.
        irregular = counts.unstable.keys() - {"peak_bytes", "allocated_bytes"}
        period = common_period([self.period, counts.period])
        return Rhythm(period, self.regular and not irregular)
