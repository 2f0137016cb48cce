"""Makes a worker import its own worktree, and tells what it imported and opened."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from .git import blob_hash
from .provenance import FirstParty


def put_first(root: Path, repository: Path, inherited: str | None = None) -> frozenset[str]:
    """Put the worktree's folders first on the path; return those that lead into the worktree.

    They are relative to `root`, folders of mappings included.

    Whatever leads into the user's own checkout (`PYTHONPATH`, an editable install) is turned to the
    same folder of the worktree; otherwise both sides would import the checkout. What is installed
    in an environment there stays: this process's own, and `inherited`, which that lies over.
    """
    moved = [_moved(entry, root, repository, inherited) for entry in sys.path]
    first = [str(folder) for folder in (root, root / "src") if folder.is_dir()]
    sys.path[:] = [*first, *(entry for entry in moved if entry not in first)]
    folders = {Path(entry) for entry in sys.path}
    for name, module in list(sys.modules.items()):
        # Setuptools' editable installs keep their folders in mappings of the finder they generate.
        if not name.startswith("__editable__"):
            continue
        for package, folder in getattr(module, "MAPPING", {}).items():
            module.MAPPING[package] = _moved(folder, root, repository, inherited)
            folders.add(Path(module.MAPPING[package]).parent)
        for places in getattr(module, "NAMESPACES", {}).values():
            places[:] = [_moved(folder, root, repository, inherited) for folder in places]
    return frozenset(
        folder.relative_to(root).as_posix() for folder in folders if folder.is_relative_to(root)
    )


def _moved(entry: str, root: Path, repository: Path, inherited: str | None) -> str:
    path = Path(os.path.realpath(entry))
    # The worktree lies in the repository where the folder for temporary files does.
    if path.is_relative_to(root) or not path.is_relative_to(repository):
        return entry
    if {"site-packages", "dist-packages"} & set(path.parts):
        return entry
    # An environment in the repository. One around it, as /usr is around /usr/src/app, says nothing.
    for prefix in map(Path, map(os.path.realpath, (sys.prefix, inherited or sys.prefix))):
        if repository in prefix.parents and path.is_relative_to(prefix):
            return entry
    return str(root / path.relative_to(repository))


class OpenedFiles:
    """Notes which files of the worktree the process opens to read, data and configuration included.

    Also which Python files of the user's own checkout, `repository`: nothing should. Files opened
    by forked workers of a data loader are not seen.
    """

    def __init__(self, root: Path, repository: Path, inherited: str | None = None) -> None:
        self._root, self._repository, self._inherited = root, repository, inherited
        self._prefix, self._checkout = f"{root}/", f"{repository}/"
        self._names: set[str] = set()
        self._now: set[str] = set()
        self._early: frozenset[str] | None = None
        self._foreign: set[str] = set()
        sys.addaudithook(self._hook)

    def foreign_code(self) -> dict[str, str]:
        """Map the names of the checkout's Python files that were opened to these files."""
        return {
            Path(file).name.split(".")[0]: file
            for file in sorted(self._foreign)
            if _moved(file, self._root, self._repository, self._inherited) != file
        }

    def names(self) -> frozenset[str]:
        """Return the paths, relative to the worktree."""
        return frozenset(self._names)

    def start(self) -> None:
        """Begin what `since` tells of."""
        if self._early is None:
            self._early = self.names()
        self._now.clear()

    def early(self) -> list[str]:
        """Return the files opened before the first `start`, such as by code that is imported."""
        return sorted(self._early or ())

    def since(self) -> list[str]:
        """Return the files opened since the last `start`, relative to the worktree."""
        return sorted(self._now)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(args[0], str | bytes) or _only_writes(*args[1:3]):
            return
        name = os.path.abspath(os.fsdecode(args[0]))
        if name.startswith(self._prefix) and "/__pycache__/" not in name:
            own = name.removeprefix(self._prefix)
            if own != ".git":  # where the worktree's own folder of git lies: another place each
                self._names.add(own)
                self._now.add(own)
        elif name.startswith(self._checkout) and name.endswith((".py", ".pyc")):
            self._foreign.add(name)


def _only_writes(mode: object, flags: object) -> bool:
    """Whether a file is opened to be written alone: logs, checkpoints. `os.open` has no mode."""
    if isinstance(mode, str):
        return "+" not in mode and not {"w", "x", "a"}.isdisjoint(mode)
    return isinstance(flags, int) and flags & os.O_ACCMODE == os.O_WRONLY


def modules_of(root: Path) -> set[str]:
    """Return the files of the worktree that are imported modules, relative to `root`."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    paths = (Path(os.path.realpath(file)) for file in files if isinstance(file, str))
    return {path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root)}


def imported(
    root: Path,
    repository: Path,
    own: FirstParty,
    opened: Iterable[str],
    inherited: str | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what ran: blob hashes of the worktree's files, and first-party modules from outside.

    The first maps paths relative to `root` to git blob hashes, of imported modules and `opened`
    files; the second maps module names to the file they came from. Whatever lies in the user's own
    checkout, `repository`, is first-party by any name.
    """
    names, elsewhere = set(opened), {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        path = Path(os.path.realpath(file))
        if path.is_relative_to(root):
            names.add(path.relative_to(root).as_posix())
        else:
            elsewhere[name] = file
    outside = {
        name: file
        for name, file in elsewhere.items()
        if own.owns(name)
        or _moved(file, root, repository, inherited) != file
        # A changed file that did not run, while a module of its name came from elsewhere.
        or own.loose.get(name, "") not in ("", *names)
    }
    hashes = {}
    for name in sorted(names):
        path = root / name
        if path.is_file():
            hashes[name] = blob_hash(path.read_bytes())
    return hashes, outside
