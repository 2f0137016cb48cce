"""Finds all mistakes in the configurations of a project at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import PerflintError
from .baseline import parse_baseline
from .config import SELECTING, LintConfig, perflint_document
from .files import folders_below
from .keys import table_values
from .registry import Known, known_rules
from .selection import require_known


def configurations(paths: Sequence[Path]) -> list[Path]:
    """Return the folders of the pyproject.toml files that concern the paths: above and below."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise PerflintError(f"{path} does not exist: give files or folders that do")
        path = path.absolute()
        above = [folder for folder in (path, *path.parents) if _is_ours(folder)][:1]
        below = [folder for folder in folders_below(path) if _is_ours(folder)]
        found.update(dict.fromkeys([*above, *below]))
    return list(found)


def mistakes_in(folder: Path) -> Iterator[str]:
    """Yield a sentence for each mistake in a folder's configuration."""
    try:
        document = perflint_document(folder)
    except PerflintError as error:
        yield str(error)
        return
    if document is None:
        return
    where = folder / "pyproject.toml"
    values, wrong = table_values(document)
    yield from (f"{where}: {mistake}" for mistake in wrong)
    config = LintConfig(root=folder, local=values.get("local", ()))
    try:
        known = known_rules(config)
    except PerflintError as error:
        yield f"{where}: {error}"
        return
    yield from (f"{where}: {problem}" for problem in known.problems)
    yield from (f"{where}: {mistake}" for mistake in _unknown_words(values, known))
    yield from (f"{where}: {mistake}" for mistake in _baseline(folder, values.get("baseline")))


def _is_ours(folder: Path) -> bool:
    try:
        return perflint_document(folder) is not None
    except PerflintError:
        return True  # a file that cannot be read and speaks of us has to be named


def _unknown_words(values: dict[str, Any], known: Known) -> Iterator[str]:
    if known.problems:
        return  # a word may be that of a rule which could not be loaded
    for where, words in _words(values):
        for word in words:
            try:
                require_known(known.rules, [word])
            except PerflintError as error:
                yield f"{where}: {error}"


def _words(values: dict[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    for key in SELECTING:
        yield key, values.get(key, ())
    for glob, words in values.get("per_file_ignores", ()):
        yield f"per_file_ignores, {glob}", words
    for number, override in enumerate(values.get("overrides", ()), 1):
        for key, value in override.values:
            if key in SELECTING:
                yield f"overrides, number {number}, {key}", value


def _baseline(folder: Path, name: str | None) -> Iterator[str]:
    if name is None:
        return
    try:
        parse_baseline((folder / name).read_bytes().decode("utf-8"))
    except FileNotFoundError:
        yield f"there is no baseline {name}: `perflint check --write-baseline` makes it"
    except (OSError, UnicodeDecodeError, PerflintError) as error:
        yield f"{name} {error}"
