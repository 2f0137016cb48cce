"""Which file of the project an import means."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

# A full name that begins so gives the file itself: "@models/net.py:Net.forward".
FILE = "@"
# Where projects keep packages that are imported without naming the folder.
_SOURCE_FOLDERS = {"src", "lib", "python", "source"}


class Modules:
    """Finds modules by name, as Python would with the script's folder or the root on its path."""

    def __init__(self, files: Iterable[str]) -> None:
        """Take the paths of all files, relative to one folder, with forward slashes."""
        self._files: set[str] = set()
        self._by_last: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._path: dict[tuple[str, ...], str] = {}
        self._found: dict[tuple[str, str], tuple[str, str] | None] = {}
        for file in files:
            if not file.endswith(".py"):
                continue
            parts = PurePosixPath(file.removesuffix(".py")).parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            if parts and parts not in self._path:
                self._path[parts] = file
                self._by_last[parts[-1]].append(parts)

    def find(self, importer: str, name: str) -> tuple[str, str] | None:
        """Return the file that defines a full name, and what it is called in there."""
        if name.startswith(FILE):
            file, _, inner = name.removeprefix(FILE).rpartition(":")
            return file, inner
        # Files of one folder find the same under a name.
        key = importer.rpartition("/")[0], name
        if key not in self._found:
            self._found[key] = self._find(*key)
        return self._found[key]

    def module(self, importer: str, name: str) -> str | None:
        """Return the file that a full name stands for as a whole, where it is a module."""
        found = self.find(importer, name)
        return found[0] if found and not found[1] else None

    def _find(self, home: str, name: str) -> tuple[str, str] | None:
        folder = PurePosixPath(home).parts
        if name.startswith("."):
            return self._relative(folder, name)
        parts = tuple(name.split("."))
        for length in range(len(parts), 0, -1):
            found = self._absolute(folder, parts[:length])
            if found:
                return found, ".".join(parts[length:])
        return None

    def _relative(self, folder: tuple[str, ...], name: str) -> tuple[str, str] | None:
        rest = name.lstrip(".")
        up = len(name) - len(rest) - 1
        if up > len(folder):
            return None
        base = folder[: len(folder) - up]
        parts = tuple(part for part in rest.split(".") if part)
        for length in range(len(parts), -1, -1):
            found = self._path.get((*base, *parts[:length]))
            if found:
                return found, ".".join(parts[length:])
        return None

    def _absolute(self, folder: tuple[str, ...], module: tuple[str, ...]) -> str | None:
        """Prefer the module nearest to the importer; one that lies apart has to be the only one."""
        fitting = [p for p in self._by_last.get(module[-1], ()) if p[-len(module) :] == module]
        above = [p for p in fitting if _is_above(p[: -len(module)], folder)]
        if above:
            return self._path[max(above, key=len)]
        return self._path[fitting[0]] if len(fitting) == 1 and len(module) > 1 else None


def _is_above(base: tuple[str, ...], folder: tuple[str, ...]) -> bool:
    """Whether a folder is on the way from the root to the importer, or holds sources there."""
    if base == folder[: len(base)]:
        return True
    return base[-1] in _SOURCE_FOLDERS and base[:-1] == folder[: len(base) - 1]
