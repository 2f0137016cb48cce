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

from .events import Events, reaching_into
from .host import HostTime, host_times
from .marked_lines import MarkedLines
from .nesting import Nested
from .parts import CLOSURE, OPTIMIZER, WAITS, Part
from .recording import Span, Task, Work
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


def breakdowns(
    steps: Sequence[Span],
    events: Events,
    thread: Nested,
    marked: MarkedLines,
    work: Sequence[Work] = (),
) -> list[Breakdown]:
    """Part each step, from `step[0]` to `step[1]` by the clock; steps are in order.

    `events` are those of all threads, and `thread` are those of the steps' own; `work` is what the
    device did, of any time.
    """
    hosts = host_times(steps, events, thread, marked)
    if not work:
        pairs = zip(steps, hosts, strict=True)
        return [_known(step, host.totals(), host.calls) for step, host in pairs]
    found = []
    optimizer = events.named(lambda name: name.startswith(OPTIMIZER))
    closure = events.named(lambda name: name == CLOSURE)
    waits = events.named(lambda name: WAITS.match(name) is not None)
    nears = reaching_into(events, steps)
    for step, host, near, done in zip(steps, hosts, nears, _during(steps, work), strict=True):
        closures = events.take(near[closure[near]]).spans()
        steps_of = _optimizer(events.take(near[optimizer[near]]).spans(), closures)
        waits_of = joined(events.take(near[waits[near]]).spans())
        # Recording costs the host's time, which only counts where the device is idle.
        calls = {Part.HOST: sum(host.calls.values())}
        found.append(_known(step, _device(step, host, steps_of, waits_of, done), calls))
    return found


def _known(step: Span, times: Mapping[Part, int], calls: Mapping[Part, int]) -> Breakdown:
    known = {part: times[part] for part in Part if times[part]}
    return Breakdown(step[1] - step[0], known, calls)


def _during(steps: Sequence[Span], work: Sequence[Work]) -> list[list[Work]]:
    """What the device did in each step."""
    found: list[list[Work]] = [[] for _ in steps]
    ends = [end for _, end in steps]
    for one in work:
        number = bisect_right(ends, one.start)
        while number < len(steps) and steps[number][0] < one.end:
            found[number].append(one)
            number += 1
    return found


def _device(
    step: Span,
    host: HostTime,
    optimizer: Sequence[Span],
    waits: Sequence[Span],
    work: Sequence[Work],
) -> Counter[Part]:
    """What the device does, and why it does nothing where it does not."""
    start, end = step
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
    for gap in without([step], taken):
        times.update(_idle(gap, host, waits))
    return times


def _optimizer(steps: Sequence[Span], closures: Sequence[Span]) -> list[Span]:
    """When optimizers are at work: not in closures, but in what those call of an optimizer."""
    closures = joined(closures)
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
