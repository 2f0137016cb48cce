"""What the profiler saw of some steps, as plain data; all times are nanoseconds of one clock."""

import gc
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import NamedTuple

Line = tuple[str, int]
Span = tuple[int, int]


class Kind(Enum):
    """What sort of host event this is."""

    OPERATOR = "operator"
    ANNOTATION = "annotation"  # a `record_function`: PyTorch's own, or the user's
    RUNTIME = "runtime"  # a call of the device's own API
    MODULE = "module"  # the forward of an `nn.Module`


class Event(NamedTuple):
    """One call that the profiler saw on the host; there are hundreds of thousands of them.

    `sequence` is autograd's sequence number (-1: none), shared by a forward operator and the
    backward one that it causes. `device` is the time of the kernels that this call launched, None
    where the step ran on the host alone.
    """

    name: str
    start: int
    end: int
    thread: int
    sequence: int = -1
    backward: bool = False
    device: int | None = None
    kind: Kind = Kind.OPERATOR


def in_order(events: Iterable[Event]) -> list[Event]:
    """By when they begin; of two that begin together the outer one comes first."""
    ordered = sorted(events, key=attrgetter("end"), reverse=True)
    ordered.sort(key=attrgetter("start"))
    return ordered


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep Python's garbage collector from running while events are read and added up.

    Hundreds of thousands of new tuples, none of which is garbage, would have it run all over.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class Task(Enum):
    """What a device does in a piece of work."""

    KERNEL = "kernel"
    COPY = "copy"
    COMMUNICATION = "communication"


@dataclass(frozen=True, slots=True)
class Work:
    """A kernel, a copy or a collective on the device; `launched` is when the host asked for it."""

    name: str
    start: int
    end: int
    task: Task = Task.KERNEL
    launched: int | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """When the thread that runs the step reached which line: sorted times, and a line for each.

    None is the time in which no line of the repository runs. `depths` says how many of its
    functions are open then; without them, one.
    """

    times: Sequence[int]
    lines: Sequence[Line | None]
    thread: int
    depths: Sequence[int] = ()

    def at(self, moment: int) -> Line | None:
        """The innermost line of the repository that was running at `moment`."""
        index = bisect_right(self.times, moment) - 1
        return self.lines[index] if index >= 0 else None

    def running(self, start: int, end: int) -> Iterator[Span]:
        """The spans between `start` and `end` in which some line of the repository was running."""
        index = max(bisect_right(self.times, start) - 1, 0)
        since: int | None = None
        while index < len(self.times) and self.times[index] < end:
            begins, line = max(self.times[index], start), self.lines[index]
            if line is not None and since is None:
                since = begins
            elif line is None and since is not None:
                yield since, begins
                since = None
            index += 1
        if since is not None and since < end:
            yield since, end


@dataclass(frozen=True, slots=True)
class Recording:
    """Some steps as they were recorded; `spans` are the steps by the clock, in order.

    `call` is how much longer a call takes by being recorded. `modules` are the calls of modules,
    each by its name and class: "GPT.blocks.0.mlp (MLP)".
    """

    events: Sequence[Event]
    marks: Marks
    spans: Sequence[Span]
    work: Sequence[Work] = ()
    call: int = 0
    modules: Sequence[Event] = ()
