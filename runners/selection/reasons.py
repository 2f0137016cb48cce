"""Explains why a perf test runs or not: the chain of imports, the declared file, or the doubt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..result import TestChoice
from ..text.numbers import ARROW
from ..text.words import some
from .declared import matching, may_be_declared
from .imports import ImportGraph


@dataclass(frozen=True, slots=True)
class PerfFile:
    """A file that may hold perf tests; pytest decides.

    `tests` are the names of its test functions, as far as the text tells: a file may inherit its
    tests, or make them at run time. `reads` are the globs of all files that its tests declare, None
    unless each of them does; where only some do, `undeclared` are the others. `named` are the globs
    that any of them declares. `unmarked` are those whose mark the text does not show.
    """

    path: str
    tests: tuple[str, ...]
    reads: tuple[str, ...] | None = None
    undeclared: tuple[str, ...] = ()
    unmarked: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the choice rests on: changed files, those in doubt, what each test file can import.

    `altering` are files that alter the dependencies.
    """

    changed: tuple[str, ...]
    doubts: tuple[str, ...]
    ran: Mapping[str, frozenset[str] | None]
    graphs: tuple[ImportGraph, ...]
    altering: tuple[str, ...] = ()


def conftests(path: str) -> list[str]:
    """Return where pytest looks for conftest files of a test, the nearest first."""
    return [str(folder / "conftest.py") for folder in PurePosixPath(path).parents]


def starts_of(path: str) -> list[str]:
    """Return the files that pytest itself imports for a test: it, conftests, its packages."""
    packages = [str(folder / "__init__.py") for folder in PurePosixPath(path).parents]
    return [path, *conftests(path), *packages]


def may_read(file: PerfFile, name: str) -> bool:
    """Whether a changed file in doubt may matter to these tests.

    Where all tests of a file declare what they read, data that no declaration names does not.
    """
    if file.reads is None or not may_be_declared(name):
        return True
    return matching(name, file.reads) is not None


def declared_by(file: PerfFile, name: str, graphs: Iterable[ImportGraph]) -> str | None:
    """Return the glob by which a test of the file declares to read `name`, or a link to it."""
    if not file.named:
        return None
    links = (more for graph in graphs for more in graph.other_names(name))
    return next((glob for one in (name, *links) if (glob := matching(one, file.named))), None)


def explain(file: PerfFile, seen: Seen, *, everything: bool) -> TestChoice:
    """Say whether the perf tests of a file run, and why; what is certain comes before doubts."""
    reach, start = seen.ran[file.path], starts_of(file.path)
    python = [name for name in seen.changed if name.endswith(".py")]
    for name in python:
        for graph in seen.graphs:
            if chain := graph.chain(start, name):
                return _runs(file, _imports(chain), name, chain)
    for name in seen.changed:
        # Prose, pictures and Python files as well, where a test says that it reads them.
        if glob := declared_by(file, name, seen.graphs):
            return _runs(file, f"its `reads` declares {name} ({glob})", name)
    if seen.altering:
        name = seen.altering[0]
        return _runs(file, f"the dependencies that {name} declares are not the same", name)
    if reach is None and python:
        where = next((at for graph in seen.graphs if (at := graph.dynamic_at(start))), file.path)
        why = f"in doubt: {where} imports what only a run can tell, and {python[0]} has changed"
        return _runs(file, why, python[0])
    for name in seen.doubts:
        if may_read(file, name):
            declares = "" if file.reads is None else ", which no `reads` can speak for"
            if file.undeclared and may_be_declared(name):
                verb = "declares" if len(file.undeclared) == 1 else "declare"
                declares = f"; {some(file.undeclared)} {verb} no `reads`"
            return _runs(file, f"in doubt: it may read {name}, not Python{declares}", name)
    if everything:
        return _runs(file, "all perf tests were asked for; the change cannot affect it", "")
    why = "it imports and reads none of the changed files" if seen.changed else "nothing changed"
    return TestChoice(file.path, file.tests, False, why)


def _runs(file: PerfFile, why: str, name: str, chain: tuple[str, ...] = ()) -> TestChoice:
    return TestChoice(file.path, file.tests, True, why, name, chain)


def _imports(chain: tuple[str, ...]) -> str:
    return f"it imports {chain[-1]}" if len(chain) > 1 else f"{chain[0]} itself has changed"


def explained(choices: tuple[TestChoice, ...]) -> str:
    """Write the choice for people: each file of perf tests, and why it runs or not."""
    lines = []
    for choice in choices:
        lines.append("::".join([choice.path, ", ".join(choice.tests)]).rstrip(":"))
        lines.append(f"  {'runs' if choice.runs else 'does not run'}: {choice.why}")
        if len(choice.chain) > 1:
            lines.append(f"    {f' {ARROW} '.join(choice.chain)}")
    return "\n".join(lines)
