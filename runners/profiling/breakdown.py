"""Parts a step into what it spends its time on; what no part accounts for is told as such. Pure.

On the host, each moment of the step's thread belongs to the innermost call that is running, or to
Python where a line of the repository runs and no call does. With a device, each moment belongs to
what the device does, and where it does nothing to the reason for that:

- `DATA` where the host loads the next batch;
- `SYNC` where the device ran dry while the host waited for it: until the host has launched again;
- `HOST` where the host was too slow: Python and operators that have not launched the next kernel.

Communication and copies count only as far as they are exposed: where no kernel runs beside them.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from .recording import Event, Kind, Marks, Span, Task, Work


class Part(Enum):
    """What a step spends time on."""

    COMPUTE = "compute"
    COMMUNICATION = "communication"
    COPIES = "copies"
    DATA = "data loading"
    SYNC = "waiting for the device"
    HOST = "Python and launching"
    OPTIMIZER = "optimizer"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One step, in nanoseconds: how long it took by the clock, and what its parts took."""

    step: int
    parts: Mapping[Part, int]

    @property
    def unexplained(self) -> int:
        """What no part accounts for."""
        return self.step - sum(self.parts.values())


# How PyTorch calls what it records itself.
_DATA = ("enumerate(DataLoader)",)
_OPTIMIZER = ("Optimizer.",)
_ENGINE = "autograd::engine::evaluate_function"
_COMMUNICATION = re.compile(r"(c10d|nccl|gloo|ucc|mpi|_c10d_functional|record_param_comms)\b[:_]?")
_COPIES = frozenset({"aten::copy_", "aten::_copy_from", "aten::_copy_from_and_resize"})
# Not `cudaMemcpyAsync`: what it waits for is the copy itself, which the device shows.
_WAITS = re.compile(r"(cuda|hip)((Stream|Device|Event)Synchronize|Memcpy$)")
# The tensor's value: on a host alone this costs what a copy of one number does.
_VALUE = "aten::_local_scalar_dense"

Labelled = tuple[int, int, Part]


def breakdown(
    step: Span, events: Iterable[Event], marks: Marks, work: Sequence[Work] = ()
) -> Breakdown:
    """Part one step, from `step[0]` to `step[1]` by the clock.

    `events` are those of all threads and `work` what the device did, both of any time.
    """
    start, end = step
    near = [one for one in events if one.end > start and one.start < end]
    host = [*_host(step, near, marks)]
    times = _device(step, host, near, work) if work else Counter[Part]()
    if not work:
        for begin, until, part in host:
            times[part] += until - begin
    return Breakdown(end - start, {part: times[part] for part in Part if times[part]})


def _host(step: Span, events: Sequence[Event], marks: Marks) -> Iterator[Labelled]:
    """What the step's thread does, moment by moment; what is not known is left out."""
    away = _joined((e.start, e.end) for e in events if e.thread != marks.thread and _is_comm(e))
    own = sorted((e for e in events if e.thread == marks.thread), key=lambda e: (e.start, -e.end))
    for begin, until, part in _innermost(step, own):
        if part is not None and part is not Part.HOST:
            yield begin, until, part
            continue
        known = [(begin, until)] if part is Part.HOST else marks.running(begin, until)
        for since, to in known:
            yield from _exposed(since, to, away)


def _innermost(step: Span, own: Sequence[Event]) -> Iterator[tuple[int, int, Part | None]]:
    """Cut the step where calls begin and end; None is the time outside of all calls."""
    at, end = step
    stack: list[tuple[int, Part]] = []  # when each open call ends, and what its time counts as
    for event in own:
        while stack and stack[-1][0] <= event.start:
            until, part = stack.pop()
            if until > at:
                yield at, min(until, end), part
                at = until
        if event.start > at:
            yield at, event.start, stack[-1][1] if stack else None
            at = event.start
        stack.append((event.end, _part(event, stack[-1][1] if stack else None)))
    while stack and at < end:
        until, part = stack.pop()
        if until > at:
            yield at, min(until, end), part
            at = until
    if at < end:
        yield at, end, None


