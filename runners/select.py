"""Decides which perf tests a change can affect: by imports, and when in doubt, all of them."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .imports import ImportGraph
from .result import FileReason, Selection

# Files that no training step reads. Everything else that is not Python is a doubt.
_PROSE = {".md", ".rst", ".adoc"}
# Beside the README these illustrate it; in any other folder they may be data.
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf", ".ipynb"}
_NOT_CODE = {"LICENSE", "CODEOWNERS", ".gitignore", ".gitattributes", ".mailmap", "CITATION.cff"}
_NOT_CODE_FOLDERS = {".github", ".circleci", ".vscode", ".idea", "docs", "doc"}


@dataclass(frozen=True, slots=True)
class PerfFile:
    """A file that may hold perf tests; pytest decides.

    `tests` are the names of its test functions, as far as the text tells: a file may inherit its
    tests, or make them at run time.
    """

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


def find_perf_files(
    root: Path,
    files: Iterable[str],
    within: Iterable[str] = (),
    *,
    graph: ImportGraph | None = None,
) -> list[PerfFile]:
    """Find the tracked files that may hold perf tests.

    With the import `graph` of `root`, also test files whose perf tests stand in a file they import.
    """
    folders = [PurePosixPath(folder) for folder in within]
    texts = {name: text for name in files if (text := _text(root / name)) is not None}
    hints = {name for name, text in texts.items() if text.hints}
    found = []
    for name, text in texts.items():
        path = PurePosixPath(name)
        inside = not folders or any(map(path.is_relative_to, folders))
        if not inside or path.name == "conftest.py":
            continue
        wanted = bool(text.tests)
        if _is_test_file(path) and not wanted:
            reach = graph.closure([name])[0] if graph and hints else frozenset()
            wanted = text.hints or not hints.isdisjoint(reach)
        if wanted:
            found.append(PerfFile(name, text.tests))
    return found


@dataclass(frozen=True, slots=True)
class _Text:
    """What the text of a file says: the perf tests in it, and whether it has to do with any."""

    tests: tuple[str, ...] = ()
    hints: bool = False


def _text(path: Path) -> _Text | None:
    if path.suffix != ".py":
        return None
    try:
        raw = path.read_bytes()
    except OSError:
        return None  # a tracked file that is a dangling link or was deleted
    return _read(raw) if b"perf" in raw else _Text()


def _read(raw: bytes) -> _Text:
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError):
        # It may well hold perf tests: let pytest say what is wrong with it, if it is marked as one.
        marked = b"mark.perf" in raw
        return _Text(("(does not parse)",) if marked and b"def test" in raw else (), marked)
    hints = any(_asks(node) or _names_mark(node) for node in ast.walk(tree))
    return _Text(tuple(_perf_tests(tree.body, marked=_sets_mark(tree.body))), hints)


def _perf_tests(body: Iterable[ast.AST], *, marked: bool) -> Iterator[str]:
    """Yield the test functions that ask for `perf` or carry its mark, by themselves or from above.

    Those inside `if` and `try` count as well, and those that a function makes.
    """
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            carries = marked or any(map(_is_mark, node.decorator_list))
            if node.name.startswith("test") and (carries or _asks(node)):
                yield node.name
            yield from _perf_tests(node.body, marked=False)
        elif isinstance(node, ast.ClassDef):
            carries = any(map(_is_mark, node.decorator_list)) or _sets_mark(node.body)
            yield from _perf_tests(node.body, marked=marked or carries)
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _perf_tests(ast.iter_child_nodes(node), marked=marked)


def _asks(node: ast.AST) -> bool:
    """Whether this is a function with an argument `perf`."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        arg.arg == "perf"
        for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    )


def _names_mark(node: ast.AST) -> bool:
    """Whether this is `pytest.mark.perf`, or `mark.perf`."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "perf"
        and getattr(node.value, "attr", getattr(node.value, "id", "")) == "mark"
    )


def _is_mark(node: ast.expr) -> bool:
    """Whether an expression holds the mark, called or not."""
    return any(map(_names_mark, ast.walk(node)))


def _sets_mark(body: Iterable[ast.stmt]) -> bool:
    """Whether a module or class marks all its tests by `pytestmark`."""
    return any(
        isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        and "pytestmark" in ast.unparse(node)
        and node.value is not None
        and _is_mark(node.value)
        for node in body
    )


def _is_test_file(path: PurePosixPath) -> bool:
    return path.name.startswith("test_") or path.stem.endswith("_test")


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
    selection = Selection(_count(perf_files), _count(chosen), reasons)
    return Choice(tuple(chosen), selection, ran, tuple(doubts))


def _count(files: Iterable[PerfFile]) -> int:
    # A file whose tests are not known by name holds one at least.
    return sum(max(len(file.tests), 1) for file in files)


def _reach(file: PerfFile, graphs: list[ImportGraph]) -> frozenset[str] | None:
    """Return the files a perf test can import on either side, conftest files above it included."""
    start = [file.path, *conftests(file.path)]
    reach: frozenset[str] = frozenset()
    for graph in graphs:
        files, dynamic = graph.closure(start)
        if dynamic:
            return None
        reach |= files
    return reach


def conftests(path: str) -> list[str]:
    """Return where pytest looks for conftest files of a test, the nearest first."""
    return [str(folder / "conftest.py") for folder in PurePosixPath(path).parents]


def _affected(reach: frozenset[str] | None, changed: list[str]) -> bool:
    return any(name.endswith(".py") and (reach is None or name in reach) for name in changed)


def _is_doubt(name: str) -> bool:
    """Whether a changed file may matter to any test: configuration, data, a build script."""
    path = PurePosixPath(name)
    if name.endswith((".py", ".pyi")):
        return False
    suffix = path.suffix.lower()
    return not (
        suffix in _PROSE
        or (suffix in _PICTURES and len(path.parts) == 1)
        or path.name in _NOT_CODE
        or path.parts[0] in _NOT_CODE_FOLDERS
    )


def _used_by(
    name: str, perf_files: list[PerfFile], ran: Mapping[str, frozenset[str] | None]
) -> str:
    if name.endswith(".py"):
        affected = [file for file in perf_files if _affected(ran[file.path], [name])]
        users = [test for file in affected for test in file.tests or (file.path,)]
        return ", ".join(users) if users else "no perf test"
    return "perhaps all: not Python, but a run may read it" if _is_doubt(name) else "not code"
