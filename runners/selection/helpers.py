"""Finds the helpers of perf tests that a change edits: modules of theirs that only tests import."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from .imports import ImportGraph
from .reasons import PerfFile

# Words by which people name folders of tests: `perf_tests`, `tests`, `benchmarks`.
_TESTS = re.compile(r"(?:^|[_-])(?:perf|perftests?|tests?|testing|bench|benchmarks?)(?:$|[_-])")


def edited_helpers(
    files: Iterable[PerfFile],
    ran: Mapping[str, frozenset[str] | None],
    changed: Iterable[str],
    graphs: Iterable[ImportGraph],
) -> dict[str, tuple[str, ...]]:
    """Map each perf-test file to the changed helpers that it imports, those with any.

    A helper is a Python file in the same folder of tests, which nothing outside of that folder
    imports: beside a perf test that lies among the code itself, every file is what is tested.
    `ran` is what each file can import, on either side (None: only a run can tell).
    """
    graphs, found = list(graphs), {}
    candidates = [name for name in changed if name.endswith(".py") and not _is_harness(name)]
    outside: dict[tuple[str, PurePosixPath], bool] = {}
    for file in files:
        folder, reach = _tests_folder(file.path), ran[file.path]
        if folder is None:
            continue
        helpers = []
        for name in candidates:
            if not PurePosixPath(name).is_relative_to(folder):
                continue
            if reach is not None and name not in reach:
                continue
            if (name, folder) not in outside:
                users = {user for graph in graphs for user in graph.importers(name)}
                strangers = [u for u in users if not PurePosixPath(u).is_relative_to(folder)]
                outside[name, folder] = bool(strangers)
            if not outside[name, folder]:
                helpers.append(name)
        if helpers:
            found[file.path] = tuple(sorted(helpers))
    return found


def _tests_folder(path: str) -> PurePosixPath | None:
    """Return the outermost folder of tests that a file lies in; None where it lies in none."""
    parts = PurePosixPath(path).parts[:-1]
    for number, part in enumerate(parts, 1):
        if _TESTS.search(part.lower()):
            return PurePosixPath(*parts[:number])
    return None


def _is_harness(name: str) -> bool:
    # Test files and conftests are looked after by themselves.
    path = PurePosixPath(name)
    return path.name.startswith("test_") or path.stem.endswith("_test") or path.stem == "conftest"
