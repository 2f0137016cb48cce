"""Joins what both sides collected: which tests there are, and where they could not be found."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..result import Failure
from ..sample import PerfTest, Side
from ..text.words import DETAIL_LINES
from .reasons import PerfFile

# What pytest says where it cannot work as it is called or configured (its status 4). It ends with
# that status where a conftest fails as well, which is a failure of the tests.
_USAGE = re.compile(r"^the process ended with status 4$", re.MULTILINE)
_CONFTEST = re.compile(r"^ImportError while loading conftest", re.MULTILINE)
_COMPLAINT = re.compile(r"^(?:.*?: error|ERROR): (?!usage:)(?P<line>.+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Collected:
    """One side's perf tests, and for each node that pytest could not collect the reason.

    The node "" stands for all of them: the process itself failed; `hangs`: it gave no answer.
    `unmarked` are tests that take the fixture `perf` and lack its mark.
    """

    tests: list[PerfTest]
    errors: Mapping[str, str]
    hangs: bool = False
    unmarked: tuple[str, ...] = ()


def join(
    sides: Mapping[Side, Collected], files: set[str]
) -> list[tuple[PerfTest, dict[Side, Failure]]]:
    """List each test of either side with the sides that lack it and why.

    Head's description of a test holds where both have one. A file of `files` that neither side
    could collect stands in for its tests.
    """
    tests: dict[str, PerfTest] = {}
    for side in (Side.BASE, Side.HEAD):
        tests |= {test.id: test for test in sides[side].tests}
    for collected in sides.values():
        tests |= _stand_ins(collected.errors, tests, files)
    seen = {side: {test.id for test in collected.tests} for side, collected in sides.items()}
    return [
        (test, {s: _failure(test, sides[s].errors) for s in sides if test.id not in seen[s]})
        for test in tests.values()
    ]


def wrong_call(collected: Collected) -> str | None:
    """Return pytest's complaint about its command line or its settings, where there is one."""
    text = collected.errors.get("", "")
    if not _USAGE.search(text) or _CONFTEST.search(text):
        return None
    found = _COMPLAINT.search(text)
    return found["line"].strip() if found else text.strip().splitlines()[-1]


def unmarked_notes(nodes: Iterable[str]) -> list[str]:
    """Say which tests would be perf tests if they were marked."""
    names = dict.fromkeys(map(function_of, nodes))
    return [f"{name} takes `perf` but is not marked `@pytest.mark.perf`" for _, name in names]


def uncollected(
    files: Iterable[PerfFile],
    tests: Iterable[PerfTest],
    keyword: str,
    unmarked: Iterable[str] = (),
) -> list[str]:
    """Say which perf tests the files hold by their text and pytest did not collect.

    Those that are `unmarked` have been told.
    """
    names = {function_of(test.id) for test in tests}
    if keyword:
        return [] if names else [f"-k {keyword!r} selects none of the affected perf tests"]
    whole = {path for path, name in names if name == path}
    names |= {function_of(node) for node in unmarked}
    return [
        f"pytest collected no perf test {name} in {file.path}: {_why_not(name)}"
        for file in files
        for name in file.tests
        if (file.path, name) not in names and file.path not in whole
    ]


def _why_not(name: str) -> str:
    if name.startswith("test"):
        return "is it marked with pytest.mark.perf?"
    return "does pytest's setting `python_functions` fit its name?"


def function_of(node: str) -> tuple[str, str]:
    """Return the file of a node and the name of its function, without parameters and class."""
    path, _, name = node.partition("::")
    return path, name.split("[")[0].split("::")[-1] or path


def _stand_ins(
    errors: Mapping[str, str], tests: Mapping[str, PerfTest], files: set[str]
) -> dict[str, PerfTest]:
    known = {test.path for test in tests.values()}
    # A process that failed as a whole could collect none of the files.
    nodes = files if "" in errors else errors
    return {
        node: PerfTest(node, path, 1)
        for node in sorted(nodes)
        if (path := node.split("::")[0]) in files
        and (path not in known if node == path else node not in tests)
    }


def _failure(test: PerfTest, errors: Mapping[str, str]) -> Failure:
    for node in (test.id, test.path, ""):
        if node in errors:
            lines = errors[node].strip().splitlines() or ["pytest could not collect it"]
            # pytest ends with the error itself, marked with an E.
            marked = [line[1:].strip() for line in lines if line.startswith("E ")]
            summary = marked[-1] if marked else lines[0]
            return Failure(summary, "\n".join(lines[-DETAIL_LINES:]))
    return Failure("pytest found no such test on this side", "")
