"""Profiles steps for `perflint profile`: some without a profiler, for the clock, then some with."""

import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import torch

from ..counters import torch_compile
from .attribution import merge, of_recording
from .captured import TRACE, Captured, Plan, blocks, sources
from .flame import flame
from .profile import scaled
from .recording import Recording, Span
from .torch_held import ScriptMemory, step_memory
from .torch_profile import StepRecorder, record_steps

# A longer recording is dropped as a file: people want to open it in a browser.
LARGEST_TRACE_BYTES = 100 * 1024 * 1024

_AUTOGRAD: Any = torch.autograd  # what is asked of it is not in its stubs
_OTHER = (
    "the script starts a profiler of its own, beside which ours cannot run: nothing is profiled "
    "(take it out, or have it start later)"
)


def capture_steps(step: Callable[[], object], plan: Plan) -> Captured:
    """Profile a step that can be called: the perf test's."""
    for _ in range(plan.skip):
        step()
    clock = []
    for _ in range(plan.steps):
        _synchronize()
        start = time.perf_counter()
        step()
        _synchronize()
        clock.append(time.perf_counter() - start)
    recording = record_steps(step, plan.steps, plan.root, plan.out / TRACE)
    found = captured(plan, recording, median(clock))
    return replace(found, memory=step_memory(step, plan.root))


class ScriptCapture:
    """Profiles a script from its inside: `boundary` is called where a step of it ends."""

    def __init__(self, plan: Plan, done: Callable[[Captured], None]) -> None:
        self._plan, self._done = plan, done
        self._ended = 0
        self._clock: list[float] = []
        self._at = time.perf_counter()
        self._recorder: StepRecorder | None = None
        self._spans: list[Span] = []
        self._since = 0
        self._captured: Captured | None = None
        self._memory = ScriptMemory(plan.root)
        self._other = _OtherProfiler()
        self.is_over = False

    def boundary(self) -> None:
        """Take notice that a step has ended."""
        if self.is_over:
            return
        if self._captured is not None:
            self._look_at_memory()
            return
        self._ended += 1
        plan, ended = self._plan, self._ended
        if self._recorder is not None:
            now = time.time_ns()
            # As in `record_steps`, the first one does not count.
            if self._since:
                self._spans.append((self._since, now))
            self._since = now
            if len(self._spans) == plan.steps:
                self._captured = self._sum_up(self._recorder)
                self._look_at_memory()
            return
        if ended > plan.skip:
            _synchronize()
            self._clock.append(time.perf_counter() - self._at)
        if ended == plan.skip + plan.steps:
            self._begin()
        self._at = time.perf_counter()

    def _begin(self) -> None:
        if _AUTOGRAD._profiler_enabled():
            self._give_way()
            return
        self._recorder = StepRecorder(self._plan.root)
        self._recorder.start()
        self._recorder.marker.start()
        self._other.watch(self._give_way)

    def _give_way(self) -> None:
        """Leave PyTorch's profiler, of which there is one, to the script; say so."""
        self.is_over = True
        self._memory.close()
        if self._recorder is not None:
            self._recorder.marker.stop()
            self._recorder.end()
        print(f"perflint: {_OTHER}", file=sys.stderr)

    def _look_at_memory(self) -> None:
        # What is held in compiled steps belongs to no line.
        if not torch_compile.is_compiled():
            self._memory.boundary()
        if torch_compile.is_compiled() or self._memory.found is not None:
            self.end()

    def forget(self) -> None:
        """Do nothing any more: this is a process that the script has forked."""
        self.is_over = True

    def end(self) -> None:
        """Finish with the steps that there are: the script ends, or there are enough."""
        if self.is_over:
            return
        self.is_over = True
        self._other.leave()
        self._memory.close()
        if self._recorder is None:
            return
        if not self._spans:
            self._recorder.marker.stop()
            self._recorder.end()
            return
        found = self._captured or self._sum_up(self._recorder)
        if self._memory.found is not None:
            found = replace(found, memory=self._memory.found)
        elif self._captured is not None:
            why = "compiled" if torch_compile.is_compiled() else "too few"
            note = f"what holds memory is not told: the script's steps are {why}"
            found = replace(found, notes=(*found.notes, note))
        self._done(found)

    def _sum_up(self, recorder: StepRecorder) -> Captured:
        self._other.leave()
        recorder.marker.stop()
        recording = recorder.stop(self._spans, self._plan.out / TRACE)
        return captured(self._plan, recording, median(self._clock))


class _OtherProfiler:
    """Tells when somebody else is about to start PyTorch's profiler, which runs once at a time."""

    def __init__(self) -> None:
        self._prepare: Callable[[Any], None] | None = None

    def watch(self, found: Callable[[], None]) -> None:
        """Call `found` before another one starts."""
        kind = _AUTOGRAD.profiler.profile
        prepare = self._prepare = kind._prepare_trace

        def prepared(other: Any) -> None:
            self.leave()
            found()
            prepare(other)

        kind._prepare_trace = prepared

    def leave(self) -> None:
        """Watch no more."""
        if self._prepare is not None:
            _AUTOGRAD.profiler.profile._prepare_trace, self._prepare = self._prepare, None


def captured(plan: Plan, recording: Recording, clock: float) -> Captured:
    """Sum a recording up; `clock` is the seconds of a step without a profiler."""
    whole = merge(of_recording(recording))
    summary = scaled(whole, clock * 1e3)
    notes = []
    trace: str | None = TRACE
    if (plan.out / TRACE).stat().st_size > LARGEST_TRACE_BYTES:
        (plan.out / TRACE).unlink()
        trace = None
        notes.append(
            f"the trace was larger than {LARGEST_TRACE_BYTES >> 20} MiB and was not kept: "
            "profile fewer steps (--steps)"
        )
    if len(recording.spans) < plan.steps:
        notes.append(f"{len(recording.spans)} steps were profiled: the script had no more")
    tree = blocks(flame(recording), clock * 1e3)
    return Captured(
        plan.what,
        summary,
        clock * 1e3,
        whole.step_ms,
        tree,
        sources(summary, plan.root),
        _environment(),
        tuple(notes),
        trace,
    )


def _environment() -> dict[str, str]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device,
        "threads": str(torch.get_num_threads()),
    }


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
