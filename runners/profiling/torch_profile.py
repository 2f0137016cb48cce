"""Runs the profiler over a few steps and turns what it saw into plain data."""

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from .attribution import StepProfile, of_recording
from .events import NONE, Events, in_order
from .line_marks import LineMarker
from .parts import ENGINE
from .recording import Kind, ModuleCall, Recording, Span, Task, Work, no_collector
from .torch_closures import ClosureMarker
from .torch_modules import MODULE, ModuleMarker

_BACKWARD_SCOPE = 1  # RecordScope::BACKWARD_FUNCTION
# Kineto's names for what it records.
_KINDS = {
    "cpu_op": Kind.OPERATOR,
    "user_annotation": Kind.ANNOTATION,
    "cuda_runtime": Kind.RUNTIME,
    "cuda_driver": Kind.RUNTIME,
}
_DEVICE_WORK = ("kernel", "gpu_memcpy", "gpu_memset")
_COLLECTIVE = re.compile(r"(nccl|rccl)", re.IGNORECASE)
_HERE = "perflint"  # our own annotation; tells which of the profiler's threads runs the steps
_OURS = (_HERE, MODULE)


def profile_steps(step: Callable[[], object], steps: int, root: Path) -> list[StepProfile]:
    """Profile `steps` steps, one after the other; lines are those of files under `root`."""
    return of_recording(record_steps(step, steps, root))


def record_steps(
    step: Callable[[], object], steps: int, root: Path, keep: Path | None = None
) -> Recording:
    """Record `steps` steps; `keep` is where the profiler's own trace is written, gzipped.

    The step before them is recorded and not counted: it meets what the profiler has yet to set up.
    """
    recorder = StepRecorder(root)
    recorder.start()
    spans = []
    try:
        with recorder.marker.watching():
            step()
        for _ in range(steps):
            start = time.time_ns()
            with recorder.marker.watching():
                step()
            spans.append((start, time.time_ns()))
    except BaseException:
        recorder.end()
        raise
    return recorder.stop(spans, keep)


class StepRecorder:
    """The profiler and the line marker, from `start` to `stop`, in the thread of the steps."""

    def __init__(self, root: Path) -> None:
        self.marker = LineMarker(root)
        self._modules = ModuleMarker()
        self._closures = ClosureMarker()
        self._call = 0
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(activities=activities)

    def start(self) -> None:
        """Begin to record; lines are noted where the marker is watching."""
        plain = _small_call()
        self._profile.start()
        with in_this_thread():
            self._call = max(0, _small_call() - plain)
        self._modules.start()
        self._closures.start()

    def stop(self, spans: Sequence[Span], keep: Path | None = None) -> Recording:
        """Stop, and read what was recorded of these steps."""
        self.end()
        if keep is not None:
            self._profile.export_chrome_trace(str(keep))
        return read_recording(self._profile, self.marker, spans, self._call)

    def end(self) -> None:
        """Stop, and leave nothing behind in the process."""
        self._modules.stop()
        self._closures.stop()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._profile.stop()


def read_recording(
    recorded: profile, marker: LineMarker, spans: Sequence[Span], call: int = 0
) -> Recording:
    """Read what a profiler that was stopped has recorded in this thread."""
    with no_collector():
        raw = raw_events(recorded)
        thread = next(event.start_thread_id() for event in raw if event.name() == _HERE)
        events = read_events(raw)
        modules = _modules(events)
        events = events.take(~events.named(lambda name: name.startswith(_OURS)))
        return Recording(events, marker.marks(thread), spans, _work(raw), call, modules)


def in_this_thread() -> record_function:
    """What tells a recording which of its threads runs the steps: to be entered once."""
    return record_function(_HERE)


def _small_call(rounds: int = 5, calls: int = 100) -> int:
    """How long an operator takes that does next to nothing, in nanoseconds: the fastest round."""
    nothing = torch.empty(0)
    fastest = math.inf
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(calls):
            nothing.detach()
        fastest = min(fastest, time.perf_counter_ns() - start)
    return round(fastest / calls)


def raw_events(recorded: profile) -> list[Any]:
    """Get what a profiler that was stopped has recorded, as it has it."""
    seen = recorded.profiler
    if seen is None or seen.kineto_results is None:
        raise RuntimeError("the profiler was never started")
    return list(seen.kineto_results.events())


def read_events(raw: list[Any]) -> Events:
    """Read the host's calls; `key_averages()` takes far longer and knows no lines.

    Nothing is asked that is not needed: each answer takes a tenth of a microsecond.
    """
    kinds = [*_ask(raw, "activity_type")]
    kernels: dict[int, int] = {}
    if not set(kinds).isdisjoint(_DEVICE_WORK):
        for event, kind in zip(raw, kinds, strict=True):
            if kind in _DEVICE_WORK and (link := event.linked_correlation_id()) > 0:
                kernels[link] = kernels.get(link, 0) + event.duration_ns()
    events = in_order(
        [*_ask(raw, "name")],
        _ask(raw, "start_ns"),
        _ask(raw, "end_ns"),
        _ask(raw, "start_thread_id"),
        _ask(raw, "sequence_nr"),
        [scope == _BACKWARD_SCOPE for scope in _ask(raw, "scope")],
        [_KINDS.get(kind, NONE) for kind in kinds],
        [kernels.get(link, 0) for link in _ask(raw, "correlation_id")] if kernels else None,
    )
    ours = events.take((events.kind != NONE) & ~events.named(lambda name: name == _HERE))
    # What the engine does around a backward function has its number, in another scope.
    engine = ours.named(lambda name: name.startswith(ENGINE))
    return replace(ours, backward=ours.backward | engine)


def _ask(raw: list[Any], what: str) -> Iterator[Any]:
    """Call this method of each of the profiler's events, without a step of Python for each."""
    return map(getattr(type(raw[0]), what), raw) if raw else iter(())


def _modules(events: Events) -> list[ModuleCall]:
    """The calls of modules that a `ModuleMarker` has marked."""
    ours = events.take(events.named(lambda name: name.startswith(MODULE)))
    columns = (ours.name.tolist(), ours.start.tolist(), ours.end.tolist(), ours.thread.tolist())
    return [
        ModuleCall(events.names[name].removeprefix(MODULE), start, end, thread)
        for name, start, end, thread in zip(*columns, strict=True)
    ]


def _work(raw: list[Any]) -> list[Work]:
    """Read what the device did, and when the host asked for it."""
    if not torch.cuda.is_available():
        return []
    kinds = [*_ask(raw, "activity_type")]
    asked = {
        event.correlation_id(): event.start_ns()
        for event, kind in zip(raw, kinds, strict=True)
        if _KINDS.get(kind) is Kind.RUNTIME
    }
    return [
        Work(
            event.name(),
            event.start_ns(),
            event.end_ns(),
            _task(kind, event.name()),
            asked.get(event.correlation_id()),
        )
        for event, kind in zip(raw, kinds, strict=True)
        if kind in _DEVICE_WORK
    ]


def _task(activity: str, name: str) -> Task:
    if activity != "kernel":
        return Task.COPY
    return Task.COMMUNICATION if _COLLECTIVE.match(name) else Task.KERNEL
