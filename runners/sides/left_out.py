"""Finds what a failed side misses although the user's checkout has it: what git does not hold."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from ..result import Failure
from ..text.words import some

_MODULE = re.compile(r"No module named '([\w.]+)'")
_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_FILE = re.compile(r"No such file or directory: '([^']+)'")
# Where Python looks for packages, below the root.
_PLACES = ("", "src/")


def left_out_notes(
    failures: Iterable[Failure], repository: Path, roots: Iterable[Path]
) -> list[str]:
    """Name the files that failures say are missing, that `repository` has, and no worktree has.

    A worktree holds what git holds: neither generated modules such as a `_version.py` nor data that
    is ignored.
    """
    roots = list(roots)
    wanted = (name for failure in failures for name in _wanted(failure, roots))
    found = [
        name
        for name in dict.fromkeys(wanted)
        if (repository / name).exists() and not any((root / name).exists() for root in roots)
    ]
    if not found:
        return []
    return [
        f"{some(found)}: in your checkout and not in git, so that base and head, which are checked "
        "out anew, have no such file; make it in a conftest or a fixture, or add it to git"
    ]


def _wanted(failure: Failure, roots: Iterable[Path]) -> Iterator[str]:
    """Yield the paths, relative to the repository, that the failure may be about."""
    text = f"{failure.summary}\n{failure.details}"
    modules = _MODULE.findall(text)
    modules += [f"{package}.{name}" for name, package in _NAME.findall(text)]
    for module in modules:
        path = module.replace(".", "/")
        yield from (f"{place}{path}{end}" for place in _PLACES for end in (".py", "/__init__.py"))
    for file in _FILE.findall(text):
        for root in roots:
            file = file.removeprefix(f"{root}/")
        if not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts:
            yield file
