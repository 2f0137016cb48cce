"""Walks paths for Python files and reads them, with what could not be read as plain words."""

import io
import os
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .. import PerflintError

_SKIPPED = {"node_modules", "__pycache__", "venv", "site-packages"}
_SUFFIXES = {".py", ".pyw"}
_PYTHON_SHEBANG = re.compile(rb"#!.*\bpython")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's text as Python reads it, and how to write it back."""

    text: str
    encoding: str


class UnreadableError(Exception):
    """A file is no Python text; the message says why."""


def python_files(
    paths: Sequence[Path], exclude: Iterable[str], root: Path, *, given_anyway: bool = True
) -> Iterator[Path]:
    """Yield each Python file below the paths once, sorted, without what the globs exclude.

    A path that is itself a file is yielded whatever it is called, unless `given_anyway` is unset.
    Raises PerflintError for a path that does not exist.
    """
    seen: set[str] = set()
    for path in paths:
        for file in _below(path, given_anyway):
            text = os.path.abspath(file)
            if text not in seen and not excluded(os.path.relpath(text, root), exclude):
                seen.add(text)
                yield Path(text)


def read_source(path: Path) -> SourceFile:
    """Read a file in the encoding it declares. Raises UnreadableError."""
    try:
        if path.is_dir():
            raise UnreadableError("is a folder whose files cannot be listed")
        if not path.is_file():
            raise UnreadableError("is no regular file")
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    if path.suffix == ".ipynb":
        raise UnreadableError("is a notebook; perflint reads Python files")
    if b"\0" in raw:
        raise UnreadableError("is no text: it holds null bytes")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return SourceFile(raw.decode(encoding), encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnreadableError(f"is no Python text: {error}") from error


def excluded(relative: str, globs: Iterable[str]) -> bool:
    """Whether a path, or a folder that it lies in, fits one of the globs."""
    path = relative.replace(os.sep, "/")
    parts = path.split("/")
    starts = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for glob in globs:
        pattern = _pattern(glob.strip("/").removeprefix("./"))
        candidates = starts if "/" in glob.strip("/") else parts
        if any(pattern.fullmatch(candidate) for candidate in candidates):
            return True
    return False


def is_python(path: Path) -> bool:
    """Whether a file calls itself Python, by its suffix or its first line."""
    if path.suffix in _SUFFIXES:
        return True
    if path.suffix or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return bool(_PYTHON_SHEBANG.match(file.readline(200)))
    except OSError:
        return False  # what cannot be opened does not call itself anything


def _below(path: Path, given_anyway: bool) -> Iterator[Path]:
    if path.is_dir():
        unlisted: list[OSError] = []
        for folder, folders, names in os.walk(path, onerror=unlisted.append):
            folders[:] = sorted(name for name in folders if not _skipped(folder, name))
            files = (Path(folder, name) for name in sorted(names))
            yield from (f for f in files if f.suffix in _SUFFIXES and f.is_file())
        # Whoever reads these finds out that they cannot be read, and says so.
        yield from (Path(error.filename) for error in unlisted)
    elif not path.exists() and not path.is_symlink():
        raise PerflintError(f"{path} does not exist: give files or folders that do")
    elif given_anyway or is_python(path):
        yield path


def _skipped(folder: str, name: str) -> bool:
    if name.startswith(".") or name in _SKIPPED:
        return True
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob: `*` stays within one folder, `**/` crosses any number of them."""
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", glob):
        text += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(
            part, re.escape(part)
        )
    return re.compile(text)
