"""All rules: as a list, as JSON, and as the files of the documentation."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from .. import PerflintError
from .pages import file_name, fix_kind, has_fix, page, plain, state
from .rule import Rule

# What each version changed:
# 1: the first.
JSON_VERSION = 1

INDEX = "index.md"
_TITLE = "# Rules"
_HEAD = """\
| Code | Name | Flags | Severity | Default | Fix |
|:--|:--|:--|:--|:--|:--|"""
_FAMILIES = {
    "PFL1": "Waiting for the device",
    "PFL2": "Feeding the device",
    "PFL3": "Precision, layout and compilation",
    "PFL4": "Optimizers and gradients",
    "PFL5": "Several devices",
    "PFL6": "Memory that costs time",
    "PFL7": "Left on from debugging",
    "PFL8": "Work done in Python",
    "PFL9": "perflint's own comments",
}


def as_text(rules: Sequence[type[Rule]]) -> str:
    """List the rules as a table."""
    width = max((len(rule.name()) for rule in rules), default=0)
    lines = []
    for rule in rules:
        fix = "fix" if has_fix(rule) else "   "
        shown = "" if state(rule) == "on" else state(rule)
        facts = f"{rule.code}  {rule.name():{width}}  {rule.severity.value:7}  {fix}  {shown:7}"
        lines.append(f"{facts}  {plain(rule.pattern())}\n")
    return "".join(lines)


def as_json(rules: Iterable[type[Rule]]) -> str:
    """List the rules with their pages."""
    entries = [
        {
            "code": rule.code,
            "name": rule.name(),
            "severity": rule.severity.value,
            "preview": rule.preview,
            "default": state(rule),
            "fixes": has_fix(rule),
            "fix": fix_kind(rule),
            "pattern": plain(rule.pattern()),
            "page": page(rule),
        }
        for rule in rules
    ]
    return json.dumps({"version": JSON_VERSION, "rules": entries}, indent=1) + "\n"


def as_markdown(rules: Iterable[type[Rule]]) -> str:
    """Put all pages one after the other."""
    return "\n".join(page(rule) for rule in rules)


def documentation(rules: Sequence[type[Rule]]) -> dict[str, str]:
    """Return the files of the documentation by name: the index and a page for each rule."""
    return {INDEX: index(rules), **{file_name(rule): page(rule) for rule in rules}}


def index(rules: Sequence[type[Rule]]) -> str:
    """Return a page with a table for each family of rules."""
    on = sum(state(rule) == "on" for rule in rules)
    parts = [
        _TITLE,
        f"{len(rules)} rules, {on} of them on by default. What is only advice (severity info) is "
        "shown with `--min-severity info`. `perflint explain RULE` shows a page in the terminal. "
        "This page and those of the rules are made from the rules by `make docs`.",
    ]
    for family, of_family in groupby(rules, key=lambda rule: rule.code[:4]):
        rows = [_row(rule) for rule in of_family]
        title = _FAMILIES.get(family)
        parts.append(f"## {family}xx: {title}" if title else f"## {family}xx")
        parts.append("\n".join([_HEAD, *rows]))
    return "\n\n".join(parts) + "\n"


def _row(rule: type[Rule]) -> str:
    cells = (
        rule.code,
        f"[{rule.name()}]({file_name(rule)})",
        plain(rule.pattern()).replace("|", "\\|"),
        rule.severity.value,
        state(rule),
        fix_kind(rule),
    )
    return f"| {' | '.join(cells)} |"


def write(rules: Sequence[type[Rule]], folder: Path) -> int:
    """Write the documentation into a folder, remove the pages of rules that are gone, and count.

    Raises PerflintError where the folder has an index that is none of ours.
    """
    files = documentation(rules)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / INDEX).exists() and _first_line(folder / INDEX) != _TITLE:
            raise PerflintError(f"{folder / INDEX} is no index of rules: give another folder")
        for path in folder.glob("*.md"):
            if path.name not in files and _first_line(path).startswith(f"# {path.stem} ("):
                path.unlink()
        for name, text in files.items():
            (folder / name).write_bytes(text.encode())
    except OSError as error:
        raise PerflintError(f"cannot write to {folder}: {error.strerror}") from error
    return len(files)


def _first_line(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").split("\n")[0]
