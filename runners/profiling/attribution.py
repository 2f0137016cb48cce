"""Turns profiler events and line marks into time per operator and per source line. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, median, stdev
from typing import TypeVar

from ..verdict.stats import trimmed_mean
from .breakdown import Breakdown, breakdown
from .modules import ModuleTimes, module_times, modules_of
from .parts import Part
from .profile import UNEXPLAINED, LineTime, OperatorTime, PartTime, ProfileSummary
from .recording import Event, Kind, Line, Marks, Recording, Span, Work, in_order, no_collector
from .walls import Walls, walls

# Calls in which the host itself waits for the device: their own time is the cost.
_WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


Key = TypeVar("Key", str, Line, Part, tuple[str, bool])


@dataclass(frozen=True, slots=True)
class StepProfile:
    """One profiled step, or the sum of `steps` of them.

    It has the self time per operator and line in nanoseconds, and the calls per operator. `costs`
    is what lines cost by the clock where no device is used, with backward operators on the lines
    that they belong to; with a device it is as `lines`. `unattributed` is operator time that
    belongs to no line, `walls` what lines take by the clock, and `parts` what the step consists of.
    `recorded` are the calls in `costs` that the profiler recorded, each of which took `call`
    nanoseconds longer by that.
    """

    times: Counter[str]
    calls: Counter[str]
    lines: Counter[Line]
    costs: Counter[Line]
    parts: Breakdown
    walls: Walls
    recorded: Counter[Line]
    unattributed: int = 0
    on_device: bool = False
    call: int = 0
    steps: int = 1
    modules: ModuleTimes = field(default_factory=ModuleTimes)


def summarize(
    events: Iterable[Event], marks: Marks, spans: Sequence[Span], work: Sequence[Work] = ()
) -> list[StepProfile]:
    """Split what was recorded into steps, and add up what each operator and line took.

    `spans` are the steps by the clock, in order. A call belongs to the step in which it begins.
    """
    times, calls = ([Counter[str]() for _ in spans] for _ in range(2))
    lines = [Counter[Line]() for _ in spans]
    unattributed = [0] * len(spans)
    ordered = in_order(events)
    called = [event.start for event in ordered if event.thread == marks.thread]
    by_clock = walls(marks, spans, called)
    moved = [Counter(step.own) for step in by_clock]
    recorded = [Counter(step.own_calls) for step in by_clock]
    on_device = any(event.device is not None for event in ordered)
    by_thread: dict[int, list[Event]] = defaultdict(list)
    for event in ordered:
        by_thread[event.thread].append(event)
    forward = _forward_lines(by_thread.get(marks.thread, []), marks)
    for thread, own in by_thread.items():
        step, following = -1, [*(start for start, _ in spans), math.inf]
        for event, self_time, line, at in _self_times(own, marks, forward, thread):
            while following[step + 1] <= event.start:
                step += 1
            if step < 0 or event.kind is Kind.ANNOTATION:
                continue
            times[step][event.name] += self_time
            calls[step][event.name] += 1
            if line is None:
                unattributed[step] += self_time
                continue
            lines[step][line] += self_time
            if at != line and at is not None:
                moved[step][at] -= self_time
                moved[step][line] += self_time
                recorded[step][at] -= 1
                recorded[step][line] += 1
    parts = [
        breakdown(span, near, marks, work)
        for span, near in zip(spans, _reaching_into(spans, ordered), strict=True)
    ]
    costs = lines if on_device else moved
    return [
        StepProfile(
            times[step],
            calls[step],
            lines[step],
            costs[step],
            parts[step],
            by_clock[step],
            recorded[step],
            unattributed[step],
            on_device,
        )
        for step in range(len(spans))
    ]


def of_recording(recording: Recording) -> list[StepProfile]:
    """Add up what each step of a recording took."""
    with no_collector():
        steps = summarize(recording.events, recording.marks, recording.spans, recording.work)
        modules = module_times(recording, _cost)
    return [
        replace(step, call=recording.call, modules=times)
        for step, times in zip(steps, modules, strict=True)
    ]


def together(steps: Sequence[StepProfile]) -> StepProfile:
    """Add up the steps of a round.

    Neighbouring steps have the machine's state in common: how far rounds differ says how far a
    profile errs, and how far steps do not.
    """
    each = [step.parts for step in steps]
    walls_of = [step.walls for step in steps]
    return StepProfile(
        _sum([step.times for step in steps]),
        _sum([step.calls for step in steps]),
        _sum([step.lines for step in steps]),
        _sum([step.costs for step in steps]),
        Breakdown(
            sum(one.step for one in each),
            _sum([one.parts for one in each]),
            _sum([one.calls for one in each]),
        ),
        Walls(
            _sum([one.own for one in walls_of]),
            _sum([one.total for one in walls_of]),
            _sum([one.own_calls for one in walls_of]),
            _sum([one.total_calls for one in walls_of]),
        ),
        _sum([step.recorded for step in steps]),
        sum(step.unattributed for step in steps),
        any(step.on_device for step in steps),
        round(mean(step.call for step in steps)),
        sum(step.steps for step in steps),
        ModuleTimes(
            _sum([step.modules.own for step in steps]),
            _sum([step.modules.total for step in steps]),
            _sum([step.modules.calls for step in steps]),
        ),
    )


def _sum(counted: Sequence[Mapping[Key, int]]) -> Counter[Key]:
    total: Counter[Key] = Counter()
    for one in counted:
        total.update(one)
    return total


def merge(rounds: Sequence[StepProfile]) -> ProfileSummary:
    """Take what is typical of some steps or rounds: one that is disturbed changes little.

    Times are 20 %-trimmed means with Yuen's standard errors, calls are medians.
    """
    operators = []
    for name in sorted({name for one in rounds for name in one.calls}):
        time, error = _typical([one.times[name] / one.steps for one in rounds])
        calls = median(one.calls[name] / one.steps for one in rounds)
        operators.append(OperatorTime(name, time, calls, error))
    lines = []
    for line in sorted({line for one in rounds for line in (*one.costs, *one.walls.total)}):
        cost, error = _typical([one.costs[line] / one.steps for one in rounds])
        operator_time, _ = _typical([one.lines[line] / one.steps for one in rounds])
        total, _ = _typical([one.walls.total[line] / one.steps for one in rounds])
        calls = median(one.recorded[line] / one.steps for one in rounds)
        total_calls = median(one.walls.total_calls[line] / one.steps for one in rounds)
        lines.append(LineTime(*line, cost, operator_time, total, error, calls, total_calls))
    parts, step_ms = _parts(rounds)
    unattributed, _ = _typical([one.unattributed / one.steps for one in rounds])
    return ProfileSummary(
        sum(one.steps for one in rounds),
        tuple(operators),
        tuple(lines),
        parts,
        step_ms,
        unattributed,
        any(one.on_device for one in rounds),
        median(one.call for one in rounds) / 1e6,
        len(rounds),
        modules_of([(one.modules, one.steps) for one in _usual(rounds)], step_ms),
    )


def _typical(values: Sequence[float]) -> tuple[float, float | None]:
    """Return what is typical of nanoseconds, in milliseconds, and its standard error."""
    if len(values) < 5:
        return median(values) / 1e6, None  # nothing would be trimmed
    middle, error = trimmed_mean(values)
    return middle / 1e6, error / 1e6


def _parts(rounds: Sequence[StepProfile]) -> tuple[tuple[PartTime, ...], float]:
    """The parts of the rounds of middling length, whose means add up to that of these rounds."""
    usual = _usual(rounds)
    parts = [
        PartTime(
            part.value,
            mean(times := [one.parts.parts.get(part, 0) / one.steps for one in usual]) / 1e6,
            _error_of_mean(times),
            mean(one.parts.calls.get(part, 0) / one.steps for one in usual),
        )
        for part in Part
    ]
    times = [one.parts.unexplained / one.steps for one in usual]
    parts.append(PartTime(UNEXPLAINED, mean(times) / 1e6, _error_of_mean(times)))
    return tuple(parts), mean(one.parts.step / one.steps for one in usual) / 1e6


def _usual(rounds: Sequence[StepProfile]) -> list[StepProfile]:
    """The rounds of middling length."""
    # Of fewer than five nothing would be trimmed: their median takes its place.
    cut = len(rounds) // 5 if len(rounds) >= 5 else (len(rounds) - 1) // 2
    by_length = sorted(rounds, key=lambda one: one.parts.step / one.steps)
    return by_length[cut : len(rounds) - cut]


def _error_of_mean(values: Sequence[float]) -> float | None:
    return None if len(values) < 4 else stdev(values) / math.sqrt(len(values)) / 1e6


def _forward_lines(events: Iterable[Event], marks: Marks) -> Mapping[int, Line]:
    """Map each autograd sequence number to the line whose forward operator got it.

    The profiler tells the number that comes next: operators without a gradient share it with the
    one that takes it, which is the last.
    """
    lines: dict[int, Line] = {}
    for event in events:
        if event.sequence >= 0 and not event.backward:
            line = marks.at(event.start)
            if line is not None:
                lines[event.sequence] = line
    return lines


def _reaching_into(spans: Sequence[Span], ordered: Sequence[Event]) -> list[list[Event]]:
    """The events of each step, and those of earlier ones that have not ended when it begins."""
    found: list[list[Event]] = [[] for _ in spans]
    step, following = -1, [*(start for start, _ in spans), math.inf]
    for event in ordered:
        while following[step + 1] <= event.start:
            step += 1
        if step >= 0:
            found[step].append(event)
        later = step + 1
        while following[later] < event.end:
            found[later].append(event)
            later += 1
    return found


def _self_times(
    ordered: Sequence[Event], marks: Marks, forward: Mapping[int, Line], thread: int
) -> Iterator[tuple[Event, int, Line | None, Line | None]]:
    """Each event of a thread with its self time, its line, and where the step's thread was then."""
    selfs = [_cost(event) for event in ordered]
    lines: list[Line | None] = []
    reached: list[Line | None] = []
    # Of the calls around an event: when each ends, which it is, whether one is a backward function.
    around: list[tuple[int, int, bool]] = []
    mark, marked = -1, len(marks.times)
    for index, event in enumerate(ordered):
        start = event.start
        while around and around[-1][0] <= start:
            around.pop()
        while mark + 1 < marked and marks.times[mark + 1] <= start:
            mark += 1
        at = marks.lines[mark] if mark >= 0 else None
        backward = event.backward
        own = forward.get(event.sequence) if backward else None
        if around:
            _, outer, within_backward = around[-1]
            if event.device is None:
                selfs[outer] -= event.end - start
            backward = backward or within_backward
            # A backward function fixes the line of all that it calls.
            if own is None and backward:
                own = lines[outer]
        if own is None and thread == marks.thread:
            own = at
        lines.append(own)
        reached.append(at)
        around.append((event.end, index, backward))
    return zip(ordered, selfs, lines, reached, strict=True)


def _cost(event: Event) -> int:
    if event.device is None:
        return event.end - event.start
    # On a device the kernels are the cost, and on the host only the calls that wait for them.
    waits = event.name.startswith(_WAITING)
    return event.device + (event.end - event.start if waits else 0)
