"""Which lines a change adds or edits, as `git diff` tells."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import PerflintError

_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
}
# Set while a git hook runs; they would turn every command to the hook's own repository and index.
_OF_A_HOOK = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
}
_DIFF = (
    *("-c", "core.quotePath=false", "diff", "-U0", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--no-renames", "--src-prefix=a/", "--dst-prefix=b/", "--no-relative", "--submodule=short"),
    *("--inter-hunk-context=0", "--ignore-submodules=all"),
)


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """For each path, the ranges of lines (first, last) that are new; None says the whole file."""

    ranges: Mapping[str, tuple[tuple[int, int], ...] | None] = field(default_factory=dict)

    def has(self, path: str, line: int) -> bool:
        """Whether the change adds or edits this line."""
        return self.touches(path, line, line)

    def touches(self, path: str, first: int, last: int) -> bool:
        """Whether the change adds or edits any of these lines."""
        if path not in self.ranges:
            return False
        ranges = self.ranges[path]
        return ranges is None or any(a <= last and first <= b for a, b in ranges)

    def paths(self) -> tuple[str, ...]:
        """Return the files that the change adds or edits, sorted."""
        return tuple(sorted(self.ranges))


def parse_diff(text: str) -> ChangedLines:
    """Read `git diff`. A deleted file is left out; a file that only lost lines has no range."""
    found: dict[str, list[tuple[int, int]]] = {}
    path: str | None = None
    removed = added = 0
    # Not splitlines(): a form feed within a line ends no line of a diff.
    for line in text.split("\n"):
        if added or removed:
            # Within a hunk every line is content, whatever it looks like.
            added -= line.startswith("+")
            removed -= line.startswith("-")
            if line.startswith(" "):
                added, removed = added - 1, removed - 1
        elif line.startswith("+++ "):
            path = _target(line[4:])
            if path is not None:
                found.setdefault(path, [])
        elif (hunk := _HUNK.match(line)) and path is not None:
            removed, first, added = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            if added:
                found[path].append((first, first + added - 1))
        elif hunk := _HUNK.match(line):
            removed, added = int(hunk[1] or 1), int(hunk[3] or 1)
    return ChangedLines({path: tuple(ranges) for path, ranges in found.items()})


def changed_lines(root: Path, base: str, head: str | None = None) -> ChangedLines:
    """Ask git what `head` (the working tree where None) adds to `base`; paths are relative to root.

    Files that git does not know yet count as a whole, when head is the working tree.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    sides = [_commit(root, base)] + ([_commit(root, head)] if head is not None else [])
    changed = parse_diff(_git(top, *_DIFF, *sides, "--"))
    ranges = dict(changed.ranges)
    if head is None:
        others = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
        ranges |= {path: None for path in others.split("\0") if path}
    home = root.resolve()
    return ChangedLines(
        {Path(os.path.relpath(top / path, home)).as_posix(): r for path, r in ranges.items()}
    )


def _commit(root: Path, revision: str) -> str:
    """Return the commit that a revision names, so that no revision is taken for an option."""
    try:
        return _git(
            root, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}"
        ).strip()
    except PerflintError as error:
        raise PerflintError(
            f"git knows no revision {revision!r} here: fetch it (in CI, check out with the whole "
            "history) or name another"
        ) from error


def _git(folder: Path, *words: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    import subprocess  # most checks ask git nothing

    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            check=False,
            env={**inherited, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except FileNotFoundError as error:
        raise PerflintError(
            "git is not installed, and only git knows which lines changed"
        ) from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        if "not a git repository" in reason[-1]:
            raise PerflintError(
                f"{folder} is no git repository, so no lines are known to be changed"
            )
        raise PerflintError(f"git {words[0]} failed in {folder}: {reason[-1]}")
    return done.stdout.decode(errors="surrogateescape")


def _target(text: str) -> str | None:
    """Return the path after `+++ `; None for a deleted file."""
    text = text.rstrip("\r").removesuffix("\t")
    if text.startswith('"') and text.endswith('"'):
        text = _unquoted(text[1:-1])
    return None if text == "/dev/null" else text.removeprefix("b/")


def _unquoted(text: str) -> str:
    """Undo git's quoting of a path: backslashes, and bytes as three octal digits."""

    def byte(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code, 8) & 255]) if len(code) == 3 else _LETTERS.get(code, code)

    raw = text.encode(errors="surrogateescape")
    return _ESCAPE.sub(byte, raw).decode(errors="surrogateescape")
