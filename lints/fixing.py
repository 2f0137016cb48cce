"""Fixes files: reads them, has them judged again after each round of fixes, writes them."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .. import PerflintError
from .changed import ChangedLines
from .check import CheckResult, check_text
from .config import LintConfig
from .files import SourceFile, UnreadableError, decoded, read_source
from .finding import Finding
from .fix import Fixed, Judge, Wanted, fix_source
from .known import hold
from .whole import write_whole


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file as it was, and what its fixes make of it."""

    name: str
    before: SourceFile
    fixed: Fixed

    @property
    def differs(self) -> bool:
        """Whether there is anything to write."""
        return self.fixed.source.raw != self.before.raw


def safe_only(finding: Finding, source: SourceFile) -> bool:
    """Want the fixes that keep results bit for bit."""
    return finding.fix is not None and finding.fix.safe


def any_fix(finding: Finding, source: SourceFile) -> bool:
    """Want every fix."""
    return True


def fix_files(
    root: Path,
    findings: Iterable[Finding],
    config: LintConfig,
    wanted: Wanted,
    changed: ChangedLines | None = None,
) -> Iterator[FixedFile]:
    """Work out what the fixes make of each file that has findings with one; write nothing."""
    of_file: dict[str, list[Finding]] = {}
    for finding in findings:
        of_file.setdefault(finding.path, []).append(finding)
    for name, found in of_file.items():
        if not any(finding.fix for finding in found):
            continue
        try:
            source = read_source(root / name)
        except UnreadableError:
            continue  # gone since it was checked, and with it what there was to fix
        judge = _judge(root, name, source, config, changed)
        yield FixedFile(name, source, fix_source(source, judge, wanted, found))


def fix_text(
    root: Path, name: str, source: SourceFile, config: LintConfig, wanted: Wanted
) -> FixedFile:
    """Work out what the fixes make of one text, which need not be the one on the disk."""
    judge = _judge(root, name, source, config, None)
    return FixedFile(name, source, fix_source(source, judge, wanted))


def findings_in(root: Path, name: str, source: SourceFile, config: LintConfig) -> CheckResult:
    """Judge a text that need not be the one on the disk; what a baseline knows is left out."""
    result = check_text(root, name, source.text, config)
    if source.notebook is not None:
        problems = [f"{name}: {problem}" for problem in source.notebook.problems]
        result = replace(
            result,
            findings=tuple(source.notebook.located(result.findings)),
            problems=(*problems, *result.problems),
            silenced=source.notebook.silenced(result.silenced),
        )
    # With a change to look at, a baseline's other entries are not taken for out of date.
    return hold(result, root, [], config, ChangedLines(), {name: source.text}).result


def write(root: Path, file: FixedFile) -> None:
    """Write a fixed file back. Raises PerflintError where it changed in the meantime."""
    path = root / file.name
    try:
        same = decoded(path.read_bytes(), path.name) == file.before
    except (OSError, UnreadableError):
        same = False
    if not same:
        raise PerflintError(f"{file.name} changed while its fixes were worked out: run it again")
    write_whole(path, file.fixed.source.encoded())


def _judge(
    root: Path, name: str, before: SourceFile, config: LintConfig, changed: ChangedLines | None
) -> Judge:
    def judge(source: SourceFile) -> list[Finding]:
        found = list(findings_in(root, name, source, config).findings)
        if changed is None:
            return found
        lines = _moved(changed, name, before.raw, source.raw)
        return [finding for finding in found if lines.touches(name, *finding.file_lines)]

    return judge


def _moved(changed: ChangedLines, name: str, before: str, now: str) -> ChangedLines:
    """Tell which lines of the text as it is now are those of the change, or come from a fix."""
    if before == now or changed.ranges.get(name) is None:
        return changed
    matcher = difflib.SequenceMatcher(a=before.split("\n"), b=now.split("\n"), autojunk=False)
    lines = []
    for kind, old, old_end, new, new_end in matcher.get_opcodes():
        if kind == "equal":
            moved = range(old_end - old)
            lines += [new + n + 1 for n in moved if changed.has(name, old + n + 1)]
        else:
            lines += range(new + 1, new_end + 1)
    return replace(changed, ranges={**changed.ranges, name: tuple((n, n) for n in lines)})
