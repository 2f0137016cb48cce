"""Decides in which order the sides take turns, and how long turns and segments are. Pure."""

import math
import random
from dataclasses import dataclass

from ..sample import Side

# Shorter turns are mostly the switch between the processes.
_TURN_SECONDS = 0.030
_TURN_STEPS = 3
# With three steps timed and one dropped, every turn would begin at the same step of four.
_VARY_STEPS = 3
# From here on the first step after a switch is no longer noticeably slower than the others.
_LONG_STEP_SECONDS = 0.25
# A segment is short, as each build of the state has a bias of its own and many builds average it;
# where a build takes long, a segment takes as long as that.
_SEGMENT_SECONDS = 1.2
_LONGEST_SEGMENT_SECONDS = 6.0
_MOST_PAIRS = 40
_FEWEST_PAIRS = 8
_FEWEST_LONG_PAIRS = 4
# From here on a segment has as few pairs as leave it balanced: builds then tell by their number.
_VERY_LONG_STEP_SECONDS = 1.0
_FEWEST_VERY_LONG_PAIRS = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How a segment runs: each turn drops `drop` steps and times `keep`, for `pairs` pairs.

    The turns of a pair drop up to `vary` steps more, both as many.
    """

    keep: int
    drop: int
    pairs: int
    vary: int = 0

    def seconds(self, step_seconds: float) -> float:
        """How long a segment takes where a step takes this long."""
        return 2 * self.pairs * (self.keep + self.drop + self.vary / 2) * step_seconds


@dataclass(frozen=True, slots=True)
class Room:
    """How many `seconds` of steps there is time for, and how many segments should fit in."""

    seconds: float = math.inf
    segments: int = 1

    def wanted(self, rhythm: Pace, step_seconds: float) -> float:
        """The least that is worth beginning with: of short steps there is always enough."""
        segments = self.segments if step_seconds >= _LONG_STEP_SECONDS else 1
        return segments * rhythm.seconds(step_seconds)


def pace(
    step_seconds: float, build_seconds: float = 0.0, *, period: int = 1, regular: bool = True
) -> Pace:
    """Fit turns and pairs to a step of this length, in seconds, and to what a build takes.

    Steps that come round every `period` steps, as with gradient accumulation, are timed in whole
    rounds, so that each kind of step has its true weight. Where steps differ and are not `regular`,
    turns begin at random places of what may be a longer rhythm.
    """
    if step_seconds >= _LONG_STEP_SECONDS:
        keep, drop, fewest = 1, 0, _FEWEST_LONG_PAIRS
        if step_seconds >= _VERY_LONG_STEP_SECONDS:
            fewest = _FEWEST_VERY_LONG_PAIRS
    else:
        keep = max(_TURN_STEPS, math.ceil(_TURN_SECONDS / max(step_seconds, 1e-7)))
        drop, fewest = 1, _FEWEST_PAIRS
    keep = math.ceil(keep / period) * period
    if period > 1 and keep * step_seconds >= _LONG_STEP_SECONDS:
        # A turn as long as such a step tells as much.
        very = keep * step_seconds >= _VERY_LONG_STEP_SECONDS
        fewest = min(fewest, _FEWEST_VERY_LONG_PAIRS if very else _FEWEST_LONG_PAIRS)
    vary = 0 if regular or not drop else _VARY_STEPS
    wanted = min(max(_SEGMENT_SECONDS, build_seconds), _LONGEST_SEGMENT_SECONDS)
    pairs = int(wanted / max(2 * (keep + drop + vary / 2) * step_seconds, 1e-7))
    # An even number, so that each side goes first equally often.
    return Pace(keep, drop, max(fewest, min(_MOST_PAIRS, pairs)) // 2 * 2, vary)


def turn_order(pairs: int, choose: random.Random) -> list[tuple[Side, Side]]:
    """Order the turns: in each block of two pairs, each side goes first once, in random order."""
    orders: list[tuple[Side, Side]] = []
    while len(orders) < pairs:
        block = [(Side.BASE, Side.HEAD), (Side.HEAD, Side.BASE)]
        choose.shuffle(block)
        orders += block
    return orders[:pairs]
