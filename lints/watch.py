"""Checks again whenever a file changes."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .. import PerflintError
from .files import python_files

# How long nothing may change before a check begins: editors write in several steps.
_QUIET = 0.2
_SOONEST = 0.3
# A look at all files may take at most this share of the time, however many there are.
_SHARE = 0.1
_CLEAR = "\033[H\033[2J\033[3J"

Snapshot = dict[str, tuple[int, int]]


def watch_check(options: argparse.Namespace, check: Callable[[], int]) -> int:
    """Check once and after every change; Ctrl-C ends with the status of the last check."""
    if options.stdin_filename is not None or Path("-") in options.paths:
        raise PerflintError("--watch looks at files: it cannot be used with the standard input")
    if options.interactive or options.diff:
        raise PerflintError("--watch goes on by itself: leave out --interactive and --diff")
    root = Path.cwd()
    paths = options.paths or [root]
    return watch(lambda: snapshot(root, paths), lambda: _told(check), _say_so, time.sleep)


def watch(
    look: Callable[[], Snapshot],
    check: Callable[[], int],
    rest: Callable[[], None],
    sleep: Callable[[float], None],
) -> int:
    """Run `check` now and whenever `look` sees something else; `rest` after each, until Ctrl-C."""
    status = 0
    try:
        while True:
            # Taken before the check, so that what changes during it is checked again.
            seen = look()
            status = check()
            rest()
            while _unchanged(look, seen, sleep):
                pass
            _settle(look, sleep)
    except KeyboardInterrupt:
        return status


def snapshot(root: Path, paths: Sequence[Path]) -> Snapshot:
    """Tell the size and the time of each file that a check would read, its settings included."""
    found: Snapshot = {}
    folders = {root, *root.parents}
    for path in _watched(root, paths):
        _add(path, found)
        folders.add(path.parent)
    for folder in folders:
        _add(folder / "pyproject.toml", found)
    return found


def _add(path: Path, found: Snapshot) -> None:
    try:
        stat = os.stat(path)
    except OSError:
        return  # not there, or gone since it was listed: which is a change as well
    found[str(path)] = (stat.st_mtime_ns, stat.st_size)


def _watched(root: Path, paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if (root / path).exists():
            yield from python_files([root / path], (), root)


def _unchanged(
    look: Callable[[], Snapshot], seen: Snapshot, sleep: Callable[[float], None]
) -> bool:
    began = time.perf_counter()
    same = look() == seen
    if same:
        sleep(max(_SOONEST, (time.perf_counter() - began) / _SHARE))
    return same


def _settle(look: Callable[[], Snapshot], sleep: Callable[[float], None]) -> None:
    now = look()
    while True:
        sleep(_QUIET)
        before, now = now, look()
        if now == before:
            return


def _told(check: Callable[[], int]) -> int:
    if sys.stdout.isatty():
        sys.stdout.write(_CLEAR)
    try:
        status = check()
    except PerflintError as error:
        # Half-written settings, or a path that is gone for a moment: the next change may mend it.
        print(f"perflint: {error}", file=sys.stderr)
        status = 2
    sys.stdout.flush()
    return status


def _say_so() -> None:
    print("perflint: watching for changes (Ctrl-C ends)", file=sys.stderr)
