"""Checks files: which to read, what to run on them, which findings to keep."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .changed import ChangedLines
from .config import LintConfig
from .engine import SourceResult, could_matter, lint_source
from .files import UnreadableError, python_files, read_source
from .finding import Finding
from .registry import Rules, all_rules, choose


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The findings, what could not be checked and why, and the number of files."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    files: int = 0


def check_paths(
    root: Path,
    paths: Sequence[Path],
    config: LintConfig,
    changed: ChangedLines | None = None,
) -> CheckResult:
    """Check the Python files at and below the paths; findings name them relative to `root`.

    With `changed`, only files and lines that the change touches count.
    """
    rules = choose(all_rules(), config.select, config.ignore)
    # A change names files of any kind; whoever gives one file by hand means that one.
    by_hand = changed is None
    places = [root.absolute() / path for path in paths]
    given = set(places)
    findings: list[Finding] = []
    problems: list[str] = []
    files = 0
    for file in python_files(places, config.exclude, config.root, given_anyway=by_hand):
        name = Path(os.path.relpath(file, root.absolute())).as_posix()
        if changed is not None and name not in changed.ranges:
            continue
        files += 1
        result = check_file(file, name, rules, parse_anyway=file in given)
        findings += [f for f in result.findings if changed is None or _touched(f, changed)]
        problems += result.problems
    return CheckResult(tuple(findings), tuple(problems), files)


def check_file(file: Path, name: str, rules: Rules, *, parse_anyway: bool) -> SourceResult:
    """Check one file; what keeps it from being read is a problem, not an error."""
    try:
        source = read_source(file)
    except UnreadableError as error:
        return SourceResult(problems=(f"{name} {error}",))
    if not parse_anyway and not could_matter(source.text):
        return SourceResult()
    result = lint_source(source.text, name, rules)
    if source.notebook is None:
        return result
    problems = [f"{name}: {problem}" for problem in source.notebook.problems]
    located = source.notebook.located(result.findings)
    return SourceResult(tuple(located), (*problems, *result.problems))


def check_text(root: Path, name: str, text: str, config: LintConfig) -> CheckResult:
    """Check the text of one file, which findings name `name`; the file itself is not read."""
    if not could_matter(text):
        return CheckResult(files=1)
    rules = choose(all_rules(), config.select, config.ignore)
    result = lint_source(text, name, rules)
    return CheckResult(result.findings, result.problems, 1)


def _touched(finding: Finding, changed: ChangedLines) -> bool:
    return changed.touches(finding.path, *finding.file_lines)
