"""What the profiler saw of some steps, as plain data; all times are nanoseconds of one clock."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .events import Events

Line = tuple[str, int]
Span = tuple[int, int]


class Kind(IntEnum):
    """What sort of host event this is."""

    OPERATOR = 0
    ANNOTATION = 1  # a `record_function`: PyTorch's own, or the user's
    RUNTIME = 2  # a call of the device's own API


class ModuleCall(NamedTuple):
    """One call of an `nn.Module`'s forward; `name` has its class: "GPT.blocks.0.mlp (MLP)"."""

    name: str
    start: int
    end: int
    thread: int


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep Python's garbage collector from running while events are read and added up.

    Hundreds of thousands of new objects, none of which is garbage, would have it run all over.
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


@dataclass(frozen=True, slots=True)
class Recording:
    """Some steps as they were recorded; `spans` are the steps by the clock, in order.

    `call` is how much longer a call takes by being recorded. `modules` are the calls of modules,
    each by its name and class: "GPT.blocks.0.mlp (MLP)".
    """

    events: "Events"
    marks: Marks
    spans: Sequence[Span]
    work: Sequence[Work] = ()
    call: int = 0
    modules: Sequence[ModuleCall] = ()
