"""The calls that the profiler saw on the host, as columns: there are hundreds of thousands. Pure.

A column is an array with one value for each call, since a Python object for each would take longer
than all that is done with them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .recording import Line, Span

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Key = TypeVar("Key", str, Line)

NONE = -1  # where a column of numbers has nothing to point at


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Calls by when they begin; of two that begin together the outer one comes first.

    `name` is the place in `names`. `start` and `end` are nanoseconds. `sequence` is autograd's
    sequence number (-1: none), shared by a forward operator and the backward one that it causes.
    `kind` is a `Kind`. `device` is the time of the kernels that a call launched, None where the
    steps ran on the host alone.
    """

    names: Sequence[str]
    name: Ints
    start: Ints
    end: Ints
    thread: NDArray[np.uint64]
    sequence: Ints
    backward: Bools
    kind: Ints
    device: Ints | None = None

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Ints | Bools | slice) -> "Events":
        """Some of the calls, told by their places or by a flag for each."""
        return Events(
            self.names,
            self.name[rows],
            self.start[rows],
            self.end[rows],
            self.thread[rows],
            self.sequence[rows],
            self.backward[rows],
            self.kind[rows],
            None if self.device is None else self.device[rows],
        )

    def spans(self) -> list[Span]:
        """From when to when each call lasts."""
        return [*zip(self.start.tolist(), self.end.tolist(), strict=True)]

    def named(self, asked: Callable[[str], bool]) -> Bools:
        """Which calls have a name of that sort."""
        return np.array([asked(name) for name in self.names], dtype=np.bool_)[self.name]


def in_order(
    names: Sequence[str],
    start: Iterable[int],
    end: Iterable[int],
    thread: Iterable[int],
    sequence: Iterable[int],
    backward: Iterable[bool],
    kind: Iterable[int],
    device: Iterable[int] | None = None,
) -> Events:
    """Make columns of what was read of each call, in any order; here `names` has one for each."""

    def column(values: Iterable[int]) -> Ints:
        return np.fromiter(values, np.int64, len(names))

    numbers: dict[str, int] = defaultdict(count().__next__)  # a new name gets the next number
    name = column(map(numbers.__getitem__, names))
    events = Events(
        [*numbers],
        name,
        column(start),
        column(end),
        np.fromiter(thread, np.uint64, len(names)),
        column(sequence),
        np.fromiter(backward, np.bool_, len(names)),
        column(kind),
        None if device is None else column(device),
    )
    return events.take(np.lexsort((-events.end, events.start)))


def by_thread(events: Events) -> dict[int, Events]:
    """The calls of each thread, by its number."""
    rows = np.argsort(events.thread, kind="stable")
    numbers, begins = np.unique(events.thread[rows], return_index=True)
    owns = np.split(rows, begins)[1:]
    return {number: events.take(own) for number, own in zip(numbers.tolist(), owns, strict=True)}


def begun_in(start: Ints, spans: Sequence[Span]) -> list[slice]:
    """Of calls in order, those that begin in each step; what is between two is the earlier's."""
    edges = np.searchsorted(start, [begin for begin, _ in spans]).tolist()
    return [slice(a, b) for a, b in zip(edges, [*edges[1:], len(start)], strict=True)]


def reaching_into(events: Events, spans: Sequence[Span]) -> list[Ints]:
    """The places of those that begin in each step, and of earlier ones that are not over then."""
    starts = np.array([begin for begin, _ in spans], dtype=np.int64)
    following = np.append(starts, np.iinfo(np.int64).max)
    later = following[np.searchsorted(starts, events.start, side="right")]
    long = np.flatnonzero(events.end > later)
    found = []
    for begin, own in zip(starts, begun_in(events.start, spans), strict=True):
        before = long[(long < own.start) & (events.end[long] > begin)]
        found.append(np.concatenate([before, np.arange(own.start, own.stop)]))
    return found


def added_up(keys: Sequence[Key], which: Ints, values: Ints) -> dict[Key, int]:
    """The sum of the values of each key that occurs; `which` are places in `keys`."""
    sums = np.zeros(len(keys), dtype=np.int64)
    np.add.at(sums, which, values)
    seen = np.flatnonzero(np.bincount(which, minlength=len(keys))).tolist()
    return {keys[place]: int(sums[place]) for place in seen}
