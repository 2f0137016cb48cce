"""What `perflint check` says and does about baselines."""

import sys
from collections.abc import Sequence
from pathlib import Path

from .changed import ChangedLines
from .check import check_paths
from .config import LintConfig
from .known import Stale, place, update_baselines, write_baseline
from .outcome import counted


def write_new(
    root: Path, paths: Sequence[Path], config: LintConfig, changed: ChangedLines | None
) -> int:
    """Make a baseline of all that is found now, and return the exit status."""
    result = check_paths(root, paths, config, changed)
    path = place(config)
    number = write_baseline(path, result.findings, root)
    _say(f"{counted(number, 'finding')} in {path}")
    if not config.baseline:
        _say(f'add baseline = "{path.name}" to [tool.perflint.lints] to have it used')
    for problem in result.problems:
        _say(problem)
    return 2 if result.problems else 0


def tell_stale(stale: Sequence[Stale], *, update: bool) -> None:
    """Take the entries out of their baselines if that is wanted, and say how many there are."""
    if update:
        number = update_baselines(stale)
        names = ", ".join(str(each.path) for each in stale)
        _say(f"took {_entries(number)} out of {names}")
        return
    for each in stale:
        stand = "stands" if len(each.entries) == 1 else "stand"
        _say(
            f"{_entries(len(each.entries))} of {each.path} {stand} for nothing any more: "
            "--update-baseline takes them out"
        )


def _entries(number: int) -> str:
    return f"{number} entr{'y' if number == 1 else 'ies'}"


def _say(sentence: str) -> None:
    print(f"perflint: {sentence}", file=sys.stderr)
