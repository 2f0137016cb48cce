"""Walks paths for Python files and notebooks and reads them; what cannot be read is said why."""

import codecs
import io
import os
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError

if TYPE_CHECKING:
    from .notebooks import Notebook

_SKIPPED = {"node_modules", "__pycache__", "venv", "site-packages"}
# The file by which a virtual environment is known.
OF_ENVIRONMENT = "pyvenv.cfg"
_NOTEBOOK = ".ipynb"
SUFFIXES = {".py", ".pyw", _NOTEBOOK}
_PYTHON_SHEBANG = re.compile(rb"#!.*\bpython")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's text as Python reads it, and how to write it back.

    Of a notebook, `text` is that of its code cells, and `notebook` tells which is which.
    """

    text: str
    encoding: str
    notebook: "Notebook | None" = None

    @property
    def raw(self) -> str:
        """The text of the file itself."""
        return self.text if self.notebook is None else self.notebook.raw

    def encoded(self) -> bytes:
        """Return what the file holds."""
        return self.raw.encode(self.encoding)


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
    """Read a file. Raises UnreadableError."""
    try:
        if path.is_dir():
            raise UnreadableError("is a folder whose files cannot be listed")
        if not path.is_file():
            raise UnreadableError("is no regular file")
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    return decoded(raw, path.name)


def decoded(raw: bytes, name: str) -> SourceFile:
    """Read what a file of this name holds, in the encoding it declares. Raises UnreadableError."""
    if b"\0" in raw:
        raise UnreadableError("is no text: it holds null bytes")
    if name.endswith(_NOTEBOOK):
        return _notebook(raw)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return SourceFile(raw.decode(encoding), encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnreadableError(f"is no Python text: {error}") from error


def _notebook(raw: bytes) -> SourceFile:
    # Only where there is a notebook: most runs see none, and need no JSON.
    from .notebooks import NotebookError, parse_notebook

    encoding = "utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        notebook = parse_notebook(raw.decode(encoding))
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is no notebook: {error}") from error
    except NotebookError as error:
        raise UnreadableError(str(error)) from error
    return SourceFile(notebook.text, encoding, notebook)


def folders_below(path: Path) -> Iterator[Path]:
    """Yield a folder, and those below it in which Python files are looked for."""
    for folder, folders, _ in os.walk(path):
        folders[:] = sorted(name for name in folders if not skipped(folder, name))
        yield Path(folder)


def skipped(folder: str, name: str) -> bool:
    """Whether nobody's own code lies in a folder of this name: hidden ones, installed packages."""
    if name.startswith(".") or name in _SKIPPED:
        return True
    return os.path.exists(os.path.join(folder, name, OF_ENVIRONMENT))


def excluded(relative: str, globs: Iterable[str]) -> bool:
    """Whether a path, or a folder that it lies in, fits one of the globs."""
    path = relative.replace(os.sep, "/")
    return any(_pattern(glob).search(path) for glob in globs)


def is_python(path: Path) -> bool:
    """Whether a file calls itself Python, by its suffix or its first line."""
    if path.suffix in SUFFIXES:
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
            folders[:] = sorted(name for name in folders if not skipped(folder, name))
            files = (Path(folder, name) for name in sorted(names))
            yield from (f for f in files if f.suffix in SUFFIXES and f.is_file())
        # Whoever reads these finds out that they cannot be read, and says so.
        yield from (Path(error.filename) for error in unlisted)
    elif not path.exists() and not path.is_symlink():
        raise PerflintError(f"{path} does not exist: give files or folders that do")
    elif given_anyway or is_python(path):
        yield path


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob: `*` stays within one folder, `**/` crosses any number of them.

    It is found in a path that fits, or that lies in a folder which does. A glob without a slash
    fits a name at any depth.
    """
    glob = glob.strip("/")
    from_root = "/" in glob
    glob = glob.removeprefix("./")
    crossing = ".*" if from_root else "[^/]*"
    text = "^" if from_root else "(?:^|/)"
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", glob):
        text += {"**/": "(?:.*/)?", "**": crossing, "*": "[^/]*", "?": "[^/]"}.get(
            part, re.escape(part)
        )
    return re.compile(text + "(?:/|$)")
