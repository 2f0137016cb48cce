"""Decides which perf tests a change can affect: by imports, and when in doubt, all of them."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .imports import ImportGraph
from .result import FileReason, Selection

# Files that no training step reads. Everything else that is not Python is a doubt.
_PROSE = {".md", ".rst", ".adoc", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf", ".ipynb"}
_NOT_CODE = {"LICENSE", "CODEOWNERS", ".gitignore", ".gitattributes", ".mailmap", "CITATION.cff"}
_NOT_CODE_FOLDERS = {".github", ".circleci", ".vscode", ".idea", "docs", "doc"}


@dataclass(frozen=True, slots=True)
class PerfFile:
    """A file that holds perf tests: `tests` are the names of its test functions."""

    path: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The perf-test files to run, and why; `ran` maps each to the files that it can import.

    A file maps to None where only a run can tell what it imports. `doubts` are changed files that
    are neither Python nor prose, which a run may read unseen.
    """

    files: tuple[PerfFile, ...]
    selection: Selection
    ran: Mapping[str, frozenset[str] | None]
    doubts: tuple[str, ...] = ()


def find_perf_files(root: Path, files: Iterable[str], within: Iterable[str] = ()) -> list[PerfFile]:
    """Find the tracked files with a test function that asks for the fixture `perf`."""
    folders = [PurePosixPath(folder) for folder in within]
    found = []
    for name in files:
        path = PurePosixPath(name)
        if not name.endswith(".py") or (folders and not any(map(path.is_relative_to, folders))):
            continue
        try:
            raw = (root / name).read_bytes()
        except OSError:
            continue  # a tracked file that is a dangling link or was deleted
        tests = _perf_tests(raw) if b"perf" in raw and b"def test" in raw else ()
        if tests:
            found.append(PerfFile(name, tests))
    return found


def _perf_tests(raw: bytes) -> tuple[str, ...]:
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError):
        # It may well hold perf tests: let pytest say what is wrong with it, if it is marked as one.
        return ("(does not parse)",) if b"mark.perf" in raw else ()
    return tuple(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test")
        and any(arg.arg == "perf" for arg in (*node.args.args, *node.args.kwonlyargs))
    )


def choose(
    perf_files: Iterable[PerfFile],
    changed: Iterable[str],
    graphs: Iterable[ImportGraph],
    *,
    everything: bool = False,
) -> Choice:
    """Choose the perf-test files that some changed file can affect on either side."""
    perf_files, changed, graphs = list(perf_files), list(changed), list(graphs)
    ran = {file.path: _reach(file, graphs) for file in perf_files}
    doubts = [name for name in changed if _is_doubt(name)]
    chosen = [
        file for file in perf_files if everything or doubts or _affected(ran[file.path], changed)
    ]
    reasons = tuple(FileReason(name, _used_by(name, perf_files, ran)) for name in changed)
    affected = sum(len(file.tests) for file in chosen)
    selection = Selection(sum(len(file.tests) for file in perf_files), affected, reasons)
    return Choice(tuple(chosen), selection, ran, tuple(doubts))


def _reach(file: PerfFile, graphs: list[ImportGraph]) -> frozenset[str] | None:
    """Return the files a perf test can import on either side, conftest files above it included."""
    start = [file.path, *_conftests(file.path)]
    reach: frozenset[str] = frozenset()
    for graph in graphs:
        files, dynamic = graph.closure(start)
        if dynamic:
            return None
        reach |= files
    return reach


def _conftests(path: str) -> list[str]:
    return [str(folder / "conftest.py") for folder in PurePosixPath(path).parents]


def _affected(reach: frozenset[str] | None, changed: list[str]) -> bool:
    return any(name.endswith(".py") and (reach is None or name in reach) for name in changed)


def _is_doubt(name: str) -> bool:
    """Whether a changed file may matter to any test: configuration, data, a build script."""
    path = PurePosixPath(name)
    if name.endswith((".py", ".pyi")):
        return False
    return not (
        path.suffix.lower() in _PROSE
        or path.name in _NOT_CODE
        or path.parts[0] in _NOT_CODE_FOLDERS
    )


def _used_by(
    name: str, perf_files: list[PerfFile], ran: Mapping[str, frozenset[str] | None]
) -> str:
    if name.endswith(".py"):
        users = [t for f in perf_files if _affected(ran[f.path], [name]) for t in f.tests]
        return ", ".join(users) if users else "no perf test"
    return "perhaps all: not Python, but a run may read it" if _is_doubt(name) else "not code"
