"""What profiles say, of one side and of how two differ, as plain data."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """Self time of one operator, in milliseconds per step, and its calls per step.

    `error` is the standard error of the time; None for fewer than four steps.
    """

    name: str
    milliseconds: float
    calls: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class LineTime:
    """What one line of the repository costs, in milliseconds per step.

    `milliseconds` is by the clock and without the lines that it calls: backward operators are taken
    from the line that calls `backward()` and given to those whose operators they belong to. On a
    device it is what the kernels take that the line causes, and waiting for them. `error` is its
    standard error. `operators` is the part of it in operators, and `total` the thread's time by the
    clock with all that the line calls, backward where it is called.
    """

    path: str
    line: int
    milliseconds: float
    operators: float = 0.0
    total: float = 0.0
    error: float | None = None


@dataclass(frozen=True, slots=True)
class PartTime:
    """What one part of a step takes, in milliseconds per step, with its standard error.

    `part` is a value of `breakdown.Part`, or `UNEXPLAINED`.
    """

    part: str
    milliseconds: float
    error: float | None = None


UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One side's profile of `steps` steps; `parts` add up to `step_ms`, the step by the clock.

    `unattributed_ms` is operator time that belongs to no line of the repository. `on_device` says
    that times of operators and lines are those of the device.
    """

    steps: int
    operators: tuple[OperatorTime, ...]
    lines: tuple[LineTime, ...]
    parts: tuple[PartTime, ...] = ()
    step_ms: float = 0.0
    unattributed_ms: float = 0.0
    on_device: bool = False


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """How one operator differs, per step: self time in milliseconds and number of calls.

    `within_ms` is half the width of the interval that holds the difference of the times, and those
    of all other operators, in 95 of 100 profiles; None where there were too few steps to tell.
    """

    name: str
    base_ms: float
    head_ms: float
    base_calls: float
    head_calls: float
    within_ms: float | None = None


@dataclass(frozen=True, slots=True)
class LineChange:
    """How the time of one line differs, in milliseconds per step.

    `line` counts in head's file; `touched` says whether the change added or edited that line. What
    edited lines took on base is what the lines that they replace took, shared out among them.
    `within_ms` is as for operators.
    """

    path: str
    line: int
    source: str
    base_ms: float
    head_ms: float
    touched: bool
    within_ms: float | None = None


@dataclass(frozen=True, slots=True)
class PartChange:
    """How a part of the step differs, in milliseconds per step: see `PartTime`."""

    part: str
    base_ms: float
    head_ms: float
    within_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What the profiler saw change, the largest differences first.

    `parts` are all parts of the step, in the order of `breakdown.Part`; on each side they add up to
    a step, the step by the clock where it was timed.
    """

    operators: tuple[OperatorChange, ...]
    lines: tuple[LineChange, ...]
    parts: tuple[PartChange, ...] = ()


def scaled(summary: ProfileSummary, step_ms: float) -> ProfileSummary:
    """Bring a profile down to a step of `step_ms`: a profiled and traced step takes longer.

    Parts, and what lines take by the clock, are brought to exactly that step. Times of operators
    are where they add up to more; where they do not, the rest of the step is Python between them.
    """
    if step_ms <= 0:
        return summary
    total = sum(operator.milliseconds for operator in summary.operators)
    share = min(1.0, step_ms / total) if total else 1.0
    wall = step_ms / summary.step_ms if summary.step_ms else 1.0
    of_lines = share if summary.on_device or not summary.step_ms else wall
    return replace(
        summary,
        operators=tuple(
            replace(one, milliseconds=one.milliseconds * share, error=_times(one.error, share))
            for one in summary.operators
        ),
        lines=tuple(
            replace(
                one,
                milliseconds=one.milliseconds * of_lines,
                operators=one.operators * share,
                total=one.total * wall,
                error=_times(one.error, of_lines),
            )
            for one in summary.lines
        ),
        parts=tuple(
            replace(one, milliseconds=one.milliseconds * wall, error=_times(one.error, wall))
            for one in summary.parts
        ),
        step_ms=step_ms if summary.step_ms else 0.0,
        unattributed_ms=summary.unattributed_ms * share,
    )


def _times(error: float | None, share: float) -> float | None:
    return None if error is None else error * share
