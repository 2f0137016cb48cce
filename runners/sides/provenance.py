"""Proves which code a side ran: first-party modules, the files they came from, their hashes."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from ..sample import PerfTest
from ..selection.declared import is_doubt, matching, may_be_declared
from ..selection.import_roots import DEFAULT
from ..selection.imports import module_names, package_folders
from ..text.words import some

_OTHERS = {"third_party", "thirdparty", "vendor", "vendored", "_vendor", "external", "extern"}


@dataclass(frozen=True, slots=True)
class FirstParty:
    """The module names that a repository itself provides.

    `regular` are top-level modules and packages with an `__init__.py`: whatever is imported under
    such a name is first-party. A folder without one gives way to an installed package of its name,
    as Python's import does, so of those only the `exact` modules that the repository holds count;
    and a `loggers/wandb.py` in such a folder makes no first-party `wandb`. Nor does a package
    `integrations/wandb/`, unless packages are imported from that folder: `within` maps the names of
    packages to the folders that they lie in, for those that may yet turn out to be.
    `loose` maps further names that a changed file may be imported by to that file.
    """

    regular: frozenset[str]
    exact: frozenset[str]
    loose: Mapping[str, str] = field(default_factory=dict)
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rooted_at(self, folders: Iterable[str]) -> "FirstParty":
        """Return the same with the packages that lie in these folders of the path."""
        on_path = set(folders)
        more = {name for name, places in self.within.items() if on_path & set(places)}
        return replace(self, regular=self.regular | more)

    def owns(self, module: str) -> bool:
        """Whether the repository provides `module`, a dotted name."""
        return module.split(".")[0] in self.regular or module in self.exact


def first_party(
    files: Iterable[str], changed: Iterable[str] = (), roots: frozenset[str] = DEFAULT
) -> FirstParty:
    """Work out the first-party names of a repository from its tracked files.

    `changed` are the files of them that a change touches and a perf test can reach, `roots` the
    folders that packages are imported from.
    """
    files = list(files)
    names = [name for name in files if name.endswith(".py")]
    packages = package_folders(names)
    regular: set[str] = set()
    exact: set[str] = set()
    within: dict[str, set[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        # A package kept under `third_party` is somebody else's, and is often installed as well.
        if _OTHERS & set(path.parts[:-1]):
            continue
        # Tests are found by file, not by name; a `tests` package lies in many an installed wheel.
        if path.name.startswith("test_") or path.name in ("conftest.py", "setup.py"):
            continue
        for module in module_names(name, packages):
            top = module.split(".")[0]
            # A repository may hold a `profile.py`; the standard library's is no copy of it.
            if top in sys.stdlib_module_names:
                continue
            folder = _imported_from(path, module)
            if "." in module:
                if folder in roots:
                    exact.add(module)
            elif path.name != "__init__.py":
                # A module, where `import` finds it by default.
                if folder in DEFAULT:
                    regular.add(module)
            elif folder in roots:
                regular.add(module)
            elif folder not in packages:
                within.setdefault(module, set()).add(folder)
    loose = {
        module: name
        for name in changed
        for module in module_names(name, packages)
        if module.split(".")[0] not in sys.stdlib_module_names
        # `import wandb` does not find `integrations/wandb`, which is nobody's copy of it.
        and ("." in module or module in regular or not name.endswith("/__init__.py"))
    }
    places = {name: tuple(sorted(folders)) for name, folders in within.items()}
    return FirstParty(frozenset(regular), frozenset(exact), loose, places)


def _imported_from(path: PurePosixPath, module: str) -> str:
    """Return the folder that has to be on the path for the file to be imported by this name."""
    own = path.parent if path.name == "__init__.py" else path.with_suffix("")
    return str(PurePosixPath(*own.parts[: -len(module.split("."))]))


@dataclass(frozen=True, slots=True)
class Provenance:
    """What one side ran for one test.

    `files` maps paths relative to the worktree to git blob hashes. `outside` maps first-party
    module names that came from elsewhere to the file they came from. `read` are the files that were
    opened while this test ran, `early` those that were opened before any test of its process did.
    `modules` are those of `files` that were imported.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    outside: Mapping[str, str] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    modules: frozenset[str] = frozenset()
    early: tuple[str, ...] = ()


def refusal(base: Provenance, head: Provenance) -> str | None:
    """Say why two sides are not comparable, or None where each ran its own code."""
    for side, provenance in (("base", base), ("head", head)):
        for module, file in sorted(provenance.outside.items()):
            return (
                f"{side} ran {module} from {file}, outside its own worktree: both sides would "
                "measure the same code. Uninstall that copy, or put the package's folder on "
                "pytest's `pythonpath`, so that each worktree's own comes first"
            )
    return None


def identical(
    base: Provenance,
    head: Provenance,
    ran: frozenset[str] | None,
    others: frozenset[str] = frozenset(),
    *,
    equal: Callable[[str], bool] = lambda name: False,
) -> bool:
    """Whether both sides ran the same code, and read the same content.

    The process ran other tests as well: of the Python files, those that only `others` can import
    are left out, and `ran` are those that this test can import (None: any). What was imported and
    nobody explains counts, as does every other file that was opened, data and configuration. Of two
    versions of a module, `equal` says whether they run the same code.
    """

    def content(provenance: Provenance) -> dict[str, str]:
        theirs = others - ran if ran is not None else frozenset()
        return {f: h for f, h in provenance.files.items() if f not in theirs}

    before, after = content(base), content(head)
    if before.keys() != after.keys():
        return False
    modules = base.modules & head.modules
    return all(before[name] == after[name] or (name in modules and equal(name)) for name in before)


def unseen(test: PerfTest, provenance: Provenance, seen: frozenset[str] | None) -> list[str]:
    """Say what a run used that the choice of perf tests does not know of.

    `seen` are the Python files that import statements lead to from the tests of this process; None
    where only a run can tell, so that every changed Python file runs the test.
    """
    notes = []
    hidden = [name for name in provenance.files if name.endswith(".py")]
    hidden = [name for name in hidden if seen is not None and name not in seen]
    if hidden:
        notes.append(
            f"ran {some(hidden)}, which no import statement shows: a change to that alone would "
            "not run this test (`--all` does)"
        )
    if test.reads is None:
        opened = dict.fromkeys((*provenance.read, *provenance.early))
        if prose := [name for name in opened if not name.endswith(".py") and not is_doubt(name)]:
            notes.append(
                f"read {some(prose)}, which is taken for prose: a change to that alone would not "
                "run this test, unless its `reads` declares it"
            )
        return notes
    told = "which its `reads` does not declare: a change to that alone would not run this test"
    if undeclared := _undeclared(provenance.read, test.reads):
        notes.append(f"read {some(undeclared)}, {told}")
    if early := [one for one in _undeclared(provenance.early, test.reads) if one not in undeclared]:
        notes.append(f"what is imported for it, or for tests beside it, read {some(early)}, {told}")
    return notes


def _undeclared(names: Iterable[str], globs: Iterable[str]) -> list[str]:
    return [name for name in names if may_be_declared(name) and matching(name, globs) is None]
