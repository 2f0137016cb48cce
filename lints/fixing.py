"""Fixes files: reads them, has them judged again after each round of fixes, writes them."""

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import PerflintError
from .changed import ChangedLines
from .check import CheckResult, check_text
from .config import LintConfig
from .files import SourceFile, UnreadableError, decoded, read_source
from .finding import Finding
from .fix import MOST_ROUNDS, Fixed, Mending, Wanted, fix_source
from .known import check_held, hold
from .whole import write_whole
from .work import ALONE_AT_WORK, Effort


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
    paths: Sequence[Path],
    findings: Iterable[Finding],
    config: LintConfig,
    wanted: Wanted,
    changed: ChangedLines | None = None,
    effort: Effort = ALONE_AT_WORK,
) -> list[FixedFile]:
    """Work out what the fixes make of each file that has findings with one; write nothing.

    After each round the paths are checked again as they would be with its fixes: what one file
    becomes may change what is found in another.
    """
    files = _Files(root)
    for _ in range(MOST_ROUNDS):
        busy = [file for file, found in files.with_fixes(findings) if file.step(found, wanted)]
        if not busy:
            break
        lines = None if changed is None else files.moved(changed)
        held = check_held(root, paths, config, lines, effort, files.now())
        findings = held.result.findings
    else:
        for file in busy:
            file.give_up()
    return files.fixed()


class _Files:
    """The files that fixes may change, each as it was and as it is by now."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before: dict[str, SourceFile] = {}
        self._mending: dict[str, Mending] = {}
        # A file that links lead to is fixed once, under the first of its names.
        self._names: dict[str, str] = {}

    def with_fixes(self, findings: Iterable[Finding]) -> Iterator[tuple[Mending, list[Finding]]]:
        """Yield the files that there are fixes for, with their findings."""
        of_file: dict[str, list[Finding]] = {}
        for finding in findings:
            if finding.fix:
                of_file.setdefault(finding.path, []).append(finding)
        for name, found in of_file.items():
            mending = self._opened(name)
            if mending is not None:
                yield mending, found

    def now(self) -> dict[str, SourceFile]:
        """Return what stands for the files by now, by their real paths."""
        return {real: self._mending[name].source for real, name in self._names.items()}

    def moved(self, changed: ChangedLines) -> ChangedLines:
        """Tell which lines of the files as they are now are those of the change."""
        for name, mending in self._mending.items():
            changed = _moved(changed, name, self._before[name].raw, mending.source.raw)
        return changed

    def fixed(self) -> list[FixedFile]:
        """Return what has come of each file."""
        return [FixedFile(n, self._before[n], each.fixed()) for n, each in self._mending.items()]

    def _opened(self, name: str) -> Mending | None:
        if name in self._mending:
            return self._mending[name]
        real = os.path.realpath(self._root / name)
        if self._names.setdefault(real, name) != name:
            return None
        try:
            self._before[name] = read_source(self._root / name)
        except UnreadableError:
            del self._names[real]
            return None  # gone since it was checked, and with it what there was to fix
        self._mending[name] = Mending(self._before[name])
        return self._mending[name]


def fix_text(
    root: Path, name: str, source: SourceFile, config: LintConfig, wanted: Wanted
) -> FixedFile:
    """Work out what the fixes make of one text, which need not be the one on the disk."""

    def judge(source: SourceFile) -> Sequence[Finding]:
        return findings_in(root, name, source, config).findings

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
