"""Which top-level names a repository may give to code of its own that is no Python file yet."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

# What is compiled, or mapped to another folder, has its name in what builds it.
_BUILDS = re.compile(r"setup\.py|setup\.cfg|CMakeLists\.txt|meson\.build|BUILD(\.bazel)?")
_NAMED = re.compile(
    r"""Extension\(\s*(?:name\s*=\s*)?['"]([\w.]+)
        | (?:pybind11_add_module|nanobind_add_module|Python\d?_add_library)\(\s*(\w+)
        | \b(?:extension_module|pybind_extension|py_extension)\(\s*(?:name\s*=\s*)?['"](\w+)
        | package_dir\s*=\s*\{?\s*['"]?([\w.]+)
        | \bsetup\([^()]*?\bname\s*=\s*['"]([\w.-]+)
        | ^name\s*=\s*([\w.-]+)
    """,
    re.VERBOSE | re.MULTILINE,
)
# Tables of pyproject.toml that say what is built, and name no dependencies.
_TABLES = (
    ("flit", "module"),
    ("hatch", "build"),
    ("maturin",),
    ("pdm", "build"),
    ("poetry", "packages"),
    ("scikit-build",),
    ("setuptools",),
    ("uv", "build-backend"),
)
# What protoc makes of `train.proto`.
_GENERATED = ("_pb2", "_pb2_grpc")


def own_names(root: Path, files: Iterable[str]) -> frozenset[str]:
    """Return the names that an import may have which finds no package.

    Those of folders and files of any kind (a submodule that is not checked out, a `.proto`, a
    `.pyx`), and those that files of builds give. Any other package that is missing is missing
    where perf tests run as well, and is nobody's own code.
    """
    names = set[str]()
    for name in files:
        path = PurePosixPath(name)
        stem = path.name.partition(".")[0]
        names.update((*path.parts[:-1], stem, *(stem + end for end in _GENERATED)))
        if path.name == "pyproject.toml":
            names.update(_in_toml(_text(root / name)))
        elif _BUILDS.fullmatch(path.name):
            names.update(
                _top(word) for found in _NAMED.findall(_text(root / name)) for word in found
            )
    return frozenset(names)


def _in_toml(text: str) -> Iterator[str]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # pip cannot read it either
    for keys in (("project", "name"), *(("tool", *table) for table in _TABLES)):
        found: Any = document
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        yield from map(_top, _strings(found))


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield from value.replace("\\", "/").split("/")
        case list():
            for part in value:
                yield from _strings(part)
        case dict():
            for key, part in value.items():
                yield from _strings(key)
                yield from _strings(part)


def _top(name: str) -> str:
    """The top of a dotted name; a distribution's `my-package` is imported as `my_package`."""
    return name.partition(".")[0].replace("-", "_")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
