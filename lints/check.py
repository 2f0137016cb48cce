"""Checks files: which to read, what to run on them, which findings to keep."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cache import Cache
from .changed import ChangedLines
from .config import LintConfig
from .files import SourceFile, python_files
from .finding import Finding
from .result import Silenced
from .settings import Settings, visible
from .survey import NOTHING_ELSE, mentions_framework, survey
from .work import ALONE_AT_WORK, Effort, Work

# What a folder holds that is the top of a project.
_TOPS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The findings, what could not be checked and why, the number of files, what comments hide."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    files: int = 0
    silenced: tuple[Silenced, ...] = ()


def check_paths(
    root: Path,
    paths: Sequence[Path],
    config: LintConfig,
    changed: ChangedLines | None = None,
    effort: Effort = ALONE_AT_WORK,
    now: Mapping[str, SourceFile] = NOTHING_ELSE,
) -> CheckResult:
    """Check the Python files at and below the paths; findings name them relative to `root`.

    With `changed`, only files and lines that the change touches count. Other files of the project
    are read for what they say about these. `now` is what stands for some files, by their real
    paths, instead of what is on the disk.
    """
    root = root.absolute()
    settings = Settings(config)
    cache = effort.memory or Cache(effort.cache)
    places = [root / path for path in paths]
    # A change names files of any kind; whoever gives one file by hand means that one.
    listed = python_files(places, config.exclude, config.root, given_anyway=changed is None)
    names = [(_name(file, root), str(file)) for file in listed]
    if changed is not None:
        names = [(name, path) for name, path in names if name in changed.ranges]
    given = survey(((n, p) for n, p in names if not settings.excludes(p)), cache, now)
    around = _others(root, config, {file.path for file in given}) if given else []
    others = survey(around, cache, now)
    by_hand = frozenset(str(place) for place in places)
    work = Work(root, given, others, by_hand, settings, cache, effort)
    findings: list[Finding] = []
    problems: list[str] = []
    silenced: list[Silenced] = []
    for file, result in work.results():
        shown = visible(result.findings, settings.for_file(file.path))
        findings += [f for f in shown if changed is None or _touched(f, changed)]
        problems += result.problems
        silenced += [
            each
            for each in result.silenced
            if visible([each.finding], settings.for_file(file.path))
            and (changed is None or _touched(each.finding, changed))
        ]
    cache.save()
    problems = [*work.problems, *problems]
    return CheckResult(tuple(findings), tuple(problems), len(given), tuple(silenced))


def check_text(root: Path, name: str, text: str, config: LintConfig) -> CheckResult:
    """Check the text of one file, which findings name `name`; the file itself is not read.

    Other files of the project are not asked, so that this is as quick as an editor wants it.
    """
    if not mentions_framework(text):
        return CheckResult(files=1)
    from .engine import examine
    from .registry import chosen_for
    from .suppress import heard, judge_comments, silenced
    from .terms import terms_of

    ours = Settings(config).for_file(root / name)
    chosen = chosen_for([ours])
    [rules] = chosen.rules
    result = examine(text, name, rules, terms=terms_of(ours))
    ran = heard(rules, result)
    kept, meta = judge_comments(result.findings, text, name, ran, chosen.vocabulary)
    findings = sorted([*kept, *meta], key=lambda finding: (finding.span, finding.code))
    problems = (*chosen.problems, *result.problems)
    hidden = [
        each for each in silenced(result.findings, kept, text) if visible([each.finding], ours)
    ]
    return CheckResult(tuple(visible(findings, ours)), problems, 1, tuple(hidden))


def project_around(config: LintConfig) -> Path | None:
    """Return the folder whose other files are read for what they say about those at hand."""
    top = config.root.absolute()
    return top if any((top / name).exists() for name in _TOPS) else None


def _others(root: Path, config: LintConfig, given: set[str]) -> list[tuple[str, str]]:
    """Return the name and path of each file of the project that is not checked itself."""
    top = project_around(config)
    if top is None:
        return []
    listed = map(str, python_files([top], config.exclude, config.root))
    return [(_name(Path(path), root), path) for path in listed if path not in given]


def _name(file: Path, root: Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()


def _touched(finding: Finding, changed: ChangedLines) -> bool:
    return changed.touches(finding.path, *finding.file_lines)
