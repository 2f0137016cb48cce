"""Judges the texts that are open in an editor, each by the settings nearest to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import load_config
from ..files import SourceFile
from ..finding import Finding
from ..fixing import findings_in, fix_text, safe_only
from ..settings import Settings


@dataclass(frozen=True, slots=True)
class Sheet:
    """A text that is open: the folder of its project, its name there, and what stands in it."""

    root: Path
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in a text, and what kept perflint from finding all of it."""

    sheet: Sheet
    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()


def sheet_of(path: Path | None, text: str, folders: Sequence[Path]) -> Sheet:
    """Tell which project a text belongs to: the innermost open folder around it, or its own."""
    if path is None:  # not saved yet
        return Sheet(folders[0] if folders else Path.cwd(), "untitled.py", text)
    around = [folder for folder in folders if path.is_relative_to(folder)]
    root = max(around, key=lambda folder: len(folder.parts), default=None) or _project(path)
    return Sheet(root, path.relative_to(root).as_posix(), text)


def judge(sheet: Sheet) -> Judged:
    """Check a text; what its baseline knows is left out.

    Raises PerflintError where the settings or the baseline cannot be read. They are read each time:
    that takes a few milliseconds, and is never out of date.
    """
    path = sheet.root / sheet.name
    settings = Settings(load_config(path.parent))
    if settings.excludes(path):
        return Judged(sheet)
    source = SourceFile(sheet.text, "utf-8")
    result = findings_in(sheet.root, sheet.name, source, settings.for_file(path))
    return Judged(sheet, result.findings, result.problems)


def fixed(sheet: Sheet) -> str:
    """Return the text with all of its safe fixes."""
    path = sheet.root / sheet.name
    config = Settings(load_config(path.parent)).for_file(path)
    source = SourceFile(sheet.text, "utf-8")
    return fix_text(sheet.root, sheet.name, source, config, safe_only).fixed.source.text


def _project(path: Path) -> Path:
    for folder in path.parents:
        if (folder / "pyproject.toml").is_file() or (folder / ".git").exists():
            return folder
    return path.parent
