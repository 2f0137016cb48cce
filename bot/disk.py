"""Writes files as a whole or not at all, and makes the folders for what is ours."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from .. import PerflintError
from ..runners.sides.git import repository


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all. Raises PerflintError where that fails."""
    write_parts(path, (content,))


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that is made part by part, as `write_whole` does."""
    half = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with half.open("wb") as file:
                file.writelines(parts)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)  # half a file on a full disk helps nobody
    except OSError as error:
        raise PerflintError(f"cannot write {path}: {_reason(error)}") from error


def make_folder(path: Path) -> None:
    """Create the folder and try that files can be written there; PerflintError where they cannot.

    To be called before the long part of a run, so that its result is not lost at the end.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise PerflintError(f"cannot write into the folder {path}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    # Of a file in the place of a folder, mkdir says "File exists", which helps nobody.
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file is in the place of a folder"
    return error.strerror or str(error)


def own_folder(here: Path) -> Path:
    """Make the default folder for what is written; git does not see it, nor does the next run."""
    folder = repository(here) / ".perflint"
    make_folder(folder)
    write_whole(folder / ".gitignore", b"*\n")
    return folder
