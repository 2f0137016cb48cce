"""What may stand in the [tool.perflint.lints] table: each key, its type, and its mistakes."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import PerflintError
from .finding import Confidence, Severity

ROOMS = ("lints", "runners", "bot", "telemetry")
WHERE = "[tool.perflint.lints]"
ACCELERATORS = ("auto", "cuda", "none")
_NEVER = "never"
_VERSION = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class Override:
    """Other values for the files that fit one of the globs."""

    files: tuple[str, ...]
    values: tuple[tuple[str, Any], ...]


def table_values(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a pyproject.toml's lints table by key, and all that is wrong with it."""
    tool = document.get("tool", {})
    perflint = tool.get("perflint", {}) if isinstance(tool, dict) else {}
    if not isinstance(perflint, dict):
        return {}, ["[tool.perflint] has to be a table"]
    mistakes = [_unknown(key, ROOMS, "[tool.perflint]") for key in perflint if key not in ROOMS]
    table = perflint.get("lints", {})
    if not isinstance(table, dict):
        return {}, [*mistakes, f"{WHERE} has to be a table"]
    values, wrong = _values(table, _CHECKS, WHERE)
    return values, [*mistakes, *wrong]


def said_by(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return by key what the command line says of it. Raises PerflintError for a wrong value."""
    said: dict[str, Any] = {}
    for key in _OF_A_FILE:
        value = options.get(key)
        if value is None:
            continue
        try:
            said[key] = _CHECKS[key](value)
        except ValueError as error:
            raise PerflintError(f"--{key.replace('_', '-')} {error}") from None
    if baseline := options.get("baseline"):
        # Whoever writes a path on the command line means it from where they are.
        said["baseline"] = os.path.abspath(baseline)
    return said


def severity_or_never(value: object) -> Severity | None:
    """Read a severity, or None for `never`. Raises ValueError with a sentence."""
    if value == _NEVER:
        return None
    words = [severity.value for severity in Severity]
    if not isinstance(value, str):
        raise ValueError(f"has to be a string, not {value!r}")
    if value not in words:
        raise ValueError(f"{value!r} is no severity; use one of {', '.join([*words, _NEVER])}")
    return Severity(value)


def severity(value: object) -> Severity:
    """Read a severity. Raises ValueError with a sentence."""
    return Severity(one_of([each.value for each in Severity], value))


def confidence(value: object) -> Confidence:
    """Read a confidence. Raises ValueError with a sentence."""
    return Confidence(one_of([each.value for each in Confidence], value))


def one_of(words: Iterable[str], value: object) -> str:
    """Return the value if it is one of the words. Raises ValueError with a sentence."""
    if isinstance(value, str) and value in words:
        return value
    raise ValueError(f"has to be one of {', '.join(words)}, not {value!r}")


def _values(
    table: Mapping[str, Any], checks: Mapping[str, Callable[[object], Any]], where: str
) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for spelled, value in table.items():
        key = spelled.replace("-", "_")
        try:
            if key not in checks:
                mistakes.append(_unknown(spelled, checks, where))
            elif key in values:
                mistakes.append(f"{where} has {key!r} twice, with '-' and with '_': keep one")
            else:
                values[key] = checks[key](value)
        except ValueError as error:
            mistakes += [f"{key} in {where} {line}" for line in str(error).split("\n")]
    return values, mistakes


def _unknown(key: str, known: Iterable[str], where: str) -> str:
    import difflib  # costs as much as reading a small table, and mistakes are rare

    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.0)[0]
    return f"{where} has no key {key!r}; the nearest is {near!r}"


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"has to be a list of strings, not {value!r}")
    return tuple(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"has to be a string, not {value!r}")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"has to be true or false, not {value!r}")
    return value


def _accelerator(value: object) -> str:
    return one_of(ACCELERATORS, value)


def _version(value: object) -> str:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise ValueError(f'has to be a version such as "2.1", not {value!r}')
    return value


def _module(value: object) -> tuple[str, ...]:
    words = _words(value)
    for word in words:
        if not all(part.isidentifier() for part in word.split(".")):
            raise ValueError(f'has to list modules such as "tools.perf_rules", not {word!r}')
    return words


def _managers(value: object) -> tuple[str, ...]:
    words = _words(value)
    for word in words:
        if not all(part.isidentifier() for part in word.split(".")):
            raise ValueError(f'has to list names such as "gpu_sync_allowed", not {word!r}')
    return words


def _per_file(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"has to be a table of globs and lists of rules, not {value!r}")
    return tuple((glob, _words(rules)) for glob, rules in value.items())


def _overrides(value: object) -> tuple[Override, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError(
            "has to be written as tables, each under [[tool.perflint.lints.overrides]]"
        )
    overrides: list[Override] = []
    mistakes: list[str] = []
    for number, table in enumerate(value, 1):
        values, wrong = _values(table, {"files": _words, **_OF_A_FILE}, f"number {number}")
        if elsewhere := sorted(set(_OF_A_PROJECT) & {key.replace("-", "_") for key in table}):
            wrong = [f"number {number}: {key} is for the whole project" for key in elsewhere]
        if not values.get("files") and not wrong:
            wrong = [f"number {number} needs `files`, a list of globs"]
        mistakes += wrong
        overrides.append(Override(values.pop("files", ()), tuple(values.items())))
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return tuple(overrides)


# What may differ from file to file, and what holds for a project as a whole.
_OF_A_FILE: dict[str, Callable[[object], Any]] = {
    "select": _words,
    "ignore": _words,
    "extend_select": _words,
    "extend_ignore": _words,
    "preview": _truth,
    "fail_on": severity_or_never,
    "min_severity": severity,
    "min_confidence": confidence,
    "accelerator": _accelerator,
    "torch_version": _version,
    "sync_allowed": _managers,
}
_OF_A_PROJECT: dict[str, Callable[[object], Any]] = {
    "exclude": _words,
    "baseline": _text,
    "local": _module,
    "per_file_ignores": _per_file,
    "overrides": _overrides,
}
_CHECKS = {**_OF_A_FILE, **_OF_A_PROJECT}
KEYS = tuple(_CHECKS)
