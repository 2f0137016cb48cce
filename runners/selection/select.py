"""Decides which perf tests a change can affect: by imports, and when in doubt, all of them."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..result import FileReason, Selection
from ..sides.dependencies import Dependencies
from .declared import is_doubt, names_mark, perf_marks, reads_of
from .imports import ImportGraph
from .reasons import PerfFile, Seen, declared_by, explain, may_read, starts_of


@dataclass(frozen=True, slots=True)
class Choice:
    """The perf-test files to run, and why; `ran` maps each to the files that it can import.

    A file maps to None where only a run can tell what it imports. `doubts` are changed files that
    one of the chosen tests declares, or may read unseen where they are neither Python nor prose.
    `removed` are files that only base has. `dependencies` are what both sides declare to need.
    `helpers` maps perf-test files to the modules of their own that the change edits.
    `unread` are changed test files that Python cannot read, so that nobody knows what they hold.
    """

    files: tuple[PerfFile, ...]
    selection: Selection
    ran: Mapping[str, frozenset[str] | None]
    doubts: tuple[str, ...] = ()
    removed: tuple[PerfFile, ...] = ()
    dependencies: Dependencies = field(default_factory=Dependencies)
    helpers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def every_file(self) -> tuple[PerfFile, ...]:
        """The files to run of both versions."""
        return (*self.files, *self.removed)


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
            found.append(
                PerfFile(name, text.tests, text.reads, text.undeclared, text.unmarked, text.named)
            )
    return found


def unreadable(root: Path, changed: Iterable[str], within: Iterable[str] = ()) -> dict[str, str]:
    """Map the changed test files that Python cannot read to what is wrong with them."""
    folders = [PurePosixPath(folder) for folder in within]
    found = {}
    for name in changed:
        path = PurePosixPath(name)
        inside = not folders or any(map(path.is_relative_to, folders))
        if path.suffix != ".py" or not inside or not _is_test_file(path):
            continue
        try:
            ast.parse((root / name).read_bytes())
        except FileNotFoundError:
            continue  # the change deletes it
        except SyntaxError as error:
            found[name] = f"{error.msg} (line {error.lineno})"
        except (OSError, ValueError, RecursionError) as error:
            found[name] = str(error)
    return found


@dataclass(frozen=True, slots=True)
class _Text:
    """What the text of a file says: the perf tests in it, and whether it has to do with any."""

    tests: tuple[str, ...] = ()
    hints: bool = False
    reads: tuple[str, ...] | None = None
    undeclared: tuple[str, ...] = ()
    unmarked: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


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
    hints = any(_asks(node) or names_mark(node) for node in ast.walk(tree))
    marks = _own_marks(tree.body)
    tests = list(_perf_tests(tree.body, marked=bool(marks), reads=reads_of(marks)))
    declared = [reads for _, reads, _ in tests]
    known = [reads for reads in declared if reads is not None]
    reads = tuple(dict.fromkeys(glob for globs in known for glob in globs))
    every = bool(tests) and len(known) == len(declared)
    return _Text(
        tuple(name for name, _, _ in tests),
        hints,
        reads if every else None,
        undeclared=tuple(name for name, globs, _ in tests if globs is None) if known else (),
        unmarked=tuple(name for name, _, is_marked in tests if not is_marked),
        named=reads,
    )


_Declared = tuple[str, tuple[str, ...] | None, bool]


def _perf_tests(
    body: Iterable[ast.AST],
    *,
    marked: bool,
    reads: tuple[str, ...] | None,
    in_class: bool = False,
) -> Iterator[_Declared]:
    """Yield the test functions that ask for `perf` or carry its mark, by themselves or from above.

    Each with what it declares to read (the nearest mark holds) and whether it is marked. Those
    inside `if` and `try` count as well, and those that a function makes.
    """
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = list(perf_marks(node.decorator_list))
            asks = _asks(node) and not _is_fixture(node)
            # A project may call its tests otherwise (`python_functions`): then the mark tells.
            named = node.name.startswith("test") and (marked or asks)
            if own or named or (marked and asks and not in_class):
                yield node.name, reads_of(own) if own else reads, marked or bool(own)
            yield from _perf_tests(node.body, marked=False, reads=None)
        elif isinstance(node, ast.ClassDef):
            own = [*perf_marks(node.decorator_list), *_own_marks(node.body)]
            theirs = reads_of(own) if own else reads
            yield from _perf_tests(
                node.body, marked=marked or bool(own), reads=theirs, in_class=True
            )
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _perf_tests(
                ast.iter_child_nodes(node), marked=marked, reads=reads, in_class=in_class
            )


def _asks(node: ast.AST) -> bool:
    """Whether this is a function with an argument `perf`."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        arg.arg == "perf"
        for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    )


