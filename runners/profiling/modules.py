"""Time by module: what runs in a step's forward, and the backward that it causes. Pure.

On the host each moment of the step's thread belongs to the innermost module that runs then; in
backward, to the one whose forward operator has the sequence number of the function that autograd's
engine evaluates. What belongs to no module is told as such, so that all adds up to the step. With a
device a module has the kernels that it caused, as lines do.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import mean, stdev
from typing import NamedTuple

from .events import Events, Ints, begun_in
from .owners import device_times
from .parts import ENGINE
from .profile import ModuleTime, brought
from .recording import Kind, ModuleCall, Recording, Span

# A module and whether it is its backward; "" is what belongs to no module.
Key = tuple[str, bool]
# The modules that are running, the innermost last; and whether it is their backward.
Running = tuple[tuple[str, ...], bool]
# What autograd calls the function that adds to a parameter's `.grad`; it has no number.
_ACCUMULATE = f"{ENGINE}: torch::autograd::AccumulateGrad"


@dataclass(frozen=True, slots=True)
class ModuleTimes:
    """Nanoseconds of some steps: `own` without the modules that a module calls, `total` with them.

    A module that is running twice counts once in `total`. `calls` is how often it was called. What
    recording calls takes is taken off.
    """

    own: Counter[Key] = field(default_factory=Counter)
    total: Counter[Key] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)

    def add(self, running: Running, nanoseconds: int) -> None:
        """Add time in which these modules run."""
        names, backward = running
        self.own[names[-1] if names else "", backward and bool(names)] += nanoseconds
        for name in set(names):
            self.total[name, backward] += nanoseconds


def module_times(recording: Recording) -> list[ModuleTimes]:
    """Add up each step of a recording; nothing where no module ran in any."""
    if not recording.modules or not recording.spans:
        return [ModuleTimes() for _ in recording.spans]
    events, mine = recording.events, recording.marks.thread
    turns: dict[int, list[_Turn]] = defaultdict(list)
    for turn in sorted(
        chain(map(_of_module, recording.modules), _of_engine(events)),
        key=lambda one: (one.start, -one.end),
    ):
        turns[turn.thread].append(turn)
    # The profiler tells the number that comes next: the last operator with it has got it.
    ours = events.take(events.thread == mine)
    given = ours.take((ours.sequence >= 0) & ~ours.backward)
    forward = dict(zip(given.sequence.tolist(), given.start.tolist(), strict=True))
    homes: dict[str, tuple[str, ...]] = {}
    # Other threads run backward of what the step's own has run.
    main = _Timeline(turns.pop(mine, []), forward, homes)
    threads = {mine: main}
    for thread, own in turns.items():
        threads[thread] = _Timeline(own, forward, homes, main)
    if events.device is not None:
        return _on_device(recording, threads, device_times(events, events.device))
    called = (one.start for one in recording.modules if one.thread == mine)
    steps = _Steps(recording, sorted([*ours.start.tolist(), *called]))
    for moment, running in zip(main.moments[1:], main.running, strict=False):
        steps.reach(moment, running)
    steps.reach(recording.spans[-1][1], main.running[-1])
    _count(steps.found, recording.spans, main.calls)
    return steps.found


class _Turn(NamedTuple):
    """What turns a thread to another module: a call of one, or a function of autograd's engine."""

    name: str
    start: int
    end: int
    thread: int
    is_module: bool
    sequence: int = -1


def _of_module(call: ModuleCall) -> _Turn:
    return _Turn(call.name, call.start, call.end, call.thread, is_module=True)


def _of_engine(events: Events) -> Iterator[_Turn]:
    own = events.take(events.backward & events.named(lambda name: name.startswith(ENGINE)))
    columns = (own.name, own.start, own.end, own.thread, own.sequence)
    for name, start, end, thread, sequence in zip(*(c.tolist() for c in columns), strict=True):
        yield _Turn(events.names[name], start, end, thread, False, sequence)


def _on_device(
    recording: Recording, threads: Mapping[int, "_Timeline"], costs: Ints
) -> list[ModuleTimes]:
    """A call costs what it does on the device; the rest of a step belongs to no module."""
    found = [ModuleTimes() for _ in recording.spans]
    events = recording.events
    dear = (costs != 0) & (events.kind != Kind.ANNOTATION)
    starts, own = events.start[dear], costs[dear]
    of_thread = events.thread[dear].tolist()
    for times, rows in zip(found, begun_in(starts, recording.spans), strict=True):
        columns = (starts[rows].tolist(), own[rows].tolist(), of_thread[rows])
        for moment, took, thread in zip(*columns, strict=True):
            if thread in threads and (running := threads[thread].at(moment))[0]:
                times.add(running, took)
    for times, (start, end) in zip(found, recording.spans, strict=True):
        times.own["", False] = max(0, end - start - sum(times.own.values()))
    for timeline in threads.values():
        _count(found, recording.spans, timeline.calls)
    return found


