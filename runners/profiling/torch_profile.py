"""Runs the profiler over a few steps and turns what it saw into plain data."""

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from .attribution import StepProfile, of_recording
from .line_marks import LineMarker
from .parts import ENGINE
from .recording import Event, Kind, Recording, Span, Task, Work, in_order, no_collector
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
        raw = _raw_events(recorded)
        thread = next(event.start_thread_id() for event in raw if event.name() == _HERE)
        events = in_order(read_events(raw))
        marks, modules = marker.marks(thread), _modules(raw)
        return Recording(events, marks, spans, _work(raw), call, modules)


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


def _raw_events(recorded: profile) -> list[Any]:
    seen = recorded.profiler
    if seen is None or seen.kineto_results is None:
        raise RuntimeError("the profiler was never started")
    return list(seen.kineto_results.events())


def read_events(raw: list[Any]) -> list[Event]:
    """Read the profiler's raw events; `key_averages()` takes far longer and knows no lines."""
    kinds = [event.activity_type() for event in raw]
    kernels: dict[int, int] = {}
    if not set(kinds).isdisjoint(_DEVICE_WORK):
        for event, kind in zip(raw, kinds, strict=True):
            if kind in _DEVICE_WORK and (link := event.linked_correlation_id()) > 0:
                kernels[link] = kernels.get(link, 0) + event.end_ns() - event.start_ns()
    ours = [(event, _KINDS[kind]) for event, kind in zip(raw, kinds, strict=True) if kind in _KINDS]
    return [
        Event(
            name,
            event.start_ns(),
            event.end_ns(),
            event.start_thread_id(),
            event.sequence_nr(),
            # What the engine does around a backward function has its number, in another scope.
            event.scope() == _BACKWARD_SCOPE or name.startswith(ENGINE),
            kernels.get(event.correlation_id(), 0) if kernels else None,
            kind,
        )
        for event, kind in ours
        if not (name := event.name()).startswith(_OURS)
    ]


def _modules(raw: list[Any]) -> list[Event]:
    """Read the calls of modules that a `ModuleMarker` has marked."""
    return [
        Event(
            name.removeprefix(MODULE),
            event.start_ns(),
            event.end_ns(),
            event.start_thread_id(),
            kind=Kind.MODULE,
        )
        for event in raw
        if (name := event.name()).startswith(MODULE)
    ]


def _work(raw: list[Any]) -> list[Work]:
    """Read what the device did, and when the host asked for it."""
    if not torch.cuda.is_available():
        return []
    asked = {
        event.correlation_id(): event.start_ns()
        for event in raw
        if _KINDS.get(event.activity_type()) is Kind.RUNTIME
    }
    return [
        Work(
            event.name(),
            event.start_ns(),
            event.end_ns(),
            _task(event.activity_type(), event.name()),
            asked.get(event.correlation_id()),
        )
        for event in raw
        if event.activity_type() in _DEVICE_WORK
    ]


def _task(activity: str, name: str) -> Task:
    if activity != "kernel":
        return Task.COPY
    return Task.COMMUNICATION if _COLLECTIVE.match(name) else Task.KERNEL
