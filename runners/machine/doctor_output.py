"""Writes what `perflint doctor` found, for people and as JSON."""

import dataclasses
import json
from collections.abc import Sequence
from textwrap import wrap

from .doctor import Check, Level, SelfComparison

# What each version changed:
# 1: the first.
SCHEMA_VERSION = 1

_WIDTH = 100


def as_text(headline: str, checks: Sequence[Check], notes: Sequence[str] = ()) -> str:
    """Return a line for each check, and under it what it does and what to do, where it matters."""
    level = max(len(check.level.value) for check in checks)
    name = max(len(check.name) for check in checks)
    indent = " " * (level + name + 4)
    lines = [headline, ""]
    for check in checks:
        head = f"{check.level.value:<{level}}  {check.name:<{name}}  "
        lines += _folded(check.found, head, indent)
        lines += _folded(check.effect, indent, indent)
        lines += _folded(check.remedy, f"{indent}-> ", f"{indent}   ")
    return "\n".join([*lines, "", _count(checks), *notes])


def _folded(text: str, first: str, rest: str) -> list[str]:
    # An option or a path in a remedy is copied: it is never broken.
    return wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(checks: Sequence[Check]) -> str:
    found = {level: sum(check.level is level for check in checks) for level in Level}
    return ", ".join(f"{number} {level.value}" for level, number in found.items() if number)


def as_json(
    headline: str,
    checks: Sequence[Check],
    measured: SelfComparison | None,
    notes: Sequence[str] = (),
) -> str:
    """Return all of it as one JSON document."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "machine": headline,
        "checks": [{**dataclasses.asdict(check), "level": check.level.value} for check in checks],
        "same_code": dataclasses.asdict(measured) if measured else None,
        "notes": list(notes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
