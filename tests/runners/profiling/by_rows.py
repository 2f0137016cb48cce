"""Aggregation call by call, as plainly as it can be said: what the fast one is held against."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch_perflint.runners.profiling.parts import Part, part_by_name
from torch_perflint.runners.profiling.recording import Kind, Line, Marks, Span

from .rows import Event

_WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


@dataclass
class Step:
    """What a step took; `moved` and `recorded` are what `costs` and `recorded` add to walls."""

    times: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    lines: Counter[Line] = field(default_factory=Counter)
    moved: Counter[Line] = field(default_factory=Counter)
    recorded: Counter[Line] = field(default_factory=Counter)
    unattributed: int = 0
    parts: dict[Part, int] = field(default_factory=dict)
    part_calls: dict[Part, int] = field(default_factory=dict)


def steps_of(events: Sequence[Event], marks: Marks, spans: Sequence[Span]) -> list[Step]:
    """Add up call by call."""
    ordered = sorted(events, key=lambda one: (one.start, -one.end))
    found = [Step() for _ in spans]
    for event, self_time, line in _owned(ordered, marks):
        number = bisect_right([start for start, _ in spans], event.start) - 1
        if number < 0 or event.kind is Kind.ANNOTATION:
            continue
        step, at = found[number], line_at(marks, event.start)
        step.times[event.name] += self_time
        step.calls[event.name] += 1
        if line is None:
            step.unattributed += self_time
            continue
        step.lines[line] += self_time
        if at is not None and at != line:
            step.moved[at] -= self_time
            step.moved[line] += self_time
            step.recorded[at] -= 1
            step.recorded[line] += 1
    for number, span in enumerate(spans):
        _part(found[number], number, spans, ordered, marks)
        assert span[0] <= span[1]
    return found


def line_at(marks: Marks, moment: int) -> Line | None:
    """The line of the last mark."""
    reached = [line for time, line in zip(marks.times, marks.lines, strict=True) if time <= moment]
    return reached[-1] if reached else None


def around(ordered: Sequence[Event], place: int) -> int | None:
    """The last call before this one that has not ended when it begins."""
    event = ordered[place]
    open_ = [
        other
        for other in range(place)
        if ordered[other].thread == event.thread and ordered[other].end > event.start
    ]
    return open_[-1] if open_ else None


def _owned(ordered: Sequence[Event], marks: Marks) -> Iterator[tuple[Event, int, Line | None]]:
    """Each call with its self time and its line."""
    forward: dict[int, Line] = {}
    for event in ordered:
        line = line_at(marks, event.start)
        if event.thread == marks.thread and event.sequence >= 0 and not event.backward and line:
            forward[event.sequence] = line
    selfs: list[int] = []
    lines: list[Line | None] = []
    backwards: list[bool] = []
    for place, event in enumerate(ordered):
        took = event.end - event.start
        waits = event.name.startswith(_WAITING)
        selfs.append(took if event.device is None else event.device + waits * took)
        line, backward = (forward.get(event.sequence) if event.backward else None), event.backward
        if (outer := around(ordered, place)) is not None:
            if event.device is None:
                selfs[outer] -= took
            backward = backward or backwards[outer]
            if line is None and backward:
                line = lines[outer]
        if line is None and event.thread == marks.thread:
            line = line_at(marks, event.start)
        lines.append(line)
        backwards.append(backward)
    return zip(ordered, selfs, lines, strict=True)


def _part(
    step: Step, number: int, spans: Sequence[Span], ordered: Sequence[Event], marks: Marks
) -> None:
    """Say of each nanosecond of a step what the thread does, and count the calls of each part."""
    begin, end = spans[number]
    following = spans[number + 1][0] if number + 1 < len(spans) else float("inf")
    parts: list[Part | None] = []
    for place, event in enumerate(ordered):
        outer = around(ordered, place)
        outer_part = None if outer is None else parts[outer]
        parts.append(_part_of(event, outer_part))
        reaches = begin <= event.start < following or event.start < begin < event.end
        if event.thread == marks.thread and reaches:
            counted = outer_part or Part.HOST
            step.part_calls[counted] = step.part_calls.get(counted, 0) + 1
    for moment in range(begin, end):
        running = [
            place for place, event in enumerate(ordered) if event.start <= moment < event.end
        ]
        own = [place for place in running if ordered[place].thread == marks.thread]
        others = [ordered[place] for place in running if ordered[place].thread != marks.thread]
        part = parts[own[-1]] if own else None
        if part is None and line_at(marks, moment) is not None:
            part = Part.HOST
        talks = any(part_by_name(one.name) is Part.COMMUNICATION for one in others)
        if part is Part.HOST and talks:
            part = Part.COMMUNICATION
        if part is not None:
            step.parts[part] = step.parts.get(part, 0) + 1


def _part_of(event: Event, outer: Part | None) -> Part:
    if outer in (Part.DATA, Part.OPTIMIZER, Part.COMMUNICATION):
        return outer
    if (named := part_by_name(event.name)) is not None:
        return named
    if event.kind is not Kind.OPERATOR:
        return Part.HOST
    return outer if outer in (Part.COPIES, Part.SYNC) else Part.COMPUTE
