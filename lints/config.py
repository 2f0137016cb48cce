"""The [tool.perflint.lints] table of the nearest pyproject.toml as a dataclass."""

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .. import PerflintError
from .finding import Severity

ROOMS = ("lints", "runners", "bot", "telemetry")
NEVER = "never"
# A field that tells where the table was found, and is no key of it.
_ROOT = "root"


@dataclass(frozen=True, slots=True)
class LintConfig:
    """Which rules run on which files.

    `select`, `ignore`: codes (`PFL101`), starts of them (`PFL1`), names (`host-copy`), `ALL`.
    `exclude`: globs of paths below `root`; a glob without a slash fits a name at any depth.
    `fail_on`: the lowest severity that makes `perflint check` fail; None where none does.
    `root`: the folder of the pyproject.toml.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: Severity | None = Severity.WARNING
    root: Path = field(default_factory=Path.cwd)


def load_config(start: Path, top: Path | None = None) -> LintConfig:
    """Read the table of the nearest pyproject.toml at or above `start`; none means the defaults.

    Folders above `top` are not looked at: what lies there is no part of the project.
    """
    start = start.absolute()
    last = None if top is None else top.absolute()
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return parse_config(_read(path), folder)
        if folder == last:
            break
    return LintConfig(root=start)


def parse_config(document: dict[str, Any], root: Path) -> LintConfig:
    """Check the keys and types of a pyproject.toml. Raises PerflintError with the nearest key."""
    tool = document.get("tool", {})
    perflint = tool.get("perflint", {}) if isinstance(tool, dict) else {}
    _only(perflint, ROOMS, "[tool.perflint]")
    table = perflint.get("lints", {})
    known = [each.name for each in fields(LintConfig) if each.name != _ROOT]
    _only(table, known, "[tool.perflint.lints]")
    return LintConfig(root=root, **{key: _checked(key, value) for key, value in table.items()})


def parse_severity(word: str) -> Severity | None:
    """Read `error`, `warning`, `info` or `never`. Raises PerflintError for anything else."""
    if word == NEVER:
        return None
    try:
        return Severity(word)
    except ValueError:
        words = ", ".join([*(severity.value for severity in Severity), NEVER])
        raise PerflintError(f"{word!r} is no severity; use one of {words}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PerflintError(f"cannot read the configuration in {path}: {error}") from error


def _only(table: object, known: Iterable[str], where: str) -> None:
    if not isinstance(table, dict):
        raise PerflintError(f"{where} has to be a table")
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise PerflintError(f"{where} has no key {key!r}; the nearest is {near!r}")


def _checked(key: str, value: object) -> Any:
    where = f"{key} in [tool.perflint.lints]"
    if key == "fail_on":
        if not isinstance(value, str):
            raise PerflintError(f"{where} has to be a string, not {value!r}")
        return parse_severity(value)
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise PerflintError(f"{where} has to be a list of strings, not {value!r}")
    return tuple(value)
