"""Parts a step into what it spends its time on; what no part accounts for is told as such. Pure.

On the host, each moment of the step's thread belongs to the innermost call that is running, or to
Python where a line of the repository runs and no call does. With a device, each moment belongs to
what the device does, and where it does nothing to the reason for that:

- `DATA` where the host loads the next batch;
- `SYNC` where the device ran dry while the host waited for it: until the host has launched again;
- `HOST` where the host was too slow: Python and operators that have not launched the next kernel.

Communication and copies count only as far as they are exposed: where no kernel runs beside them.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from .host import HostTime, host_time
from .parts import CLOSURE, OPTIMIZER, WAITS, Part
from .recording import Event, Marks, Span, Task, Work
from .spans import cut, is_in, joined, length, without


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One step, in nanoseconds: how long it took by the clock, and what its parts took.

    `calls` are those that the profiler recorded while a part went on: recording them takes time.
    """

    step: int
    parts: Mapping[Part, int]
    calls: Mapping[Part, int] = field(default_factory=dict)

    @property
    def unexplained(self) -> int:
        """What no part accounts for."""
        return self.step - sum(self.parts.values())


def breakdown(
    step: Span, events: Sequence[Event], marks: Marks, work: Sequence[Work] = ()
) -> Breakdown:
    """Part one step, from `step[0]` to `step[1]` by the clock.

    `events` are those of all threads that reach into the step, as `in_order` has them; `work` is
    what the device did, of any time.
    """
    host = host_time(step, events, marks)
    times = _device(step, host, events, work) if work else host.totals()
    # With a device, recording costs the host's time, which only counts where the device is idle.
    calls = {Part.HOST: sum(host.calls.values())} if work else host.calls
    known = {part: times[part] for part in Part if times[part]}
    return Breakdown(step[1] - step[0], known, calls)


def _device(
    step: Span, host: HostTime, events: Sequence[Event], work: Sequence[Work]
) -> Counter[Part]:
    """What the device does, and why it does nothing where it does not."""
    start, end = step
    optimizer = _optimizer(events)
    kernels: dict[Part, list[Span]] = {Part.COMPUTE: [], Part.OPTIMIZER: []}
    for one in work:
        if one.task is Task.KERNEL:
            steps = one.launched is not None and is_in(one.launched, optimizer)
            kernels[Part.OPTIMIZER if steps else Part.COMPUTE].append((one.start, one.end))
    times: Counter[Part] = Counter()
    taken: list[Span] = []
    for part, spans in (
        *kernels.items(),
        (Part.COMMUNICATION, _of(work, Task.COMMUNICATION)),
        (Part.COPIES, _of(work, Task.COPY)),
    ):
        free = without(joined(cut(spans, start, end)), taken)
        times[part] += length(free)
        taken = joined([*taken, *free])
    waits = joined((e.start, e.end) for e in events if WAITS.match(e.name))
    for gap in without([step], taken):
        times.update(_idle(gap, host, waits))
    return times


def _optimizer(events: Sequence[Event]) -> list[Span]:
    """When optimizers are at work: not in closures, but in what those call of an optimizer."""
    closures = joined((e.start, e.end) for e in events if e.name == CLOSURE)
    steps = [(e.start, e.end) for e in events if e.name.startswith(OPTIMIZER)]
    called = [step for step in steps if is_in(step[0], closures)]
    return joined([*without(joined(steps), closures), *called])


def _idle(gap: Span, host: HostTime, waits: Sequence[Span]) -> Counter[Part]:
    """Why the device is idle in this gap."""
    begin, end = gap
    times: Counter[Part] = Counter()
    # The host waited when the device ran dry, and launches again only after that.
    last = bisect_right(waits, begin, key=itemgetter(0)) - 1
    dry = last >= 0 and begin <= waits[last][1]
    for since, to, part in host.between(begin, end):
        if part is not None:
            reason = part if part is Part.DATA else Part.SYNC if dry else Part.HOST
            times[reason] += to - since
    return times


def _of(work: Sequence[Work], task: Task) -> list[Span]:
    return [(one.start, one.end) for one in work if one.task is task]
