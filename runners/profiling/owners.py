"""What each call costs by itself, and the line of the repository that it belongs to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .events import NONE, Events, Ints
from .marked_lines import MarkedLines
from .nesting import Nested
from .recording import Kind

# Calls in which the host itself waits for the device: their own time is the cost.
_WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


@dataclass(frozen=True, slots=True, eq=False)
class Owned:
    """The calls of a thread that cost something, in order; annotations cost nothing themselves.

    `times` are self times in nanoseconds. `lines` are the numbers of the lines that calls belong
    to, and `at` of those that the steps' thread is at when they begin.
    """

    events: Events
    times: Ints
    lines: Ints
    at: Ints


def owned(
    thread: Nested, marked: MarkedLines, forward: Mapping[int, int], *, of_steps: bool
) -> Owned:
    """Find what the calls of a thread belong to; `of_steps` where the steps run in it.

    `forward` is as `forward_lines` has it.
    """
    at = marked.at(thread.events.start)
    own = at if of_steps else np.full_like(at, NONE)
    counts = thread.events.kind != Kind.ANNOTATION
    columns = self_times(thread), _lines_of(thread, own, forward), at
    return Owned(thread.events.take(counts), *(column[counts] for column in columns))


def self_times(thread: Nested) -> Ints:
    """The nanoseconds that each call of a thread takes without those that it calls."""
    events = thread.events
    took = events.end - events.start
    if events.device is not None:
        return device_times(events, events.device)
    inside = thread.outer != NONE
    np.subtract.at(own := took.copy(), thread.outer[inside], took[inside])
    return own


def device_times(events: Events, kernels: Ints) -> Ints:
    """The nanoseconds that each call costs on a device, with the time of the kernels it launched.

    On the host only the calls cost something that wait for these.
    """
    waits = events.named(lambda name: name.startswith(_WAITING))
    return kernels + (events.end - events.start) * waits


def forward_lines(events: Events, marked: MarkedLines) -> dict[int, int]:
    """Map each autograd sequence number to the line whose forward operator got it.

    `events` are those of the steps' thread. The profiler tells the number that comes next:
    operators without a gradient share it with the one that takes it, which is the last.
    """
    at = marked.at(events.start)
    own = (events.sequence >= 0) & ~events.backward & (at != NONE)
    return dict(zip(events.sequence[own].tolist(), at[own].tolist(), strict=True))


def _lines_of(thread: Nested, at: Ints, forward: Mapping[int, int]) -> Ints:
    """The line of each call of a thread, or NONE.

    `at` is the line that the thread is at when a call begins: NONE for threads other than that of
    the steps. Backward functions belong to the lines of their forward operators.
    """
    backward = thread.events.backward.copy()
    lines = np.full(len(backward), NONE, dtype=np.int64)
    numbers = thread.events.sequence[backward].tolist()
    lines[backward] = [forward.get(number, NONE) for number in numbers]
    for places in thread.levels():
        outer = thread.outer[places]
        around = outer != NONE
        backward[places] |= around & backward[outer]
        # A backward function fixes the line of all that it calls.
        takes = around & backward[places] & (lines[places] == NONE)
        lines[places[takes]] = lines[outer[takes]]
        alone = places[lines[places] == NONE]
        lines[alone] = at[alone]
    return lines
