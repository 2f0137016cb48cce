"""The sequential rule: after each look at the data, what to measure next, or to stop. Pure.

`replay` runs the same rule over recorded step times, as if they were measured now.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike

from ..sample import Pair, Segment
from .compare import Comparison, Verdict
from .judge import Thresholds, detectable_with, is_suspected, judge, launches_of, settle

# A part of a segment that is too short says nothing of its own noise.
_FEWEST_ROUNDS = 20


class Move(Enum):
    """What to do next."""

    STOP = "stop"
    BUILD = "build"  # build the test's state anew in the same processes, and time a segment
    LAUNCH = "launch"  # start fresh processes on both sides


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be measured of one test: `seconds` of steps, `launches` of both processes.

    In the first launch, `builds` segments are measured at most, where nothing is suspected before:
    what is then still open needs fresh processes. While too few launches are there to agree on what
    is suspected, a further one has `builds_suspected`; all others have `builds_later`.
    """

    seconds: float = 45.0
    launches: int = 6
    builds: int = 4
    builds_later: int = 8
    builds_suspected: int = 3


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the rule says of recorded data, and how many seconds of steps it looked at for that."""

    comparison: Comparison
    seconds: float
    launches: int

    @property
    def verdict(self) -> Verdict:
        """Slower, faster, same or unsure."""
        return self.comparison.verdict


def next_move(
    segments: Sequence[Segment], at: Thresholds, budget: Budget, seconds: float
) -> tuple[Move, Comparison]:
    """Say what to measure next, and what the data says so far.

    `seconds` of steps were spent on it. Where the answer is STOP, `conclude` has the last word.
    """
    so_far = judge(segments, at)
    if so_far.verdict is not Verdict.UNSURE:
        return Move.STOP, so_far
    numbers = launches_of(segments)
    here = sum(segment.launch == numbers[-1] for segment in segments) if numbers else 0
    if seconds >= budget.seconds:
        return Move.STOP, settle(segments, at)
    most = budget.builds_later
    if len(numbers) <= 1:
        # Where the time is enough for few segments, some of it has to be left for a second launch.
        affordable = budget.seconds * len(segments) / seconds if seconds else math.inf
        most = int(min(budget.builds, max(1, affordable * 2 / 3)))
    # A difference is never believed from one launch: where one shows, the rest of the time is
    # better spent in fresh ones.
    if len(numbers) < min(at.launches, budget.launches) and is_suspected(segments, at):
        most = 1 if len(numbers) == 1 else budget.builds_suspected
    if here < most:
        return Move.BUILD, so_far
    if len(numbers) < budget.launches:
        return Move.LAUNCH, so_far
    return Move.STOP, settle(segments, at)


def conclude(
    segments: Sequence[Segment], at: Thresholds, budget: Budget, seconds: float
) -> Comparison:
    """Return what is said when no more data comes: the verdict, and what would have been caught.

    `seconds` of steps were spent. A run that ends early on "same" would have gone on for as long as
    the budget allows had there been a slowdown to suspect: what it would have caught is told for
    the builds and launches that it would have made then, with the noise that was seen.
    """
    told = settle(segments, at)
    if not segments or told.spoiled:
        return told
    affordable = int(budget.seconds / (seconds / len(segments))) if seconds else len(segments)
    most = budget.builds + (budget.launches - 1) * budget.builds_later
    builds = min(affordable, most)
    launches = 1 + math.ceil(max(0, builds - budget.builds) / budget.builds_later)
    return replace(told, detectable=detectable_with(segments, at, builds, launches))


def replay(
    launches: Sequence[Sequence[ArrayLike]],
    at: Thresholds | None = None,
    budget: Budget | None = None,
    *,
    steps: int = 1,
) -> Replayed:
    """Apply the sequential rule to recorded step times, and stop where a run would have stopped.

    `launches[i][j]` holds the rounds of the j-th build of the state in the i-th launch of both
    processes: an array of shape (rounds, 2), the seconds per step of base and of head in turns that
    follow each other. A turn timed `steps` steps, which is what the seconds of the result and of
    the budget count; both columns count. Within a segment the rule looks at the data after every 20
    rounds or more, a quarter of the segment at least, as a run could stop there. Where it asks for
    more than was recorded it goes on with the next launch, and at the end it settles for what there
    is. Raises ValueError for arrays of another shape.
    """
    at, budget = at or Thresholds(), budget or Budget()
    at = replace(at, launches=min(at.launches, budget.launches, max(2, len(launches))))
    segments: list[Segment] = []
    spent = 0.0
    for number, builds in enumerate(launches[: budget.launches], 1):
        for build in builds:
            pairs, costs = _rounds(build, steps)
            done, before, move = segments, spent, Move.BUILD
            for end in _looks(len(pairs)):
                if before + costs[end - 1] > budget.seconds:
                    # A run does not begin what it cannot pay for.
                    return Replayed(
                        conclude(segments, at, budget, spent), spent, len(launches_of(segments))
                    )
                segments = [*done, Segment(number, pairs[:end], costs[end - 1])]
                spent = before + costs[end - 1]
                move, comparison = next_move(segments, at, budget, spent)
                last = end == len(pairs)
                if move is Move.STOP and (last or comparison.verdict is not Verdict.UNSURE):
                    return Replayed(conclude(segments, at, budget, spent), spent, number)
                if move is Move.LAUNCH and 2 * end >= len(pairs):
                    break
            if move is Move.LAUNCH:
                break
    return Replayed(conclude(segments, at, budget, spent), spent, len(launches_of(segments)))


def _rounds(build: ArrayLike, steps: int) -> tuple[tuple[Pair, ...], list[float]]:
    """Return the pairs of a recorded segment, and the seconds spent up to each."""
    rounds = np.asarray(build, dtype=float)
    if rounds.ndim != 2 or rounds.shape[1] != 2:
        raise ValueError(f"a segment has shape (rounds, 2), not {rounds.shape}")
    pairs = tuple(Pair(base, head) for base, head in rounds.tolist())
    return pairs, (np.cumsum(rounds.sum(axis=1)) * steps).tolist()


def _looks(rounds: int) -> list[int]:
    """After how many rounds of a segment to look at the data; at its end in any case."""
    each = max(_FEWEST_ROUNDS, rounds // 4)
    return [*range(each, rounds - each + 1, each), rounds] if rounds else []