def _part(event: Event, outer: Part | None) -> Part:
    """What the time of a call counts as, by its name and by what the call around it is."""
    if outer in (Part.DATA, Part.OPTIMIZER, Part.COMMUNICATION):
        return outer
    if event.name.startswith(_DATA):
        return Part.DATA
    if event.name.startswith(_OPTIMIZER):
        return Part.OPTIMIZER
    if _is_comm(event):
        return Part.COMMUNICATION
    if event.name in _COPIES:
        return Part.COPIES
    if event.name == _VALUE or _WAITS.match(event.name):
        return Part.SYNC
    # Between the operators that the user or the engine calls, nothing is computed.
    if event.kind is not Kind.OPERATOR or event.name.startswith(_ENGINE):
        return Part.HOST
    return outer if outer in (Part.COPIES, Part.SYNC) else Part.COMPUTE


def _is_comm(event: Event) -> bool:
    return _COMMUNICATION.match(event.name) is not None


def _exposed(begin: int, until: int, away: Sequence[Span]) -> Iterator[Labelled]:
    """Python's time, but for what other threads spend on communication meanwhile."""
    at = begin
    for since, to in away[max(bisect_left(away, (begin, begin)) - 1, 0) :]:
        if since >= until:
            break
        if to <= at:
            continue
        if since > at:
            yield at, since, Part.HOST
        yield max(since, at), min(to, until), Part.COMMUNICATION
        at = min(to, until)
    if at < until:
        yield at, until, Part.HOST


def _device(
    step: Span, host: Sequence[Labelled], events: Sequence[Event], work: Sequence[Work]
) -> Counter[Part]:
    """What the device does, and why it does nothing where it does not."""
    start, end = step
    optimizer = _joined((e.start, e.end) for e in events if e.name.startswith(_OPTIMIZER))
    kernels: dict[Part, list[Span]] = {Part.COMPUTE: [], Part.OPTIMIZER: []}
    for one in work:
        if one.task is Task.KERNEL:
            steps = one.launched is not None and _in(one.launched, optimizer)
            kernels[Part.OPTIMIZER if steps else Part.COMPUTE].append((one.start, one.end))
    times: Counter[Part] = Counter()
    taken: list[Span] = []
    for part, spans in (
        *kernels.items(),
        (Part.COMMUNICATION, _of(work, Task.COMMUNICATION)),
        (Part.COPIES, _of(work, Task.COPY)),
    ):
        free = _without(_joined(_cut(spans, start, end)), taken)
        times[part] += _length(free)
        taken = _joined([*taken, *free])
    waits = [(e.start, e.end) for e in events if _WAITS.match(e.name)]
    for gap in _without([step], taken):
        times.update(_idle(gap, host, waits))
    return times


def _idle(gap: Span, host: Sequence[Labelled], waits: Sequence[Span]) -> Counter[Part]:
    """Why the device is idle in this gap."""
    times: Counter[Part] = Counter()
    # The host waited when the device ran dry, and launches again only after that.
    dry = any(begin <= gap[0] <= end for begin, end in waits)
    first = max(bisect_right(host, gap[0], key=lambda one: one[0]) - 1, 0)
    for begin, until, part in host[first:]:
        if begin >= gap[1]:
            break
        length = min(until, gap[1]) - max(begin, gap[0])
        if length > 0:
            times[part if part is Part.DATA else Part.SYNC if dry else Part.HOST] += length
    return times


def _of(work: Sequence[Work], task: Task) -> list[Span]:
    return [(one.start, one.end) for one in work if one.task is task]


def _cut(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    return [(max(a, start), min(b, end)) for a, b in spans if b > start and a < end]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same moments as spans that neither touch nor overlap, in order."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end > begin:
            joined.append((begin, end))
    return joined


def _without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What of these spans lies outside of those that are taken; both are joined."""
    left: list[Span] = []
    for begin, end in spans:
        at = begin
        for since, to in taken[max(bisect_left(taken, (begin, begin)) - 1, 0) :]:
            if since >= end:
                break
            if since > at:
                left.append((at, since))
            at = max(at, to)
        if at < end:
            left.append((at, end))
    return left


def _length(spans: Iterable[Span]) -> int:
    return sum(end - begin for begin, end in spans)


def _in(moment: int, spans: Sequence[Span]) -> bool:
    index = bisect_right(spans, moment, key=lambda span: span[0]) - 1
    return index >= 0 and moment < spans[index][1]
