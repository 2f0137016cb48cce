"""How calls lie in each other: what is around each, and which is the innermost when. Pure.

This is the one place that goes through all calls in Python, and the sums of both self times and
host time rest on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .events import NONE, Events, Ints

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """The calls of one thread, `number` by the profiler, told by their places in their order.

    `outer` is the call around each, NONE where there is none, and `depth` how many are around it.
    From each of `moments` to the next, `inner` is the innermost call that runs, or NONE; these are
    two for each call, in order, some of them equal.
    """

    number: int
    events: Events
    outer: Ints
    depth: Ints
    moments: Ints
    inner: Ints

    def levels(self) -> list[Ints]:
        """Places by depth, the outermost first: for what a call takes over from that around it."""
        places = np.argsort(self.depth, kind="stable")
        return np.split(places, np.cumsum(np.bincount(self.depth))[:-1])


def nest(number: int, events: Events) -> Nested:
    """Sweep over the calls of a thread, in their order.

    The call around one is the last of those before it that has not ended, also where the two do not
    end in the order in which they should.
    """
    starts, ends = events.start.tolist(), events.end.tolist()
    outer: list[int] = []
    depth: list[int] = []
    moments: list[int] = []
    inner: list[int] = []
    # The calls that are open, and when each ends; what is around them all never does.
    around, stops = [NONE], [_NEVER]
    until, at = _NEVER, 0
    # A last call, which begins when all others have ended, closes those that are still open.
    last = max(ends, default=0)
    for place, (start, end) in enumerate(zip([*starts, last], [*ends, last], strict=True)):
        while until <= start:
            around.pop()
            stops.pop()
            if until > at:  # a call that is around this one may have ended before it
                at = until
            moments.append(at)
            inner.append(around[-1])
            until = stops[-1]
        outer.append(around[-1])
        depth.append(len(around) - 1)
        moments.append(start)
        inner.append(place)
        at = start
        around.append(place)
        stops.append(end)
        until = end
    columns = map(_column, (outer[:-1], depth[:-1], moments[:-1], inner[:-1]))
    return Nested(number, events, *columns)


def _column(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