def _is_fixture(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)


def _own_marks(body: Iterable[ast.stmt]) -> list[ast.AST]:
    """Return the perf marks that a module or class gives all its tests by `pytestmark`."""
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        and "pytestmark" in ast.unparse(node)
        and node.value is not None
    ]
    return list(perf_marks(values))


def _is_test_file(path: PurePosixPath) -> bool:
    return path.name.startswith("test_") or path.stem.endswith("_test")


def choose(
    perf_files: Iterable[PerfFile],
    changed: Iterable[str],
    graphs: Iterable[ImportGraph],
    *,
    everything: bool = False,
    removed: Iterable[PerfFile] = (),
    altering: tuple[str, ...] = (),
    settings: Collection[str] = (),
) -> Choice:
    """Choose the perf-test files that some changed file can affect on either side.

    `removed` are those that only base has: they do not count as found or affected. `altering` are
    the files that alter the project's dependencies, which affect all; of `settings` only perflint's
    own have changed, which hold for both sides.
    """
    kept, gone, changed, graphs = list(perf_files), list(removed), list(changed), list(graphs)
    perf_files = [*kept, *gone]
    ran = {file.path: _reach(file, graphs) for file in perf_files}
    doubts = tuple(name for name in changed if is_doubt(name) and name not in settings)
    seen = Seen(tuple(changed), doubts, ran, tuple(graphs), altering)
    tests = tuple(explain(file, seen, everything=everything) for file in perf_files)
    chosen = [file for file, choice in zip(perf_files, tests, strict=True) if choice.runs]
    doubts = tuple(
        name
        for name in changed
        if any(
            declared_by(file, name, graphs) or (name in seen.doubts and may_read(file, name))
            for file in chosen
        )
    )
    used = {name: _used_by(name, perf_files, seen) for name in changed}
    used |= dict.fromkeys(settings, "no perf test: only perflint's settings differ")
    used |= {name: "all: it alters the dependencies" for name in altering if name in used}
    reasons = tuple(FileReason(name, used[name]) for name in changed)
    files, out = ([file for file in chosen if file in part] for part in (kept, gone))
    selection = Selection(_count(kept), _count(files), reasons, tests)
    return Choice(tuple(files), selection, ran, doubts, tuple(out))


def _count(files: Iterable[PerfFile]) -> int:
    # A file whose tests are not known by name holds one at least.
    return sum(max(len(file.tests), 1) for file in files)


def _reach(file: PerfFile, graphs: list[ImportGraph]) -> frozenset[str] | None:
    """Return the files a perf test can import on either side, conftest files above it included."""
    start = starts_of(file.path)
    reach: frozenset[str] = frozenset()
    for graph in graphs:
        files, dynamic = graph.closure(start)
        if dynamic:
            return None
        reach |= files
    return reach


def _affected(reach: frozenset[str] | None, changed: list[str]) -> bool:
    return any(name.endswith(".py") and (reach is None or name in reach) for name in changed)


def _used_by(name: str, perf_files: list[PerfFile], seen: Seen) -> str:
    affected = [file for file in perf_files if declared_by(file, name, seen.graphs)]
    if name.endswith(".py"):
        affected += [file for file in perf_files if _affected(seen.ran[file.path], [name])]
    elif is_doubt(name):
        affected += [file for file in perf_files if may_read(file, name)]
        everywhere = len(set(affected)) == len(perf_files)
        if everywhere and not all(file.reads for file in perf_files):
            return "perhaps all: not Python, but a run may read it"
    elif not affected:
        return "not code"
    users = [test for file in dict.fromkeys(affected) for test in file.tests or (file.path,)]
    return ", ".join(users) if users else "no perf test"
