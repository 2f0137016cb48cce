"""Finds out whose failure it is that comes while both sides are timed: each runs alone, as long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from .processes.isolate import SideFailed
from .processes.workers import Built, Workers
from .result import Failure
from .sample import PerfTest, Side


@dataclass(frozen=True, slots=True)
class Alone:
    """How far one side came alone, in a fresh process: `steps` over all builds of the test.

    `failure` is None where it did all steps. Where a process died, nobody knows how many steps it
    had done: `steps` are then those that had been ordered.
    """

    steps: int
    failure: Failure | None = None
    died: bool = False


class Blame(Enum):
    """Who fails alone."""

    ONE = "one side fails alone, and the other does as many steps"
    BOTH = "each side fails alone"
    NEITHER = "neither side fails alone"


@dataclass(frozen=True, slots=True)
class Finding:
    """Who is to blame, in an Enum and in words, and how the sides that fail alone do."""

    blame: Blame
    words: str
    failures: dict[Side, Failure]


def find_blame(run_alone: Callable[[Side], Alone]) -> Finding:
    """Let each side run alone for as many steps as both had done, and say who fails.

    A failure that both meet is met first by whoever steps first, which says nothing about the
    change; and two processes may be in each other's way (ports, locks, memory).
    """
    found = {side: run_alone(side) for side in Side}
    failures = {side: one.failure for side, one in found.items() if one.failure is not None}
    told = {side: _how_far(one) for side, one in found.items()}
    if len(failures) == len(Side):
        words = "both sides fail while being timed, each of them alone as well: " + "; ".join(
            f"{side.value} {told[side]} ({failures[side].summary})" for side in Side
        )
        return Finding(Blame.BOTH, words, failures)
    if not failures:
        return Finding(Blame.NEITHER, f"alone, each does {found[Side.HEAD].steps} steps", failures)
    (side,) = failures
    words = f"alone, {side.value} fails {told[side]}, and {side.other.value} does as many"
    return Finding(Blame.ONE, words, failures)


def run_alone(workers: Workers, test: PerfTest, side: Side, built: Sequence[Built]) -> Alone:
    """Build the test and run its steps as often as `built` says, in a fresh process of one side.

    No other process of this run lives meanwhile, and none is left.
    """
    workers.drop(at_once=True)
    ran = ordered = 0
    try:
        for build in built:
            ordered = ran + build.steps
            order = workers.order("run", test, build.seed, side) | {"steps": build.steps}
            done = workers.ask(side, order)
            ran += done["steps"]
            if done["outcome"] != "passed":
                return Alone(ran, Failure(done["summary"], done["details"]))
    except SideFailed as error:
        return Alone(ordered, error.failure, died=True)
    finally:
        workers.drop(at_once=True)
    return Alone(ran)


def _how_far(one: Alone) -> str:
    return f"within {one.steps} steps" if one.died else f"after {one.steps} steps"
