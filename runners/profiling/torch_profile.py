"""Runs the profiler over a few steps and turns what it saw into plain data."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from .attribution import StepProfile, summarize
from .line_marks import LineMarker
from .recording import Event, Kind, Task, Work

_BACKWARD_SCOPE = 1  # RecordScope::BACKWARD_FUNCTION
# What the engine does around a backward function has that one's sequence number, in another scope.
_ENGINE = "autograd::engine::evaluate_function"
# Kineto's names for what it records.
_KINDS = {
    "user_annotation": Kind.ANNOTATION,
    "cuda_runtime": Kind.RUNTIME,
    "cuda_driver": Kind.RUNTIME,
}
_DEVICE_WORK = ("kernel", "gpu_memcpy", "gpu_memset")
_COLLECTIVE = re.compile(r"(nccl|rccl)", re.IGNORECASE)
_STEP = "perflint.step"  # our own annotation; tells which of the profiler's threads runs the step


def profile_steps(step: Callable[[], object], steps: int, root: Path) -> list[StepProfile]:
    """Profile `steps` steps, one after the other; lines are those of files under `root`."""
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    marker = LineMarker(root)
    spans = []
    with profile(activities=activities) as recording:
        for _ in range(steps):
            start = time.time_ns()
            with record_function(_STEP), marker.watching():
                step()
            spans.append((start, time.time_ns()))
        if torch.cuda.is_available():
            torch.cuda.synchronize()
    raw = list(recording.profiler.kineto_results.events())
    thread = next(event.start_thread_id() for event in raw if event.name() == _STEP)
    return summarize(_events(raw), marker.marks(thread), spans, _work(raw))


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
            _KINDS.get(event.activity_type(), Kind.OPERATOR),
        )
        for event in raw
        if event.device_type() == host and event.name() not in ("[memory]", _STEP)
    ]


def _work(raw: list[Any]) -> list[Work]:
    """Read what the device did, and when the host asked for it."""
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
