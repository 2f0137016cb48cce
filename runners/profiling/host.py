"""Says what the step's thread does, moment by moment. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .parts import Part, part_by_name, part_of
from .recording import Event, Marks, Span
from .spans import joined, overlaps


@dataclass(frozen=True, slots=True)
class HostTime:
    """A step cut where the thread turns to something else.

    From each of `moments` to the next, and from the last to the end of the step, the thread is at
    what `parts` has there; None is what is not known. `calls` are those that begin meanwhile.
    """

    moments: Sequence[int]
    parts: Sequence[Part | None]
    end: int
    calls: dict[Part, int]

    def totals(self) -> dict[Part, int]:
        """The nanoseconds of each part."""
        times = dict.fromkeys(Part, 0)
        for (begin, until), part in self._cuts():
            if part is not None:
                times[part] += until - begin
        return times

    def between(self, begin: int, end: int) -> Iterator[tuple[int, int, Part | None]]:
        """What the thread is at between two moments."""
        index = max(bisect_right(self.moments, begin) - 1, 0)
        while index < len(self.moments) and self.moments[index] < end:
            last = index + 1 == len(self.moments)
            until = self.end if last else self.moments[index + 1]
            if until > begin:
                yield max(self.moments[index], begin), min(until, end), self.parts[index]
            index += 1

    def _cuts(self) -> Iterator[tuple[Span, Part | None]]:
        return zip(pairwise([*self.moments, self.end]), self.parts, strict=True)


def host_time(step: Span, events: Sequence[Event], marks: Marks) -> HostTime:
    """Cut a step by the calls of its thread, by the lines between them, and by other threads.

    `events` are those that reach into the step, in order.
    """
    moments, parts, calls = _innermost(step, events, marks.thread)
    running = joined(marks.running(*step))
    away = joined(
        (one.start, one.end)
        for one in events
        if one.thread != marks.thread and part_by_name(one.name) is Part.COMMUNICATION
    )
    # Mostly the repository's lines run from the step's beginning to its end.
    first, last = running[0] if len(running) == 1 else (step[1], step[0])
    finer: list[int] = []
    known: list[Part | None] = []
    ends = iter([*moments[1:], step[1]])
    for begin, part, until in zip(moments, parts, ends, strict=True):
        if part is None and first <= begin and until <= last and not away:
            part = Part.HOST
        if part is None or (part is Part.HOST and away):
            lines = running if part is None else [(begin, until)]
            for at, what in _between_calls(begin, until, lines, away):
                finer.append(at)
                known.append(what)
        else:
            finer.append(begin)
            known.append(part)
    return HostTime(finer, known, step[1], calls)


def _innermost(
    step: Span, events: Sequence[Event], thread: int
) -> tuple[list[int], list[Part | None], dict[Part, int]]:
    """Cut the step where calls of the thread begin and end; None is the time outside of all."""
    at, end = step
    moments: list[int] = []
    parts: list[Part | None] = []
    calls = dict.fromkeys(Part, 0)
    stack: list[tuple[int, Part]] = []  # when each open call ends, and what its time counts as
    for event in events:
        if event.thread != thread:
            continue
        start = event.start
        while stack and stack[-1][0] <= start:
            until, part = stack.pop()
            if until > at:
                moments.append(at)
                parts.append(part)
                at = until
        outer = stack[-1][1] if stack else None
        if start > at:
            moments.append(at)
            parts.append(outer)
            at = start
        calls[outer or Part.HOST] += 1
        stack.append((event.end, part_of(event, outer)))
    while stack and at < end:
        until, part = stack.pop()
        if until > at:
            moments.append(at)
            parts.append(part)
            at = until
    if at < end:
        moments.append(at)
        parts.append(None)
    return moments, parts, calls


def _between_calls(
    begin: int, until: int, running: Sequence[Span], away: Sequence[Span]
) -> Iterator[tuple[int, Part | None]]:
    """Where Python runs, where other threads communicate meanwhile, and what is not known."""
    at = begin
    for since, to in overlaps(running, begin, until):
        if since > at:
            yield at, None
        at = since
        for other, ends in overlaps(away, since, to):
            if other > at:
                yield at, Part.HOST
            yield other, Part.COMMUNICATION
            at = ends
        if at < to:
            yield at, Part.HOST
        at = to
    if at < until:
        yield at, None
