"""Checks files: which to read, what to run on them, which findings to keep."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cache import Cache, fingerprint_of, own_version
from .changed import ChangedLines
from .config import LintConfig
from .files import python_files
from .finding import Finding
from .settings import Settings
from .survey import Surveyed, survey

if TYPE_CHECKING:
    from .analysis import Outcome

# What a folder holds that is the top of a project.
_TOPS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The findings, what could not be checked and why, and the number of files."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    files: int = 0


def _silent(done: int, of: int) -> None:
    """Nobody wants to hear how far the work is."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How the work is done, which changes nothing about what is found.

    `cache` is the folder of the cache; `processes` how many to use at most (0: as many as there are
    processors); without `shortcuts` every rule sees every statement; `progress` hears how many
    files are done, and of how many.
    """

    cache: Path | None = None
    processes: int = 1
    shortcuts: bool = True
    progress: Callable[[int, int], None] = _silent


def check_paths(
    root: Path,
    paths: Sequence[Path],
    config: LintConfig,
    changed: ChangedLines | None = None,
    effort: Effort = Effort(),
) -> CheckResult:
    """Check the Python files at and below the paths; findings name them relative to `root`.

    With `changed`, only files and lines that the change touches count. Other files of the project
    are read for what they say about these.
    """
    root = root.absolute()
    settings = Settings(config)
    cache = Cache(effort.cache)
    # A change names files of any kind; whoever gives one file by hand means that one.
    places = [root / path for path in paths]
    listed = python_files(places, config.exclude, config.root, given_anyway=changed is None)
    names = [(_name(file, root), file) for file in map(str, listed)]
    if changed is not None:
        names = [(name, file) for name, file in names if name in changed.ranges]
    given = [file for file in survey(names, cache) if not settings.excludes(file.path)]
    by_hand = {str(place) for place in places}
    others = _others(root, config, {file.path for file in given}, cache)
    work = _Work(root, given, others, by_hand, settings, cache, effort)
    outcomes = work.kept() or work.done()
    cache.save()
    findings: list[Finding] = []
    problems: list[str] = []
    for file in given:
        found, said = outcomes(file)
        shown = settings.for_file(file.path).shows
        findings += [f for f in found if shown(f) and (changed is None or _touched(f, changed))]
        problems += said
    return CheckResult(tuple(findings), tuple(problems), len(given))
