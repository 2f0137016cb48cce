"""Writes to the log of a GitHub Actions run: what strangers wrote is never a command there.

The runner takes a line for a command where it begins with `::`, after any white space, and where
`##[` stands anywhere in it (`src/Runner.Common/ActionCommand.cs` of actions/runner).
"""

import io
import sys
from collections.abc import Iterable
from typing import TextIO, cast

from .annotation import Annotation, Level
from .markdown import inert

_COMMANDS = {Level.FAILURE: "error", Level.WARNING: "warning", Level.NOTICE: "notice"}


def plain(text: str, limit: int = 400) -> str:
    """`text` as one line that no log takes for a command."""
    return _tamed(inert(text.strip(), limit).strip())


def warn(text: str, *, in_actions: bool = True) -> None:
    """Say aloud what could not be done; GitHub Actions shows it on the page of the run too."""
    print(f"perflint: {text}", file=sys.stderr)
    if in_actions:
        _command("warning", text, title="perflint")


def annotate(annotations: Iterable[Annotation]) -> None:
    """Let GitHub Actions show annotations beside the lines, where no check run can be written."""
    for one in annotations:
        where = {"file": one.path, "line": str(one.start_line), "endLine": str(one.end_line)}
        _command(_COMMANDS[one.level], one.message, **where, title=one.title)


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


def _command(name: str, text: str, **properties: str) -> None:
    """Write a command; nothing in it can end its line or begin another one."""
    words = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    sys.stdout.flush()
    stream = sys.stdout.unguarded if isinstance(sys.stdout, GuardedStream) else sys.stdout
    print(f"::{name} {words}::{_data(text)}", file=stream, flush=True)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _tamed(line: str) -> str:
    line = line.replace("##[", "## [")
    return line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line
