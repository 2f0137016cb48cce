"""What a profile says, as plain data, and how the profiles of two sides differ."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """Self time of one operator, in milliseconds per step, and its calls per step."""

    name: str
    milliseconds: float
    calls: float


@dataclass(frozen=True, slots=True)
class LineTime:
    """Operator time that one line of the repository causes, backward included, in ms per step."""

    path: str
    line: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One side's profile of `steps` steps."""

    steps: int
    operators: tuple[OperatorTime, ...]
    lines: tuple[LineTime, ...]


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """How one operator differs, per step: self time in milliseconds and number of calls."""

    name: str
    base_ms: float
    head_ms: float
    base_calls: float
    head_calls: float


@dataclass(frozen=True, slots=True)
class LineChange:
    """How the time of one line differs, in milliseconds per step.

    `line` counts in head's file; `touched` says whether the change added or edited that line.
    """

    path: str
    line: int
    source: str
    base_ms: float
    head_ms: float
    touched: bool


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What the profiler saw change, the largest differences first."""

    operators: tuple[OperatorChange, ...]
    lines: tuple[LineChange, ...]
