"""Runs the profiler over a few steps and turns what it saw into plain data."""

import gc
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from .attribution import StepProfile, summarize
from .line_marks import LineMarker
from .recording import Event, Kind, Span, Task, Work

_BACKWARD_SCOPE = 1  # RecordScope::BACKWARD_FUNCTION
# What the engine does around a backward function has that one's sequence number, in another scope.
_ENGINE = "autograd::engine::evaluate_function"
# Kineto's names for what it records.
_KINDS = {
    "cpu_op": Kind.OPERATOR,
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
    plain = _small_call()
    with profile(activities=activities) as recording:
        call = _small_call() - plain
        for _ in range(steps):
            start = time.time_ns()
            with step_annotation(), marker.watching():
                step()
            spans.append((start, time.time_ns()))
        if torch.cuda.is_available():
            torch.cuda.synchronize()
    return [replace(step, call=max(0, call)) for step in summarized(recording, marker, spans)]


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


def summarized(recording: profile, marker: LineMarker, spans: Sequence[Span]) -> list[StepProfile]:
    """Read what was recorded of these steps, which ran inside `step_annotation()`."""
    collects = gc.isenabled()
    # Hundreds of thousands of new tuples, none of which can be garbage, would have it run all over.
    gc.disable()
    try:
        raw = list(recording.profiler.kineto_results.events())
        thread = next(event.start_thread_id() for event in raw if event.name() == _STEP)
        return summarize(read_events(raw), marker.marks(thread), spans, _work(raw))
    finally:
        if collects:
            gc.enable()


def step_annotation() -> record_function:
    """What a profiled step runs inside of, so that its thread is known."""
    return record_function(_STEP)


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
            event.scope() == _BACKWARD_SCOPE or name.startswith(_ENGINE),
            kernels.get(event.correlation_id(), 0) if kernels else None,
            kind,
        )
        for event, kind in ours
        if (name := event.name()) != _STEP
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
