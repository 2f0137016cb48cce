"""Runs the profiler over a few steps and turns what it saw into plain data."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from ..sides.own_code import OwnCode
from .attribution import StepProfile, summarize
from .recording import Event, Line, Marks

_BACKWARD_SCOPE = 1  # RecordScope::BACKWARD_FUNCTION
# What the engine does around a backward function has that one's sequence number, in another scope.
_ENGINE = "autograd::engine::evaluate_function"
_STEP = "perflint.step"  # our own annotation; tells which of the profiler's threads runs the step


def profile_steps(step: Callable[[], object], steps: int, root: Path) -> list[StepProfile]:
    """Profile `steps` steps, one after the other; lines are those of files under `root`."""
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    marker = _LineMarker(root)
    starts = []
    with profile(activities=activities) as recording:
        for _ in range(steps):
            starts.append(time.time_ns())
            with record_function(_STEP):
                marker.watch(step)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
    raw = list(recording.profiler.kineto_results.events())
    thread = next(event.start_thread_id() for event in raw if event.name() == _STEP)
    return summarize(_events(raw), marker.marks(thread), starts)


class _LineMarker:
    """Notes the time at which each line of the repository starts, in the thread of the step.

    The profiler's own stacks name only the first line of a function.
    """

    def __init__(self, root: Path) -> None:
        self._own = OwnCode(root)
        self._times: list[int] = []
        self._lines: list[Line | None] = []
        self._open: list[Line | None] = []

    def watch(self, step: Callable[[], object]) -> None:
        """Run `step` under the tracer; a tracer that was set before (a debugger's) comes back."""
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            step()
        finally:
            sys.settrace(before)
            self._open.clear()
            self._mark(None)

    def marks(self, thread: int) -> Marks:
        """Return what was noted; `thread` is the profiler's number for this thread."""
        return Marks(self._times, self._lines, thread)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self._own.path(frame.f_code.co_filename) is None:
            return None
        self._open.append(None)
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            line = (self._own.path(frame.f_code.co_filename) or "", frame.f_lineno)
            self._open[-1:] = [line]
            self._mark(line)
        elif event == "return" and self._open:
            self._open.pop()
            self._mark(self._open[-1] if self._open else None)
        return self._on_line

    def _mark(self, line: Line | None) -> None:
        self._times.append(time.time_ns())
        self._lines.append(line)


def _events(raw: list[Any]) -> list[Event]:
    """Read the profiler's raw events; `key_averages()` is 20 times slower and knows no lines."""
    host = DeviceType.CPU
    kernels: dict[int, int] = {}
    for event in raw:
        if event.device_type() != host and event.linked_correlation_id() > 0:
            link = event.linked_correlation_id()
            kernels[link] = kernels.get(link, 0) + event.end_ns() - event.start_ns()
    on_device = bool(kernels)
    return [
        Event(
            event.name(),
            event.start_ns(),
            event.end_ns(),
            event.start_thread_id(),
            event.sequence_nr(),
            event.scope() == _BACKWARD_SCOPE or event.name().startswith(_ENGINE),
            kernels.get(event.correlation_id(), 0) if on_device else None,
        )
        for event in raw
        if event.device_type() == host and event.name() not in ("[memory]", _STEP)
    ]
