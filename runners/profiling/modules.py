"""Time by module: what runs in a step's forward, and the backward that it causes. Pure.

On the host each moment of the step's thread belongs to the innermost module that runs then; in
backward, to the one whose forward operator has the sequence number of the function that autograd's
engine evaluates. What belongs to no module is told as such, so that all adds up to the step. With a
device a module has the kernels that it caused, as lines do.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import mean

from .parts import ENGINE
from .profile import ModuleTime, brought
from .recording import Event, Kind, Recording, Span, in_order

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


def module_times(recording: Recording, cost: Callable[[Event], int]) -> list[ModuleTimes]:
    """Add up each step of a recording; nothing where no module ran in any.

    `cost` is what a call costs on a device by itself, in nanoseconds.
    """
    if not recording.modules:
        return [ModuleTimes() for _ in recording.spans]
    ordered = in_order([*recording.modules, *recording.events])
    if any(event.device is not None for event in recording.events):
        return _on_device(ordered, recording, cost)
    steps = _Steps(recording.spans, recording.call)
    around = _Around(_Known())
    for event in ordered:
        if event.thread != recording.marks.thread:
            continue
        if around.ends <= event.start:
            for end, running in around.leave(event.start):
                steps.reach(end, running)
        if event.start >= steps.until:
            steps.reach(event.start, around.now)
        steps.calls += 1
        # Most are operators, and change nothing of what is running.
        if _turns(event):
            steps.reach(event.start, around.now)
            if around.enter(event):
                steps.called(event.name)
        else:
            around.note(event)
    last = recording.spans[-1][1] if recording.spans else 0
    for end, running in around.leave(last):
        steps.reach(end, running)
    steps.reach(last, around.now)
    return steps.found


def _on_device(
    ordered: Sequence[Event], recording: Recording, cost: Callable[[Event], int]
) -> list[ModuleTimes]:
    """A call costs what it does on the device; the rest of a step belongs to no module."""
    found = [ModuleTimes() for _ in recording.spans]
    known = _Known()
    threads: dict[int, _Around] = {}
    step, following = -1, [*(start for start, _ in recording.spans), math.inf]
    for event in ordered:
        while following[step + 1] <= event.start:
            step += 1
        around = threads.get(event.thread)
        if around is None:
            around = threads[event.thread] = _Around(known)
        for _ in around.leave(event.start):
            pass
        if _turns(event):
            if around.enter(event) and step >= 0:
                found[step].calls[event.name] += 1
        elif event.thread == recording.marks.thread:
            # Other threads count their operators by themselves.
            around.note(event)
        if step >= 0 and event.kind not in (Kind.MODULE, Kind.ANNOTATION) and around.now[0]:
            found[step].add(around.now, cost(event))
    for times, (start, end) in zip(found, recording.spans, strict=True):
        times.own["", False] = max(0, end - start - sum(times.own.values()))
    return found


def _turns(event: Event) -> bool:
    """Whether a thread turns to another module with this call."""
    return event.kind is Kind.MODULE or (event.backward and event.name.startswith(ENGINE))


@dataclass(frozen=True, slots=True)
class _Known:
    """What was seen so far, of all threads.

    `forward` maps autograd's sequence numbers to the modules whose forward operator got them. The
    profiler tells the number that comes next, so that the last operator with it is the one. `homes`
    has the modules that ran when a module was first called, itself included.
    """

    forward: dict[int, tuple[str, ...]] = field(default_factory=dict)
    homes: dict[str, tuple[str, ...]] = field(default_factory=dict)


class _Around:
    """The modules that run in a thread, `now`, and when the innermost of them ends."""

    def __init__(self, known: _Known) -> None:
        self.now: Running = ((), False)
        self.ends: float = math.inf
        self._known = known
        self._open: list[tuple[int, Running]] = []  # when each ends, and what was running before
        self._last: tuple[str, ...] = ()  # the modules of the last function of backward

    def leave(self, moment: int) -> Iterator[tuple[int, Running]]:
        """End what ends up to a moment: yield each end, and what was running until then."""
        while self._open and self._open[-1][0] <= moment:
            end, before = self._open.pop()
            self.ends = self._open[-1][0] if self._open else math.inf
            yield end, self.now
            self.now = before

    def note(self, event: Event) -> None:
        """Remember where a forward operator was called."""
        if event.sequence >= 0 and not event.backward:
            self._known.forward[event.sequence] = self.now[0]

    def enter(self, event: Event) -> bool:
        """Begin a module or a function of the engine; whether it is a call of a module."""
        names, backward = self.now
        self._open.append((event.end, self.now))
        self.ends = event.end
        if event.kind is not Kind.MODULE:
            # A gradient is accumulated right behind the function that has made it.
            lasting = self._last if event.name == _ACCUMULATE else names
            self._last = self._known.forward.get(event.sequence, lasting)
            self.now = self._last, True
            return False
        name = event.name
        if backward and name in self._known.homes:
            # Checkpointing runs a forward again, from any of the functions that it contains.
            self.now = self._known.homes[name], True
        else:
            self.now = (*names, name), backward
            self._known.homes.setdefault(name, self.now[0])
        # A wrapper has the name of what it wraps.
        return names[-1:] != (name,)


class _Steps:
    """Shares time out to steps; `until` is where the present step, or what is before it, ends.

    `calls` have been recorded since the moment that was reached last.
    """

    def __init__(self, spans: Sequence[Span], call: int) -> None:
        self.found = [ModuleTimes() for _ in spans]
        self._edges = [*chain.from_iterable(spans)]  # even ones begin steps, odd ones end them
        self._edge = self._at = 0
        self._call = call
        self.until: float = self._edges[0] if self._edges else math.inf
        self.calls = 0

    def reach(self, moment: int, running: Running) -> None:
        """Count the time up to a moment, in which these modules were running."""
        if self.calls:
            self._add(running, -self.calls * self._call)
            self.calls = 0
        while self._edge < len(self._edges) and self._at < moment:
            end = min(moment, self._edges[self._edge])
            self._add(running, end - self._at)
            self._at = end
            while self._edge < len(self._edges) and self._edges[self._edge] <= end:
                self._edge += 1
        self.until = self._edges[self._edge] if self._edge < len(self._edges) else math.inf

    def called(self, name: str) -> None:
        """Count a call of a module that begins now."""
        if self._edge % 2:
            self.found[self._edge // 2].calls[name] += 1

    def _add(self, running: Running, nanoseconds: int) -> None:
        if self._edge % 2:
            self.found[self._edge // 2].add(running, nanoseconds)


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
            )
        )
    found.sort(key=lambda one: (-one.own, one.name))
    return brought(found, step_ms)
