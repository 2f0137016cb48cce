"""Turns profiler events and line marks into time per operator and per source line. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, median, stdev
from typing import TypeVar

import numpy as np

from ..verdict.stats import trimmed_mean
from .breakdown import Breakdown, breakdowns
from .events import NONE, Events, added_up, begun_in, by_thread
from .marked_lines import MarkedLines
from .modules import ModuleTimes, module_times, modules_of
from .nesting import nest
from .owners import Owned, forward_lines, owned
from .parts import Part
from .profile import UNEXPLAINED, LineTime, OperatorTime, PartTime, ProfileSummary
from .recording import Line, Marks, Recording, Span, Work, no_collector
from .walls import Walls, walls

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
    events: Events, marks: Marks, spans: Sequence[Span], work: Sequence[Work] = ()
) -> list[StepProfile]:
    """Split what was recorded into steps, and add up what each operator and line took.

    `spans` are the steps by the clock, in order. A call belongs to the step in which it begins.
    """
    # The thread of the steps comes first, and is there even if nothing was recorded in it.
    calls = {marks.thread: events.take(slice(0)), **by_thread(events)}
    threads = [nest(number, own) for number, own in calls.items()]
    main = threads[0]
    marked = MarkedLines.of(marks)
    by_clock = walls(marks, spans, main.events.start.tolist())
    parts = breakdowns(spans, events, main, marked, work)
    forward = forward_lines(main.events, marked)
    steps = [_Sums(moved=Counter(own.own), recorded=Counter(own.own_calls)) for own in by_clock]
    for thread in threads:
        own = owned(thread, marked, forward, of_steps=thread is main)
        for step, rows in zip(steps, begun_in(own.events.start, spans), strict=True):
            step.add(own, rows, marked.lines)
    on_device = events.device is not None
    return [
        StepProfile(
            step.times,
            step.calls,
            step.lines,
            step.lines if on_device else step.moved,
            part,
            own,
            step.recorded,
            step.unattributed,
            on_device,
        )
        for step, part, own in zip(steps, parts, by_clock, strict=True)
    ]


@dataclass(slots=True)
class _Sums:
    """What is being added up of one step; see `StepProfile`."""

    moved: Counter[Line]
    recorded: Counter[Line]
    times: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    lines: Counter[Line] = field(default_factory=Counter)
    unattributed: int = 0

    def add(self, own: Owned, rows: slice, lines: Sequence[Line]) -> None:
        """Add the calls of one thread."""
        names, name = own.events.names, own.events.name[rows]
        times, line, at = own.times[rows], own.lines[rows], own.at[rows]
        once = np.ones_like(times)
        self.times.update(added_up(names, name, times))
        self.calls.update(added_up(names, name, once))
        has = line != NONE
        self.lines.update(added_up(lines, line[has], times[has]))
        self.unattributed += int(times[~has].sum())
        moves = has & (at != NONE) & (at != line)
        for sums, values in ((self.moved, times[moves]), (self.recorded, once[moves])):
            sums.subtract(added_up(lines, at[moves], values))
            sums.update(added_up(lines, line[moves], values))


def of_recording(recording: Recording) -> list[StepProfile]:
    """Add up what each step of a recording took."""
    with no_collector():
        steps = summarize(recording.events, recording.marks, recording.spans, recording.work)
        modules = module_times(recording)
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
        total, total_error = _typical([one.walls.total[line] / one.steps for one in rounds])
        calls = median(one.recorded[line] / one.steps for one in rounds)
        total_calls = median(one.walls.total_calls[line] / one.steps for one in rounds)
        lines.append(
            LineTime(*line, cost, operator_time, total, error, calls, total_calls, total_error)
        )
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
