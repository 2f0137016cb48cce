"""What `perflint check` does where fixes are wanted: it asks, shows them as a patch, or writes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError
from .fix import Wanted
from .fixing import FixedFile, any_fix, fix_files, safe_only, write

if TYPE_CHECKING:
    from .changed import ChangedLines
    from .check import CheckResult
    from .config import LintConfig
    from .work import Effort


def wanted_by(options: argparse.Namespace) -> Wanted:
    """Return what says which fixes are wanted. Raises PerflintError with nobody there to ask."""
    if not options.interactive:
        return any_fix if options.unsafe_fixes else safe_only
    if not sys.stdin.isatty():
        raise PerflintError("--interactive asks about each fix: it needs a terminal; use --fix")
    from .ask import Asker

    return Asker(_say, sys.stdin.readline)


def mend(
    result: "CheckResult",
    root: Path,
    paths: Sequence[Path],
    config: "LintConfig",
    changed: "ChangedLines | None",
    options: argparse.Namespace,
    effort: "Effort",
) -> tuple[int, list[str]]:
    """Write the fixed files, or show the patch with --diff, and say on the log how many there are.

    Returns how many files differ, and what went wrong.
    """
    problems: list[str] = []
    applied = files = 0
    wanted = wanted_by(options)
    for file in fix_files(root, paths, result.findings, config, wanted, changed, effort):
        problems += file.fixed.problems
        if not file.differs:
            continue
        if options.diff:
            show_patch(file)
        else:
            try:
                write(root, file)
            except PerflintError as error:
                problems.append(str(error))
                continue
        files += 1
        applied += len(file.fixed.applied)
    say_how_many(applied, files, options)
    return files, problems


def show_patch(file: FixedFile) -> None:
    """Write what would change to the standard output, in the encoding of the file."""
    from .diffs import patch

    write_bytes(patch(file.name, file.before, file.fixed.source))


def write_bytes(raw: bytes) -> None:
    """Write to the standard output without a change of encoding or of line endings."""
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def say_how_many(applied: int, files: int, options: argparse.Namespace) -> None:
    """Say on the log what was done, or would be."""
    fixes = f"{applied} fix{'' if applied == 1 else 'es'}"
    inside = f" in {files} file{'' if files == 1 else 's'}"
    if options.diff:
        _say(f"perflint: would apply {fixes}{inside if applied else ''}\n")
    elif applied:
        _say(f"perflint: applied {fixes}{inside}\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