def _count(
    found: Sequence[ModuleTimes], spans: Sequence[Span], calls: Iterable[tuple[int, str]]
) -> None:
    starts = [start for start, _ in spans]
    for moment, name in calls:
        step = bisect_right(starts, moment) - 1
        if step >= 0 and moment < spans[step][1]:
            found[step].calls[name] += 1


class _Timeline:
    """Which modules run in a thread, from each of `moments` to the next, and when each is called.

    `turns` are the calls of modules and the functions that the engine evaluates, in order.
    `forward` has the moment at which a sequence number was given, in the thread of `main`, and
    `homes` the modules that ran when a module was first called, itself included.
    """

    def __init__(
        self,
        turns: Sequence[_Turn],
        forward: Mapping[int, int],
        homes: dict[str, tuple[str, ...]],
        main: "_Timeline | None" = None,
    ) -> None:
        self.moments = [0]
        self.running: list[Running] = [((), False)]
        self.calls: list[tuple[int, str]] = []
        self._forward, self._homes, self._main = forward, homes, main or self
        self._last: tuple[str, ...] = ()  # the modules of the last function of the engine
        # Of the calls around: when each ends, what ran before, and which module is called.
        around: list[tuple[int, Running, str]] = []
        for event in turns:
            while around and around[-1][0] <= event.start:
                self._turn(*around.pop()[:2])
            before, caller = self.running[-1], around[-1][2] if around else ""
            if event.is_module:
                # A wrapper has the name of what it wraps.
                if event.name != caller:
                    self.calls.append((event.start, event.name))
                around.append((event.end, before, event.name))
                self._turn(event.start, self._called(event.name, *before))
            else:
                around.append((event.end, before, ""))
                self._turn(event.start, self._evaluated(event, *before))
        while around:
            self._turn(*around.pop()[:2])

    def at(self, moment: int) -> Running:
        """What is running then."""
        return self.running[max(0, bisect_right(self.moments, moment) - 1)]

    def _turn(self, moment: int, running: Running) -> None:
        self.moments.append(moment)
        self.running.append(running)

    def _evaluated(self, event: _Turn, names: tuple[str, ...], backward: bool) -> Running:
        given = self._forward.get(event.sequence)
        if given is not None:
            names, _ = self._main.at(given)
        elif event.name == _ACCUMULATE:
            # Right behind the function that has made the gradient.
            names = self._last
        self._last = names
        return names, True

    def _called(self, name: str, names: tuple[str, ...], backward: bool) -> Running:
        if backward and name in self._homes:
            # Checkpointing runs a forward again, from any of the functions that it contains.
            return self._homes[name], True
        names = (*names, name)
        self._homes.setdefault(name, names)
        return names, backward


class _Steps:
    """Shares the time of a thread out to steps.

    `starts` is when each call began that was recorded in it: recording took some of the time.
    """

    def __init__(self, recording: Recording, starts: Sequence[int]) -> None:
        self.found = [ModuleTimes() for _ in recording.spans]
        # Even ones begin steps, odd ones end them.
        self._edges = [*chain.from_iterable(recording.spans)]
        self._starts, self._call = starts, recording.call
        self._edge = self._at = self._number = 0

    def reach(self, moment: int, running: Running) -> None:
        """Count the time up to a moment, in which these modules were running."""
        while self._edge < len(self._edges) and self._at <= moment:
            end = min(moment, self._edges[self._edge])
            # A call that begins there was made by what runs before.
            number = bisect_right(self._starts, end, lo=self._number)
            if self._edge % 2:
                recorded = (number - self._number) * self._call
                self.found[self._edge // 2].add(running, end - self._at - recorded)
            self._at, self._number = end, number
            if self._edges[self._edge] > end:
                return
            self._edge += 1


def modules_of(rounds: Sequence[tuple[ModuleTimes, int]], step_ms: float) -> tuple[ModuleTime, ...]:
    """Return the mean of some rounds, each with its steps, brought to a step of `step_ms`.

    The dearest come first, and "" where no module runs. Nothing where there are no modules.
    """
    names = {name for times, _ in rounds for name in times.calls}
    if not names:
        return ()

    def typical(counts: Iterable[float]) -> float:
        return max(0.0, mean(counts)) / 1e6

    found = []
    for key in (*names, ""):
        name, _, kind = key.rpartition(" (")
        found.append(
            ModuleTime(
                name,
                kind.removesuffix(")"),
                typical(times.own[key, False] / steps for times, steps in rounds),
                typical(times.own[key, True] / steps for times, steps in rounds),
                typical(times.total[key, False] / steps for times, steps in rounds),
                typical(times.total[key, True] / steps for times, steps in rounds),
                mean(times.calls[key] / steps for times, steps in rounds),
                _error(
                    [
                        (times.own[key, False] + times.own[key, True]) / steps
                        for times, steps in rounds
                    ]
                ),
            )
        )
    found.sort(key=lambda one: (-one.own, one.name))
    return brought(found, step_ms)


def _error(values: Sequence[float]) -> float | None:
    """The standard error of the mean of nanoseconds, in milliseconds."""
    return None if len(values) < 4 else stdev(values) / math.sqrt(len(values)) / 1e6
