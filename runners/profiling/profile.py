"""What profiles say, of one side and of how two differ, as plain data."""

from collections.abc import Sequence
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
    clock with all that the line calls, backward where it is called. `calls` and `total_calls` are
    those that the profiler recorded in `milliseconds` and in `total`: recording takes time.
    `total_error` is the standard error of `total`.
    """

    path: str
    line: int
    milliseconds: float
    operators: float = 0.0
    total: float = 0.0
    error: float | None = None
    calls: float = 0.0
    total_calls: float = 0.0
    total_error: float | None = None


@dataclass(frozen=True, slots=True)
class ModuleTime:
    """What one `nn.Module` costs, in milliseconds per step; `name` is "" for what is in none.

    `name` is "GPT.blocks.0.mlp", and `kind` the module's class. `forward` and `backward` are
    without the modules that it calls, `total_forward` and `total_backward` with them; the times
    without them add up to the step. `calls` are those of its forward per step, and `error` is the
    standard error of both without what it calls.
    """

    name: str
    kind: str
    forward: float
    backward: float = 0.0
    total_forward: float = 0.0
    total_backward: float = 0.0
    calls: float = 0.0
    error: float | None = None

    @property
    def own(self) -> float:
        """Forward and backward, without the modules that it calls."""
        return self.forward + self.backward

    @property
    def total(self) -> float:
        """Forward and backward, with all that it calls."""
        return self.total_forward + self.total_backward


@dataclass(frozen=True, slots=True)
class PartTime:
    """What one part of a step takes, in milliseconds per step, with its standard error.

    `part` is a value of `parts.Part`, or `UNEXPLAINED`; `calls` are those that the profiler
    recorded meanwhile.
    """

    part: str
    milliseconds: float
    error: float | None = None
    calls: float = 0.0


UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One side's profile of `steps` steps; `parts` add up to `step_ms`, the step by the clock.

    So do the times of `modules` without what these call.

    `unattributed_ms` is operator time that belongs to no line of the repository. `on_device` says
    that times of operators and lines are those of the device. `call_ms` is how long it takes to
    record a call. `rounds` is how many values each figure comes from: rounds of steps, or steps.
    """

    steps: int
    operators: tuple[OperatorTime, ...]
    lines: tuple[LineTime, ...]
    parts: tuple[PartTime, ...] = ()
    step_ms: float = 0.0
    unattributed_ms: float = 0.0
    on_device: bool = False
    call_ms: float = 0.0
    rounds: int = 0
    modules: tuple[ModuleTime, ...] = ()


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
    `within_ms` is as for operators. `base_total_ms` and `head_total_ms` have what the line calls as
    well, backward where it is called.
    """

    path: str
    line: int
    source: str
    base_ms: float
    head_ms: float
    touched: bool
    within_ms: float | None = None
    base_total_ms: float = 0.0
    head_total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class PartChange:
    """How a part of the step differs, in milliseconds per step: see `PartTime`."""

    part: str
    base_ms: float
    head_ms: float
    within_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ModuleChange:
    """How a module differs, in milliseconds per step, forward and backward: see `ModuleTime`.

    `name` has stars where it stands for `count` equal layers of head, "GPT.blocks.*". The totals
    have what it calls as well.
    """

    name: str
    kind: str
    base_ms: float
    head_ms: float
    base_total_ms: float = 0.0
    head_total_ms: float = 0.0
    count: int = 1
    within_ms: float | None = None


@dataclass(frozen=True, slots=True)
class LineCost:
    """What a line of head costs, in milliseconds per step: see `LineTime`."""

    path: str
    line: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What the profiler saw change, the largest differences first.

    `parts` are all parts of the step, in the order of `parts.Part`; on each side they add up to
    a step, the step by the clock where it was timed. `costs` are the lines of head that matter, the
    dearest first, of a step of `head_ms`.
    """

    operators: tuple[OperatorChange, ...]
    lines: tuple[LineChange, ...]
    parts: tuple[PartChange, ...] = ()
    costs: tuple[LineCost, ...] = ()
    head_ms: float = 0.0
    modules: tuple[ModuleChange, ...] = ()


def scaled(summary: ProfileSummary, step_ms: float) -> ProfileSummary:
    """Bring a profile down to a step of `step_ms` without a profiler: a profiled one takes longer.

    What recording a call takes is taken off the parts and lines in which calls were recorded. What
    is left, parts and lines by the clock, is brought to exactly that step, and operators shrink
    with them. Without parts, operators are brought to the step where they add up to more.
    """
    if step_ms <= 0:
        return summary
    total = sum(operator.milliseconds for operator in summary.operators)
    share = min(1.0, step_ms / total) if total else 1.0
    a_call = summary.call_ms
    parts = [
        replace(part, milliseconds=_without(part.milliseconds, part.calls, a_call))
        for part in summary.parts
    ]
    left = sum(part.milliseconds for part in parts)
    wall = step_ms / left if left else 1.0
    if parts:
        share = min(share, wall)
    by_clock = bool(summary.step_ms) and not summary.on_device
    of_lines, of_call = (wall, a_call) if by_clock else (share, 0.0)
    return replace(
        summary,
        operators=tuple(
            replace(one, milliseconds=one.milliseconds * share, error=_times(one.error, share))
            for one in summary.operators
        ),
        lines=tuple(
            replace(
                one,
                milliseconds=_without(one.milliseconds, one.calls, of_call) * of_lines,
                operators=one.operators * share,
                total=_without(one.total, one.total_calls, a_call) * wall,
                error=_times(one.error, of_lines),
                total_error=_times(one.total_error, wall),
            )
            for one in summary.lines
        ),
        parts=tuple(
            replace(one, milliseconds=one.milliseconds * wall, error=_times(one.error, wall))
            for one in parts
        ),
        step_ms=step_ms if summary.step_ms else 0.0,
        unattributed_ms=summary.unattributed_ms * share,
        modules=brought(summary.modules, step_ms),
    )


def brought(modules: Sequence[ModuleTime], step_ms: float) -> tuple[ModuleTime, ...]:
    """Bring modules to a step that takes so long."""
    share = step_ms / (sum(one.own for one in modules) or 1.0)
    return tuple(
        replace(
            one,
            forward=one.forward * share,
            backward=one.backward * share,
            total_forward=one.total_forward * share,
            total_backward=one.total_backward * share,
            error=_times(one.error, share),
        )
        for one in modules
    )


def _without(milliseconds: float, calls: float, a_call: float) -> float:
    """The time without that of recording; backward operators may have taken off too much."""
    return max(0.0, milliseconds - calls * a_call)


def _times(error: float | None, share: float) -> float | None:
    return None if error is None else error * share
