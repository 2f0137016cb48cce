"""Says which settings hold for a path, and which place said so."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from .config import SELECTING, LintConfig, perflint_document
from .keys import KEYS, table_values
from .registry import rules_for
from .settings import Settings, fitting_parts

_LISTS = ("per_file_ignores", "overrides")


@dataclass(frozen=True, slots=True)
class Setting:
    """A key, what it is set to, and where that is said."""

    key: str
    value: object
    place: str


def settings_at(settings: Settings, path: Path) -> list[Setting]:
    """Return every setting that holds for a path, keys that pick rules once for each place."""
    config = settings.for_file(path)
    found: list[Setting] = []
    places = list(_places(config, path))
    for key in KEYS:
        said = [Setting(key, values[key], place) for place, values in places if key in values]
        if key in _LISTS:
            continue
        if key in SELECTING:
            found += said or [Setting(key, (), "default")]
        elif not said:
            place = "default" if getattr(config, key) == getattr(LintConfig(), key) else "fail_on"
            found.append(Setting(key, getattr(config, key), place))
        else:
            found.append(said[-1])
    found += [Setting("excused from", rules, place) for place, rules in _excused(config, path)]
    return found


def as_text(settings: Settings, path: Path) -> str:
    """Show the settings as a table, and the rules that run."""
    rows = [(s.key, _plain(s.value), s.place) for s in settings_at(settings, path)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"settings for {path}"]
    lines += [f"  {key:{widths[0]}} = {value:{widths[1]}}  {place}" for key, value, place in rows]
    known = rules_for(settings.for_file(path))
    run = "1 rule runs" if len(known.rules) == 1 else f"{len(known.rules)} rules run"
    lines += [f"{run}: {', '.join(rule.code for rule in known.rules)}"]
    lines += [f"problem: {problem}" for problem in known.problems]
    return "\n".join(lines) + "\n"


def _places(config: LintConfig, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what each place says, the strongest last."""
    document = perflint_document(config.root)
    if document is not None:
        yield str(config.root / "pyproject.toml"), table_values(document)[0]
    fitting = fitting_parts(config, path)[1]
    for number, override in enumerate(config.overrides, 1):
        if override in fitting:
            yield f"overrides, number {number}", dict(override.values)
    yield "command line", dict(config.command_line)


def _excused(config: LintConfig, path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for glob, rules in fitting_parts(config, path)[0]:
        yield f"per_file_ignores, {glob}", rules


def _plain(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return "none"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
