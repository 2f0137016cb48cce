"""Decides what setting up changes in a repository. Pure: text that is there, and text we want."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from ... import PerflintError
from .files import TABLE, Wanted

SETTINGS = PurePosixPath("pyproject.toml")


class Do(Enum):
    """What becomes of a file."""

    WRITE = "new"
    ADD = "added to"  # our table goes to the end, what is there stays
    KEEP = "there already"
    LEAVE = "yours"  # it is there and says something else: for its owner to merge


@dataclass(frozen=True, slots=True)
class Step:
    """A file: what it says now (None: nothing), what it would say, and what becomes of it."""

    path: PurePosixPath
    do: Do
    before: str | None
    after: str

    def diff(self) -> str:
        """Show the difference as git would; empty where there is none."""
        old = "" if self.before is None else self.before
        lines = difflib.unified_diff(
            old.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            "/dev/null" if self.before is None else f"a/{self.path}",
            f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def plan(wanted: Sequence[Wanted], there: Mapping[PurePosixPath, str]) -> tuple[Step, ...]:
    """Decide about the settings and each file; `there` has those that exist.

    Raises PerflintError where there is no pyproject.toml, or one that cannot be read.
    """
    return (_settings(there.get(SETTINGS)), *(_step(one, there.get(one.path)) for one in wanted))


def install_line(there: Mapping[PurePosixPath, str], names: Sequence[str]) -> str:
    """Return the command that installs the project; `names` are the files at its root."""
    document = _document(there.get(SETTINGS))
    words = ["--requirement requirements.txt"] if "requirements.txt" in names else []
    if "project" in document or "setup.py" in names:
        words.append("--editable .")
    return f"python -m pip install {' '.join(words or ['torch'])}"


def _step(wanted: Wanted, before: str | None) -> Step:
    do = Do.WRITE if before is None else Do.KEEP if before == wanted.text else Do.LEAVE
    return Step(wanted.path, do, before, wanted.text)


def _settings(before: str | None) -> Step:
    document = _document(before)
    assert before is not None
    tool = document.get("tool", {})
    perflint = tool.get("perflint", {}) if isinstance(tool, dict) else {}
    if isinstance(perflint, dict) and "runners" in perflint:
        return Step(SETTINGS, Do.KEEP, before, before)
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    after = f"{before}{gap}{TABLE}"
    try:
        if tomllib.loads(after)["tool"]["perflint"]["runners"]:
            return Step(SETTINGS, Do.ADD, before, after)
    except tomllib.TOMLDecodeError as error:
        raise PerflintError(
            f"a table cannot be added to {SETTINGS} ({error}): write it there yourself:\n{TABLE}"
        ) from error
    raise PerflintError(f"a table cannot be added to {SETTINGS}: write it there yourself:\n{TABLE}")


def _document(text: str | None) -> dict[str, object]:
    if text is None:
        raise PerflintError(
            f"there is no {SETTINGS} at the root of the repository, where perflint's settings "
            f"live: make one (`touch {SETTINGS}`) and commit it"
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PerflintError(f"cannot read {SETTINGS}: {error}") from error
