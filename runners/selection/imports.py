"""Which files of a repository a Python file imports, found without running anything."""

import importlib.util
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from ..sides.links import other_names
from .own_names import own_names
from .read_imports import FileImports, read_imports


class ImportGraph:
    """The import graph of one worktree. `files` are its tracked files, relative to `root`.

    `repository` is the user's own checkout: a package that is installed from there in editable mode
    has names that no folder of the worktree shows. What is reached through a link is reached by
    its own name as well.
    """

    def __init__(self, root: Path, files: Iterable[str], repository: Path | None = None) -> None:
        self._root = root
        self._own = [path.resolve() for path in (root, repository) if path is not None]
        tracked = list(files)
        self._tracked = tracked
        self._names = other_names(root, tracked)
        more = (name for names in self._names.values() for name in names)
        python = (name for name in (*tracked, *more) if name.endswith(".py"))
        self._files = list(dict.fromkeys(python))
        self._followed: dict[str, tuple[frozenset[str], bool]] = {}
        self._places: dict[str, list[Path] | None] = {}

    def other_names(self, name: str) -> tuple[str, ...]:
        """Return by which further names the links of the repository lead to a file."""
        return self._names.get(name, ())

    @cached_property
    def _behind(self) -> Mapping[str, str]:
        return {more: name for name, names in self._names.items() for more in names}

    @cached_property
    def modules(self) -> Mapping[str, tuple[str, ...]]:
        """Every dotted name a file can be imported by, with the files of that name.

        Any folder may be put on the path, so the name may begin at each of them.
        """
        found: dict[str, list[str]] = {}
        for name in self._files:
            parts = _dotted(name)
            for start in range(len(parts)):
                found.setdefault(".".join(parts[start:]), []).append(name)
        return {module: tuple(names) for module, names in found.items()}

    @cached_property
    def _submodules(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for module, names in self.modules.items():
            found.setdefault(module.rpartition(".")[0], set()).update(names)
        return {module: frozenset(names) for module, names in found.items() if module}

    @cached_property
    def _packages(self) -> frozenset[str]:
        return package_folders(self._files)

    @cached_property
    def _own_names(self) -> frozenset[str]:
        checkouts = {path.name for path in self._own}
        return own_names(self._root, self._tracked) | checkouts

    @cached_property
    def _by_name(self) -> Mapping[str, list[PurePosixPath]]:
        found: dict[str, list[PurePosixPath]] = {}
        for name in self._files:
            path = PurePosixPath(name)
            found.setdefault(path.name, []).append(path)
        return found

    def closure(self, start: Iterable[str]) -> tuple[frozenset[str], bool]:
        """Return all files that running `start` can import, and whether more may come at run time.

        Of `start`, files that this side does not have are left out.
        """
        here = set(self._files)
        waiting, seen, dynamic = [name for name in start if name in here], set[str](), False
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            found, doubtful = self._follow(name)
            dynamic = dynamic or doubtful
            waiting += found
        return frozenset(seen), dynamic

    def chain(self, start: Iterable[str], target: str) -> tuple[str, ...]:
        """Return a shortest chain of imports from one of `start` to `target`; empty: there is none.

        Each file of the chain imports the next.
        """
        came_from = self._came_from(start)
        if target not in came_from:
            return ()
        chain = [target]
        while (before := came_from[chain[-1]]) is not None:
            chain.append(before)
        return tuple(reversed(chain))

    def importers(self, target: str) -> Iterator[str]:
        """Yield the files that import `target` by themselves, not through others."""
        path = PurePosixPath(target)
        name = path.parent.name if path.name == "__init__.py" else path.stem
        for file in self._files:
            # Whoever imports it names it; to look for that is much quicker than to parse.
            if name in self._text(file) and target in self._follow(file)[0] and file != target:
                yield file

    def dynamic_at(self, start: Iterable[str]) -> str | None:
        """Return the nearest file that imports what only a run can tell; None where none does."""
        return next((name for name in self._came_from(start) if self._follow(name)[1]), None)

    def _came_from(self, start: Iterable[str]) -> dict[str, str | None]:
        """Map each file that `start` can import, the nearest first, to the one that imports it."""
        here = set(self._files)
        came_from: dict[str, str | None] = {name: None for name in start if name in here}
        waiting = deque(came_from)
        while waiting:
            importer = waiting.popleft()
            for name in sorted(self._follow(importer)[0]):
                if name not in came_from:
                    came_from[name] = importer
                    waiting.append(name)
        return came_from

    def _text(self, name: str) -> str:
        try:
            return (self._root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _imports(self, name: str) -> FileImports:
        try:
            text = (self._root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return FileImports(dynamic=True, readable=False)
        return read_imports(text)

    def _follow(self, importer: str) -> tuple[frozenset[str], bool]:
        """Return the files that one file imports, and whether there may be more."""
        if importer not in self._followed:
            imports = self._imports(importer)
            found: set[str] = set()
            for dotted in imports.names:
                for absolute in self._absolute(importer, dotted):
                    found.update(self._named(absolute))
            for path in imports.paths:
                found.update(self._at(path))
            if importer in self._behind:
                found.add(self._behind[importer])
            dynamic = imports.dynamic or self._hides_own_code(imports)
            self._followed[importer] = frozenset(found), dynamic
        return self._followed[importer]

    def _named(self, absolute: str) -> Iterator[str]:
        """Yield the files of a dotted name: importing a.b.c runs a and a.b as well."""
        parts = absolute.split(".")
        for end in range(1, len(parts) + 1):
            yield from self.modules.get(".".join(parts[:end]), ())
        if parts[-1] == "*":
            # `__all__` may name submodules, which are then imported.
            yield from self._submodules.get(".".join(parts[:-1]), ())

    def _at(self, path: str) -> Iterator[str]:
        """Yield the files whose path ends like that; any folder may be joined before it."""
        parts = tuple(part for part in PurePosixPath(path).parts if part not in ("..", "/"))
        for candidate in self._by_name.get(PurePosixPath(path).name, ()):
            shorter = min(len(parts), len(candidate.parts))
            if candidate.parts[-shorter:] == parts[-shorter:]:
                yield str(candidate)

    def _hides_own_code(self, imports: FileImports) -> bool:
        """Whether a name that no file here has may still be the repository's own code."""
        absolute = [name for name in imports.names if not name.startswith(".")]
        found = {_top(name) for name in absolute if any(self._named(name))}
        for top in {_top(name) for name in absolute} - found - sys.stdlib_module_names:
            if top not in self._places:
                self._places[top] = _installed_at(top)
            places = self._places[top]
            if places is None:
                # Where a missing package is provided for, it is missing on both sides.
                if top in imports.required and top in self._own_names:
                    return True
            elif any(self._is_own(place) for place in places):
                return True
        return False

    def _is_own(self, place: Path) -> bool:
        # A virtual environment may lie inside the repository.
        return not {"site-packages", "dist-packages"} & set(place.parts) and any(
            place.is_relative_to(root) for root in self._own
        )

    def _absolute(self, importer: str, dotted: str) -> Iterator[str]:
        if not dotted.startswith("."):
            yield dotted
            return
        name = dotted.lstrip(".")
        levels = len(dotted) - len(name)
        for own in module_names(importer, self._packages):
            is_package = PurePosixPath(importer).name == "__init__.py"
            package = own.split(".")[: None if is_package else -1]
            package = package[: len(package) - (levels - 1)]
            yield ".".join([*package, name] if name else package)


def _top(dotted: str) -> str:
    return dotted.partition(".")[0]


def _installed_at(top: str) -> list[Path] | None:
    """Return where Python finds a package, without importing it; None where it finds none."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else ())]
    return [Path(place).resolve() for place in places]


def package_folders(files: Iterable[str]) -> frozenset[str]:
    """Return the folders that hold an `__init__.py`."""
    paths = (PurePosixPath(name) for name in files)
    return frozenset(str(path.parent) for path in paths if path.name == "__init__.py")


def module_names(name: str, packages: frozenset[str]) -> tuple[str, ...]:
    """Return the dotted names that a file may be imported by.

    Counted from the repository's root, from a `src` folder, from the folder above its outermost
    package, and (as scripts and pytest do) from its own folder.
    """
    path = PurePosixPath(name)
    parts = _dotted(name)
    top = path.parent
    while str(top) in packages and str(top) != ".":
        top = top.parent
    starts = {0, len(top.parts)}
    if path.parts[0] == "src":
        starts.add(1)
    names = {".".join(parts[start:]) for start in starts}
    return tuple(sorted(found for found in names if found and _importable(found)))


def _dotted(name: str) -> list[str]:
    path = PurePosixPath(name)
    return [*path.parts[:-1], *([] if path.stem == "__init__" else [path.stem])]


def _importable(dotted: str) -> bool:
    return all(part.isidentifier() for part in dotted.split("."))
