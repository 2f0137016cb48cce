"""Turns profiler events and line marks into time per operator and per source line. Pure."""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

from ..verdict.stats import trimmed_mean
from .breakdown import Breakdown, Part, breakdown
from .profile import UNEXPLAINED, LineTime, OperatorTime, PartTime, ProfileSummary
from .recording import Event, Kind, Line, Marks, Span, Work
from .walls import Walls, walls

# Calls in which the host itself waits for the device: their own time is the cost.
_WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


@dataclass(frozen=True, slots=True)
class StepProfile:
    """One profiled step: self time per operator and line in nanoseconds, calls per operator.

    `costs` is what lines cost by the clock where no device is used, with backward operators on
    the lines that they belong to; with a device it is as `lines`. `unattributed` is operator time
    that belongs to no line, `walls` what lines take by the clock, and `parts` what the step
    consists of.
    """

    times: Counter[str]
    calls: Counter[str]
    lines: Counter[Line]
    costs: Counter[Line]
    parts: Breakdown
    walls: Walls
    unattributed: int = 0
    on_device: bool = False


def summarize(
    events: Iterable[Event], marks: Marks, spans: Sequence[Span], work: Sequence[Work] = ()
) -> list[StepProfile]:
    """Split what was recorded into steps, and add up what each operator and line took.

    `spans` are the steps by the clock, in order. A call belongs to the step in which it begins.
    """
    starts = [start for start, _ in spans]
    times, calls = ([Counter[str]() for _ in spans] for _ in range(2))
    lines = [Counter[Line]() for _ in spans]
    unattributed = [0] * len(spans)
    by_clock = walls(marks, spans)
    moved = [Counter(step.own) for step in by_clock]
    on_device = False
    by_thread: dict[int, list[Event]] = defaultdict(list)
    by_step: list[list[Event]] = [[] for _ in spans]
    for event in events:
        by_thread[event.thread].append(event)
        on_device |= event.device is not None
        for step in range(max(bisect_right(starts, event.start) - 1, 0), len(spans)):
            if starts[step] >= event.end:
                break
            by_step[step].append(event)
    forward = _forward_lines(by_thread.get(marks.thread, []), marks)
    for thread, own in by_thread.items():
        for event, self_time, line in _self_times(own, marks, forward, thread == marks.thread):
            step = bisect_right(starts, event.start) - 1
            if step < 0 or event.kind is Kind.ANNOTATION:
                continue
            times[step][event.name] += self_time
            calls[step][event.name] += 1
            if line is None:
                unattributed[step] += self_time
                continue
            lines[step][line] += self_time
            if (at := marks.at(event.start)) is not None and at != line:
                moved[step][at] -= self_time
                moved[step][line] += self_time
    parts = [breakdown(span, by_step[step], marks, work) for step, span in enumerate(spans)]
    costs = lines if on_device else moved
    return [
        StepProfile(
            times[step],
            calls[step],
            lines[step],
            costs[step],
            parts[step],
            by_clock[step],
            unattributed[step],
            on_device,
        )
        for step in range(len(spans))
    ]


def merge(steps: Sequence[StepProfile]) -> ProfileSummary:
    """Take what is typical of the steps, so that one disturbed step changes little.

    Times are 20 %-trimmed means with Yuen's standard errors, calls are medians.
    """
    operators = []
    for name in sorted({name for step in steps for name in step.calls}):
        time, error = _typical([step.times[name] for step in steps])
        calls = float(median(step.calls[name] for step in steps))
        operators.append(OperatorTime(name, time, calls, error))
    lines = []
    for line in sorted({line for step in steps for line in (*step.costs, *step.walls.total)}):
        cost, error = _typical([step.costs[line] for step in steps])
        operator_time, _ = _typical([step.lines[line] for step in steps])
        total, _ = _typical([step.walls.total[line] for step in steps])
        lines.append(LineTime(*line, cost, operator_time, total, error))
    parts, step_ms = _parts([step.parts for step in steps])
    unattributed, _ = _typical([step.unattributed for step in steps])
    return ProfileSummary(
        len(steps),
        tuple(operators),
        tuple(lines),
        parts,
        step_ms,
        unattributed,
        any(step.on_device for step in steps),
    )


def _typical(values: Sequence[int]) -> tuple[float, float | None]:
    """Return what is typical of nanoseconds, in milliseconds, and its standard error."""
    if len(values) < 5:
        return median(values) / 1e6, None  # nothing would be trimmed
    middle, error = trimmed_mean(values)
    return middle / 1e6, error / 1e6


def _parts(steps: Sequence[Breakdown]) -> tuple[tuple[PartTime, ...], float]:
    """The parts of the steps of middling length, whose means add up to that of these steps."""
    cut = len(steps) // 5
    usual = sorted(steps, key=lambda one: one.step)[cut : len(steps) - cut]
    known = [(part.value, [one.parts.get(part, 0) for one in usual]) for part in Part]
    told = [*known, (UNEXPLAINED, [one.unexplained for one in usual])]
    parts = tuple(
        PartTime(name, mean(values) / 1e6, _error_of_mean(values)) for name, values in told
    )
    return parts, mean(one.step for one in usual) / 1e6


def _error_of_mean(values: Sequence[int]) -> float | None:
    return None if len(values) < 4 else stdev(values) / math.sqrt(len(values)) / 1e6


def _forward_lines(events: Iterable[Event], marks: Marks) -> Mapping[int, Line]:
    """Map each autograd sequence number to the line whose forward operator got it.

    The profiler tells the number that comes next: operators without a gradient share it with the
    one that takes it, which is the last.
    """
    lines: dict[int, Line] = {}
    for event in sorted(events, key=lambda e: e.start):
        if event.sequence >= 0 and not event.backward:
            line = marks.at(event.start)
            if line is not None:
                lines[event.sequence] = line
    return lines


def _self_times(
    events: list[Event], marks: Marks, forward: Mapping[int, Line], on_marked_thread: bool
) -> list[tuple[Event, int, Line | None]]:
    """Pair each event of one thread with its self time and the line that it belongs to."""
    ordered = sorted(events, key=lambda e: (e.start, -e.end))
    selfs = [_cost(event) for event in ordered]
    lines: list[Line | None] = []
    open_events: list[int] = []
    for index, event in enumerate(ordered):
        while open_events and ordered[open_events[-1]].end <= event.start:
            open_events.pop()
        outer = open_events[-1] if open_events else None
        if outer is not None and event.device is None:
            selfs[outer] -= event.end - event.start
        own = forward.get(event.sequence) if event.backward else None
        if (
            own is None
            and outer is not None
            and (event.backward or _inherits(ordered, open_events))
        ):
            own = lines[outer]
        if own is None and on_marked_thread:
            own = marks.at(event.start)
        lines.append(own)
        open_events.append(index)
    return list(zip(ordered, selfs, lines, strict=True))


def _inherits(ordered: list[Event], open_events: list[int]) -> bool:
    """Whether one of the calls around this one is a backward function, which fixes the line."""
    return any(ordered[index].backward for index in open_events)


def _cost(event: Event) -> int:
    if event.device is None:
        return event.end - event.start
    # On a device the kernels are the cost, and on the host only the calls that wait for them.
    waits = event.name.startswith(_WAITING)
    return event.device + (event.end - event.start if waits else 0)
