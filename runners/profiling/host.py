"""Says what the step's thread does, moment by moment. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .events import NONE, Bools, Events, Ints, reaching_into
from .marked_lines import MarkedLines
from .nesting import Nested
from .parts import CLOSURE, Part, part_by_name
from .recording import Kind, Span
from .spans import joined

# Columns hold a part as its place here.
_PARTS = [*Part]
_PLACES = {part: place for place, part in enumerate(_PARTS)}
_HOST = _PLACES[Part.HOST]


@dataclass(frozen=True, slots=True, eq=False)
class HostTime:
    """A step cut where the thread turns to something else.

    From each of `moments` to the next, and from the last to the end of the step, the thread is at
    the part with the number that `parts` has there; NONE is what is not known. `calls` are those
    that begin meanwhile.
    """

    moments: Ints
    parts: Ints
    end: int
    calls: dict[Part, int]

    def totals(self) -> dict[Part, int]:
        """The nanoseconds of each part."""
        times = np.zeros(len(_PARTS) + 1, dtype=np.int64)  # NONE is the last place
        np.add.at(times, self.parts, np.diff(self.moments, append=self.end))
        return dict(zip(_PARTS, times.tolist(), strict=False))

    def between(self, begin: int, end: int) -> Iterator[tuple[int, int, Part | None]]:
        """What the thread is at between two moments."""
        first = max(int(np.searchsorted(self.moments, begin, side="right")) - 1, 0)
        last = int(np.searchsorted(self.moments, end))
        moments = [*self.moments[first : last + 1].tolist(), self.end]
        for place, number in enumerate(self.parts[first:last].tolist()):
            since, to = moments[place : place + 2]
            if to > begin:
                part = None if number == NONE else _PARTS[number]
                yield max(since, begin), min(to, end), part


def host_times(
    steps: Sequence[Span], events: Events, thread: Nested, marked: MarkedLines
) -> list[HostTime]:
    """Cut steps by the calls of their thread, by the lines between them, and by other threads.

    `events` are those of all threads, and `thread` are those of the steps' own.
    """
    part = _parts_of(thread)
    away = _communication_of_others(events, thread)
    bounds = [moment for span in (*steps, *away) for moment in span]
    cuts = np.unique(np.append(np.array(bounds, dtype=np.int64), marked.comes_and_goes()))
    moments, parts = _cut(thread.moments, np.append(part, NONE)[thread.inner], cuts)
    # Between the calls it is at Python where a line of the repository runs.
    free = np.flatnonzero(parts == NONE)
    parts[free[marked.at(moments[free]) != NONE]] = _HOST
    if away:
        parts[(parts == _HOST) & _within(moments, away)] = _PLACES[Part.COMMUNICATION]
    around = np.append(part, _HOST)[thread.outer]  # what is called outside of all calls
    found = []
    for step, near in zip(steps, reaching_into(thread.events, steps), strict=True):
        own = slice(*np.searchsorted(moments, step))
        calls = np.bincount(around[near], minlength=len(_PARTS)).tolist()
        numbered = dict(zip(_PARTS, calls, strict=True))
        found.append(HostTime(moments[own], parts[own], step[1], numbered))
    return found


def _parts_of(thread: Nested) -> Ints:
    """What the time of each call counts as, by its name and by what the call around it is."""
    events = thread.events
    by_name = [part_by_name(name) for name in events.names]
    named = np.array([NONE if one is None else _PLACES[one] for one in by_name], dtype=np.int64)
    parts = named[events.name]
    # Between the operators that the user calls, nothing is computed.
    plain = (parts == NONE) & (events.kind == Kind.OPERATOR)
    parts[plain] = _PLACES[Part.COMPUTE]
    parts[parts == NONE] = _HOST
    # What an optimizer calls back is the user's own.
    closure = events.named(lambda name: name == CLOSURE)
    keeps = _flags(Part.DATA, Part.OPTIMIZER, Part.COMMUNICATION)
    keeps_plain = keeps | _flags(Part.COPIES, Part.SYNC)
    for places in thread.levels()[1:]:
        outer = parts[thread.outer[places]]
        kept = np.where(plain[places], keeps_plain[outer], keeps[outer]) & ~closure[places]
        parts[places[kept]] = outer[kept]
    return parts


def _communication_of_others(events: Events, thread: Nested) -> list[Span]:
    """When other threads communicate."""
    talks = events.named(lambda name: part_by_name(name) is Part.COMMUNICATION)
    return joined(events.take(talks & (events.thread != thread.number)).spans())


def _flags(*parts: Part) -> Bools:
    """For each part whether it is one of these."""
    return np.array([part in parts for part in _PARTS], dtype=np.bool_)


def _cut(moments: Ints, parts: Ints, cuts: Ints) -> tuple[Ints, Ints]:
    """Begin anew at each of the cuts, with the part that goes on there."""
    places = np.searchsorted(moments, cuts, side="right")
    # Before the first moment nothing is known: its place is -1, which is the last one.
    known = np.append(parts, NONE)[places - 1]
    return np.insert(moments, places, cuts), np.insert(parts, places, known)


def _within(moments: Ints, spans: Sequence[Span]) -> Bools:
    """Which moments lie in one of these joined spans."""
    begins, ends = np.array(spans, dtype=np.int64).T
    places = np.searchsorted(begins, moments, side="right") - 1
    within: Bools = (places >= 0) & (moments < ends[places])
    return within
