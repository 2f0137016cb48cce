"""Notes when the thread of the step reaches which line of the repository; needs no torch.

PyTorch's own stacks name only the first line of a function. From Python 3.12 on this listens to
`sys.monitoring`, which leaves code of others alone once it has been seen; before that, and where
another tool has taken all its places, it traces.
"""

import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from ..sides.own_code import OwnCode
from .recording import Line, Marks

# `sys.monitoring` has six places; 0, 1, 2 and 5 are meant for debuggers, coverage, profilers and
# optimizers, by PEP 669.
_PLACES = (3, 4, 2)


class LineMarker:
    """Notes lines of files under `root`, in the thread that calls `watching`."""

    def __init__(self, root: Path) -> None:
        self._own = OwnCode(root)
        self._times: list[int] = []
        self._lines: list[Line | None] = []
        self._depths: list[int] = []
        self._open: list[Line | None] = []
        self._watching: AbstractContextManager[None] | None = None
        self._be_silent: Callable[[], object] = _nothing

    def marks(self, thread: int) -> Marks:
        """Return what was noted; `thread` is the profiler's number for this thread."""
        return Marks(self._times, self._lines, thread, self._depths)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note lines for as long as the block runs; a tracer that was set before comes back.

        A process that is forked meanwhile, as a loader's workers are, notes none.
        """
        _listen_for_forks()
        monitoring = getattr(sys, "monitoring", None)
        place = _free_place(monitoring) if monitoring else None
        with self._traced() if place is None else self._monitored(monitoring, place):
            _active.append(self)
            try:
                yield
            finally:
                _active.remove(self)
                self._open.clear()
                self._mark(None)

    def start(self) -> None:
        """Note lines from now on, those of functions that run already included, until `stop`."""
        running = [frame for frame in _stack() if self._own.path(frame.f_code.co_filename)]
        self._open = [self._line_of(frame, frame.f_lineno) for frame in running]
        self._mark(self._open[-1] if self._open else None)
        self._watching = self.watching()
        self._watching.__enter__()
        if not hasattr(sys, "monitoring") or sys.gettrace() == self._on_call:
            for frame in running:
                frame.f_trace = self._on_line

    def stop(self) -> None:
        """Stop noting lines."""
        if self._watching is not None:
            self._watching.__exit__(None, None, None)
        self._watching = None
        self._let_frames_go()

    def forget(self) -> None:
        """Note nothing any more: this is a process that was forked while lines were noted."""
        self._be_silent()
        self._let_frames_go()

    def _let_frames_go(self) -> None:
        for frame in _stack():
            if frame.f_trace == self._on_line:
                frame.f_trace = None

    @contextmanager
    def _traced(self) -> Iterator[None]:
        before = sys.gettrace()

        def be_silent() -> None:
            # Another thread, which nothing traces, may be the one that forks.
            if sys.gettrace() == self._on_call:
                sys.settrace(before)

        self._be_silent = be_silent
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self._own.path(frame.f_code.co_filename) is None:
            return None
        self._open.append(None)
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self._reach(self._line_of(frame, frame.f_lineno))
        elif event == "return":
            self._leave()
        return self._on_line

    @contextmanager
    def _monitored(self, monitoring: Any, place: int) -> Iterator[None]:
        events, mine = monitoring.events, threading.get_ident()
        disable, path = monitoring.DISABLE, self._own.path

        def ours(then: Callable[[CodeType, int], None], *, stop: Any) -> Callable[..., Any]:
            def hear(code: CodeType, number: int, *more: object) -> Any:
                if path(code.co_filename) is None:
                    return stop
                if threading.get_ident() == mine:
                    then(code, number)
                return None

            return hear

        heard = {
            ours(lambda code, _: self._open.append(None), stop=disable): (
                events.PY_START,
                events.PY_RESUME,
            ),
            ours(lambda code, _: self._open.append(None), stop=None): (events.PY_THROW,),
            ours(lambda code, _: self._leave(), stop=disable): (
                events.PY_RETURN,
                events.PY_YIELD,
            ),
            ours(lambda code, _: self._leave(), stop=None): (events.PY_UNWIND,),
            ours(lambda code, line: self._reach((path(code.co_filename) or "", line)),
                 stop=disable): (events.LINE,),
        }  # fmt: skip
        self._be_silent = lambda: monitoring.set_events(place, 0)
        monitoring.use_tool_id(place, "perflint")
        try:
            for call, which in heard.items():
                for event in which:
                    monitoring.register_callback(place, event, call)
            monitoring.set_events(place, sum(event for which in heard.values() for event in which))
            yield
        finally:
            monitoring.set_events(place, 0)
            monitoring.free_tool_id(place)

    def _line_of(self, frame: FrameType, number: int) -> Line:
        return self._own.path(frame.f_code.co_filename) or "", number

    def _reach(self, line: Line) -> None:
        self._open[-1:] = [line]
        self._mark(line)

    def _leave(self) -> None:
        if self._open:
            self._open.pop()
            self._mark(self._open[-1] if self._open else None)

    def _mark(self, line: Line | None) -> None:
        self._times.append(time.time_ns())
        self._lines.append(line)
        self._depths.append(len(self._open))


_active: list[LineMarker] = []


@functools.cache
def _listen_for_forks() -> None:
    os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    for marker in _active:
        marker.forget()


def _nothing() -> None:
    """What there is to be silenced before lines are noted."""


def _free_place(monitoring: Any) -> int | None:
    return next((place for place in _PLACES if monitoring.get_tool(place) is None), None)


def _stack() -> list[FrameType]:
    """The functions of this thread that run now, the outermost first, without this one's caller."""
    frames = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]
