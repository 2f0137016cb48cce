"""Decides in which order the sides take turns, and how long turns and segments are. Pure."""

import math
import random
from dataclasses import dataclass

from .sample import Side

# Shorter turns are mostly the switch between the processes.
_TURN_SECONDS = 0.030
_TURN_STEPS = 3
# From here on the first step after a switch is no longer noticeably slower than the others.
_LONG_STEP_SECONDS = 0.25
_SEGMENT_SECONDS = 4.0
_MOST_PAIRS = 40
_FEWEST_PAIRS = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """How a segment runs: each turn drops `drop` steps and times `keep`, for `pairs` pairs."""

    keep: int
    drop: int
    pairs: int


def pace(step_seconds: float) -> Pace:
    """Fit turns and pairs to a step of this length, in seconds."""
    if step_seconds >= _LONG_STEP_SECONDS:
        keep, drop = 1, 0
    else:
        keep = max(_TURN_STEPS, math.ceil(_TURN_SECONDS / max(step_seconds, 1e-7)))
        drop = 1
    pair_seconds = 2 * (keep + drop) * step_seconds
    pairs = int(_SEGMENT_SECONDS / max(pair_seconds, 1e-7))
    # An even number, so that each side goes first equally often.
    pairs = max(_FEWEST_PAIRS, min(_MOST_PAIRS, pairs)) // 2 * 2
    return Pace(keep, drop, pairs)


def turn_order(pairs: int, choose: random.Random) -> list[tuple[Side, Side]]:
    """Order the turns: in each block of two pairs, each side goes first once, in random order."""
    orders: list[tuple[Side, Side]] = []
    while len(orders) < pairs:
        block = [(Side.BASE, Side.HEAD), (Side.HEAD, Side.BASE)]
        choose.shuffle(block)
        orders += block
    return orders[:pairs]
