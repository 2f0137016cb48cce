"""Names everything on the disk that may have a say in what a run finds."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .check import project_around
from .config import SETTINGS_FILE, LintConfig
from .files import OF_ENVIRONMENT, SUFFIXES, skipped
from .rule_sources import local_files
from .settings import Settings


def settings_above(folders: Iterable[Path]) -> Iterator[str]:
    """Yield where the settings of folders may stand, there or not."""
    for folder in folders:
        yield from (str(place / SETTINGS_FILE) for place in (folder, *folder.parents))


def looked_at(paths: Sequence[Path], config: LintConfig) -> Iterator[str]:
    """Yield the files and folders behind the paths, some more than once.

    What a folder holds is told by its own time. Settings above it are not named.
    """
    walked: set[str] = set()
    # What makes a folder the top of a project lies in it.
    top = str(config.root.absolute())
    yield top
    tables = {top}
    for given in (*paths, project_around(config)):
        for path in _below(os.path.abspath(given), walked) if given else ():
            yield path
            if os.path.basename(path) == SETTINGS_FILE:
                tables.add(os.path.dirname(path))
    settings = Settings(config)
    for folder in tables:
        ours = settings.for_file(os.path.join(folder, SETTINGS_FILE))
        for file in local_files(ours.root, ours.local):
            yield from map(str, (file, file.parent))
    yield from _below(os.path.dirname(__file__), walked)
    # Packages come and go in these; where perflint is called, only files do.
    yield from (folder for folder in sys.path if folder not in ("", os.getcwd()))


def _below(top: str, walked: set[str]) -> Iterator[str]:
    """Yield a file, or a folder with all that a run reads in it."""
    if not os.path.isdir(top):
        yield top
    for folder, folders, names in os.walk(top):
        if folder in walked:
            folders.clear()
            continue
        walked.add(folder)
        yield folder
        for name in (*folders, *names):
            if name == SETTINGS_FILE or os.path.splitext(name)[1] in SUFFIXES:
                yield os.path.join(folder, name)
        kept = [name for name in folders if not skipped(folder, name)]
        # An environment that ceases to be one is looked into.
        marks = (os.path.join(folder, n, OF_ENVIRONMENT) for n in {*folders}.difference(kept))
        yield from filter(os.path.exists, marks)
        folders[:] = kept
