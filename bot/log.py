"""Writes to the log of a GitHub Actions run: what strangers wrote is never a command there.

The runner takes a line for a command where it begins with `::`, after any white space, and where
`##[` stands anywhere in it (`src/Runner.Common/ActionCommand.cs` of actions/runner).
"""

import io
import sys
from typing import TextIO, cast

from .markdown import inert


def plain(text: str, limit: int = 400) -> str:
    """`text` as one line that no log takes for a command."""
    return _tamed(inert(text.strip(), limit).strip())


def warn(text: str) -> None:
    """Show a warning on the page of the run."""
    _command("warning", text)


def guard() -> None:
    """From now on nothing that this process writes is a command, save what is meant as one."""
    if not isinstance(sys.stdout, GuardedStream):
        sys.stdout = cast(TextIO, GuardedStream(sys.stdout))
        sys.stderr = cast(TextIO, GuardedStream(sys.stderr))


class GuardedStream(io.TextIOBase):
    """A stream whose lines are never commands, whoever wrote them; a traceback's are not either."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.unguarded = stream
        self._begun = ""

    def write(self, text: str) -> int:
        """Write whole lines; the rest of the text waits for the end of its line."""
        *lines, self._begun = (self._begun + text).replace("\r", "\n").split("\n")
        for line in lines:
            self.unguarded.write(f"{_tamed(line)}\n")
        return len(text)

    def flush(self) -> None:
        """End the line that is begun: two halves that are harmless could be a command together."""
        if self._begun:
            self.write("\n")
        self.unguarded.flush()


def _command(name: str, text: str) -> None:
    said = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    sys.stdout.flush()
    stream = sys.stdout.unguarded if isinstance(sys.stdout, GuardedStream) else sys.stdout
    print(f"::{name} title=perflint::{said}", file=stream, flush=True)


def _tamed(line: str) -> str:
    line = line.replace("##[", "## [")
    return line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line
