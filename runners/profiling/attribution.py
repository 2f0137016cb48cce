"""Turns profiler events and line marks into time per operator and per source line. Pure."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .profile import LineTime, OperatorTime, ProfileSummary
from .recording import Event, Line, Marks

# Calls in which the host itself waits for the device: their own time is the cost.
_WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


def summarize(events: Iterable[Event], marks: Marks, starts: Sequence[int]) -> list["StepProfile"]:
    """Split events at the steps' start times and add up self time per operator and line."""
    steps = [StepProfile(Counter(), Counter(), Counter()) for _ in starts]
    by_thread: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        by_thread[event.thread].append(event)
    forward = _forward_lines(by_thread.get(marks.thread, []), marks)
    for thread, own in by_thread.items():
        for event, self_time, line in _self_times(own, marks, forward, thread == marks.thread):
            step = bisect_right(starts, event.start) - 1
            if step < 0:
                continue
            steps[step].times[event.name] += self_time
            steps[step].calls[event.name] += 1
            if line is not None:
                steps[step].lines[line] += self_time
    return steps


@dataclass(frozen=True, slots=True)
class StepProfile:
    """One profiled step: self time per operator and line in nanoseconds, calls per operator."""

    times: Counter[str]
    calls: Counter[str]
    lines: Counter[Line]


def merge(steps: Sequence[StepProfile]) -> ProfileSummary:
    """Take the median of each figure over the steps, so that one disturbed step changes nothing."""
    operators = [
        OperatorTime(
            name,
            median(step.times[name] for step in steps) / 1e6,
            float(median(step.calls[name] for step in steps)),
        )
        for name in sorted({name for step in steps for name in step.calls})
    ]
    lines = [
        LineTime(*line, median(step.lines[line] for step in steps) / 1e6)
        for line in sorted({line for step in steps for line in step.lines})
    ]
    return ProfileSummary(len(steps), tuple(operators), tuple(lines))


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
