"""Groups perf-test files by the settings that pytest finds for each of them alone."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from .reasons import PerfFile

Group = tuple[PerfFile, ...]

# In the order in which pytest looks into a folder. The first four count even where they are empty.
_ALWAYS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
_SECTIONS = {
    "tox.ini": re.compile(r"^\[pytest\]", re.MULTILINE),
    "setup.cfg": re.compile(r"^\[tool:pytest\]", re.MULTILINE),
}


def group_files(roots: Iterable[Path], files: Iterable[PerfFile]) -> list[Group]:
    """Put those files together that get the same settings on every side; `roots` are worktrees.

    One call of pytest takes the settings of the folder that all its files have in common: in a
    repository of several packages those of none of them, where each is tested by itself.
    """
    roots = list(roots)
    found: dict[tuple[str | None, ...], list[PerfFile]] = {}
    for file in files:
        found.setdefault(tuple(settings_of(root, file.path) for root in roots), []).append(file)
    return [tuple(files) for files in found.values()]


def split(together: Group, errors: Iterable[str]) -> tuple[Group, Sequence[Group]]:
    """Part a group into those files that could be collected in company, and each other one alone.

    Two files of one name without packages around them are one module for a Python process; alone
    each can be imported. `errors` are pytest's nodes; "" stands for all.
    """
    if len(together) == 1:
        return together, ()
    bad = {node.split("::")[0] for node in errors}
    alone = [file for file in together if file.path in bad or "" in bad]
    return tuple(file for file in together if file not in alone), [(file,) for file in alone]


def settings_of(root: Path, file: str) -> str | None:
    """Return the file of the worktree that holds pytest's settings for a test file; None: none."""
    for folder in PurePosixPath(file).parents:
        for name in (*_ALWAYS, "pyproject.toml", *_SECTIONS):
            if _holds_settings(root / folder / name):
                return str(folder / name)
    return None


def _holds_settings(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.name in _ALWAYS:
        return True
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.name in _SECTIONS:
        return _SECTIONS[path.name].search(text) is not None
    try:
        return "pytest" in tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return True  # pytest says what is wrong with it, to those tests alone
