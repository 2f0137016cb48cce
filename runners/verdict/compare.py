"""What is said of a perf test: its verdict, and head held against base, as plain data."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What we tell the author of a pull request about one perf test."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNSURE = "unsure"
    FAILED = "failed"  # passes on base, fails or hangs on head
    NEW = "new"  # runs on head only: there is nothing to compare with
    BROKEN = "broken"  # fails on both sides: not the fault of this change
    SKIPPED = "skipped"  # pytest skipped it


@dataclass(frozen=True, slots=True)
class Comparison:
    """Head against base for one perf test, with all that makes the number doubtful.

    `change`, `low` and `high` are the relative change of throughput (head over base minus one) and
    its 95 % interval: -0.096 is 9.6 % slower. `base_seconds` and `head_seconds` are median seconds
    per step. `detectable` is the smallest slowdown that a run like this, with all the time that it
    had, calls slower in 95 of 100 cases. `spoiled` says that the numbers must not lead to any
    verdict, whatever their interval; a warning says why.
    """

    verdict: Verdict
    change: float
    low: float
    high: float
    base_seconds: float
    head_seconds: float
    detectable: float
    pairs: int
    segments: int
    launches: int
    warnings: tuple[str, ...] = ()
    spoiled: bool = False
