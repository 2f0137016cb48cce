"""Tells a worktree's own files from those of installed packages."""

from pathlib import Path


class OwnCode:
    """Answers for each file name, once, whether it lies in the worktree."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}/"
        self._known: dict[str, str | None] = {}

    def path(self, file: str) -> str | None:
        """Return the path relative to the worktree, or None for a file that is not its own."""
        if file not in self._known:
            own = file.startswith(self._root) and "/site-packages/" not in file
            self._known[file] = file.removeprefix(self._root) if own else None
        return self._known[file]
