"""Which folders of a repository its top-level packages are imported from; runs nothing."""

import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

# Where Python and pytest look without being told.
DEFAULT = frozenset({".", "src"})

_PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")
_SETTINGS = (*_PROJECTS, "pytest.ini", ".pytest.ini", "tox.ini")
# What a `setup.py` says as plain text: package_dir={"": "python"}, find_packages("python").
_IN_SETUP = re.compile(
    r"""package_dir\s*=\s*\{([^}]*)\} | find(?:_namespace)?_packages\(\s*(['"][^'"]+['"])
        | \bwhere\s*=\s*(\[[^\]]*\]|['"][^'"]+['"])""",
    re.VERBOSE,
)
_STRING = re.compile(r"""(?::\s*|^\s*|[\[,]\s*)['"]([^'"]+)['"]""")


def import_roots(root: Path, files: Iterable[str]) -> frozenset[str]:
    """Return the folders of the worktree `root`, relative to it, that packages are imported from.

    The root itself and `src`; each folder with a project file of its own, and the `src` in it; and
    what pytest's `pythonpath` and the settings of builds name. `files` are the tracked ones. Any
    other folder may hold an `integrations/wandb/`, which is not what `import wandb` finds.
    """
    roots = set(DEFAULT)
    for name in files:
        path = PurePosixPath(name)
        if path.name not in _SETTINGS:
            continue
        if path.name in _PROJECTS:
            roots |= {str(path.parent), str(path.parent / "src")}
        roots |= {_joined(path.parent, folder) for folder in _named(root / name)}
    return frozenset(roots)


def _joined(folder: PurePosixPath, more: str) -> str:
    parts: list[str] = []
    for part in (folder / more).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))


def _named(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if file.name == "setup.py":
        for match in _IN_SETUP.finditer(text):
            yield from _STRING.findall(next(filter(None, match.groups()), ""))
    elif file.suffix == ".toml":
        try:
            yield from _in_toml(tomllib.loads(text))
        except tomllib.TOMLDecodeError:
            return  # pytest and pip cannot read it either
    else:
        yield from _in_ini(text)


def _in_toml(document: dict[str, Any]) -> Iterator[str]:
    def at(*keys: str) -> Any:
        table: Any = document.get("tool")
        for key in keys:
            table = table.get(key) if isinstance(table, dict) else None
        return table

    yield from _words(at("pytest", "ini_options", "pythonpath"))
    yield from _words(at("pytest", "pythonpath"))
    folders = at("setuptools", "package-dir")
    for package, folder in (folders if isinstance(folders, dict) else {}).items():
        for name in _words(folder):
            yield name if not package else str(PurePosixPath(name).parent)
    yield from _words(at("setuptools", "packages", "find", "where"))
    packages = at("poetry", "packages")
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict):
            yield from _words(package.get("from"))
    yield from _words(at("maturin", "python-source"))
    yield from _words(at("pdm", "build", "package-dir"))
    for package in _words(at("hatch", "build", "targets", "wheel", "packages")):
        yield str(PurePosixPath(package).parent)
    yield from _words(at("hatch", "build", "targets", "wheel", "sources"))


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _in_ini(text: str) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for section in ("pytest", "tool:pytest"):
        yield from parser.get(section, "pythonpath", fallback="").split()
    for line in parser.get("options", "package_dir", fallback="").splitlines():
        package, _, folder = (part.strip() for part in line.partition("="))
        if folder:
            yield folder if not package else str(PurePosixPath(folder).parent)
    yield from parser.get("options.packages.find", "where", fallback="").split()
