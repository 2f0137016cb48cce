"""Finds what decides about a project's dependencies and is nothing that pip is given. Pure."""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..sample import Side
from .requirements import dynamic_files, extras_of, normalised, table_at

_FILES = {
    *("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile", "Pipfile.lock"),
    *("conda-lock.yml", "pixi.lock", "pixi.toml"),
}
_BY_NAME = re.compile(
    r"(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)|environment([-_.].*)?\.ya?ml",
    re.IGNORECASE,
)
# Tables of a pyproject.toml that name further dependencies, or where to take them from.
_TABLES = (
    *("dependency-groups", "tool.poetry.dependencies", "tool.poetry.group"),
    *("tool.poetry.dev-dependencies", "tool.pdm.dev-dependencies", "tool.pixi"),
    *("tool.uv.sources", "tool.uv.index", "tool.uv.dev-dependencies"),
    *("tool.uv.constraint-dependencies", "tool.uv.override-dependencies"),
)
_DYNAMIC = "tool.setuptools.dynamic.dependencies"
_OF_SETUP = ("install_requires", "extras_require")


def unread_parts(
    changed: Iterable[str], roots: Mapping[Side, Path], sources: tuple[str, ...]
) -> Iterator[str]:
    """Yield the changed files that say what to install and that `sources` do not cover.

    Of a pyproject.toml the tables that differ, as `pyproject.toml [table]`; of a setup.py and a
    setup.cfg only what they require counts.
    """
    for name in changed:
        path = PurePosixPath(name)
        base, head = (_text(roots[side] / name) for side in (Side.BASE, Side.HEAD))
        if path.name == "pyproject.toml":
            own = sources if len(path.parts) == 1 else ()
            before, after = _tables(base, own), _tables(head, own)
            for part in {**before, **after}:
                if before.get(part) != after.get(part):
                    yield f"{name} [{part}]"
        elif path.name == "setup.cfg":
            if _of_setup_cfg(base) != _of_setup_cfg(head):
                yield name
        elif path.name == "setup.py":
            if _of_setup_py(base) != _of_setup_py(head):
                yield name
        elif path.name in _FILES or _BY_NAME.fullmatch(path.name) or _is_in_folder(path):
            yield name


def _is_in_folder(path: PurePosixPath) -> bool:
    return path.suffix in (".txt", ".in") and path.parent.name == "requirements"


def _tables(text: str, sources: tuple[str, ...]) -> dict[str, Any]:
    """Return the tables of a pyproject.toml that name dependencies which `sources` leave out."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    found = {name: table_at(document, name) for name in _TABLES}
    read = {extra for source in sources for extra in extras_of(source)}
    if "" not in read:
        found["project.dependencies"] = table_at(document, "project.dependencies")
    if "" not in read or not dynamic_files(document):
        found[_DYNAMIC] = table_at(document, _DYNAMIC)
    extras = table_at(document, "project.optional-dependencies")
    for extra, lines in (extras if isinstance(extras, dict) else {}).items():
        if normalised(extra) not in read:
            found[f"project.optional-dependencies.{extra}"] = lines
    return found


def _of_setup_cfg(text: str) -> object:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return text
    extras = "options.extras_require"
    return (
        parser.get("options", "install_requires", fallback=""),
        dict(parser.items(extras)) if parser.has_section(extras) else {},
    )


def _of_setup_py(text: str) -> object:
    """Return what a setup.py requires; where that is computed, all of its text."""
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        words = [word for call in calls for word in call.keywords if word.arg in _OF_SETUP]
        return [(word.arg, ast.literal_eval(word.value)) for word in words]
    except (ValueError, SyntaxError, RecursionError):
        return text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
