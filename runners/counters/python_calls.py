"""Counts the calls of the repository's own Python functions."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from ..sides.own_code import OwnCode

# Part of the function that they stand in; newer Pythons make no call of most of them.
_INLINE = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}


def count_calls(step: Callable[[], object], root: Path) -> int | None:
    """Run one step; return how many calls of functions under `root` its thread made.

    A generator counts each time that it goes on. None where the step sets a profile function of
    its own, which leaves no place for ours, or a profiler in C (cProfile) runs, which could not be
    put back.
    """
    own, calls = OwnCode(root), 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        code = frame.f_code
        if event == "call" and code.co_name not in _INLINE and own.path(code.co_filename):
            calls += 1

    before = sys.getprofile()
    if before is not None and not callable(before):
        step()
        return None
    sys.setprofile(note)
    try:
        step()
        undisturbed = sys.getprofile() is note
    finally:
        sys.setprofile(before)
    return calls if undisturbed else None
