"""Which line of whose code is running. Reads frames, imports nothing of the traced program."""

import os
import sys
from types import FrameType

from .trace import Frame

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_DEEPEST = 40
_WITHOUT_FILE = ("<string>", "<stdin>")
# Where packages are installed: a file below one of these is not the user's own.
INSTALLED = ("site-packages", "dist-packages")


class Sites:
    """Says where the traced program is. `torch_folder` is PyTorch's; its lines are passed over."""

    def __init__(self, torch_folder: str, standard_library: str) -> None:
        self._passed = (os.path.join(torch_folder, ""), _OWN_FOLDER)
        self._standard = os.path.join(standard_library, "")
        # Python names a script as it was typed, and the folder may change later.
        self._folder = os.getcwd()
        self._known: dict[str, tuple[str, bool, bool]] = {}

    def chain(self, frame: FrameType | None) -> tuple[Frame, ...]:
        """List the lines that run, innermost first, without PyTorch's and perflint's own.

        Code that has no file (`python -c`, the standard input) is listed where there is no other.
        """
        frames: list[Frame] = []
        without_file: list[Frame] = []
        while frame is not None and len(frames) < _DEEPEST:
            path, passed, _ = self._file(frame.f_code.co_filename)
            if not passed or path in _WITHOUT_FILE:
                kept = without_file if passed else frames
                kept.append(Frame(path, frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        return tuple(frames or without_file[:_DEEPEST])

    def absolute(self, path: str) -> str:
        """Return a path that may have been relative when the process began."""
        return self._file(path)[0]

    def is_own(self, path: str) -> bool:
        """Whether a file is the user's own, not an installed package's or Python's."""
        return self._file(path)[2]

    def own(self, chain: tuple[Frame, ...]) -> Frame | None:
        """Return the innermost line of the chain that is in a file of the user's own."""
        return next((frame for frame in chain if self.is_own(frame.path)), None)

    def direct(self, frame: FrameType | None) -> FrameType | None:
        """Return the frame that has called perflint, None if that is a line of PyTorch's."""
        while frame is not None and frame.f_code.co_filename.startswith(_OWN_FOLDER):
            frame = frame.f_back
        return None if frame is None or self._file(frame.f_code.co_filename)[1] else frame

    def _file(self, name: str) -> tuple[str, bool, bool]:
        """Return the absolute path, whether it is passed over, and whether it is the user's own."""
        known = self._known.get(name)
        if known is None:
            made_up = name.startswith("<")
            path = name if made_up else os.path.normpath(os.path.join(self._folder, name))
            passed = made_up or path.startswith(self._passed)
            outside = passed or path.startswith(self._standard)
            is_own = not outside and not any(part in path.split(os.sep) for part in INSTALLED)
            known = self._known[name] = (path, passed, is_own)
        return known


def caller(depth: int = 1) -> FrameType | None:
    """Return the frame `depth` levels above the caller of this function."""
    return sys._getframe(depth + 1)
