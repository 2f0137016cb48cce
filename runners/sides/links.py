"""Follows the symbolic links of a worktree: by which other names its files can be reached."""

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path


def other_names(root: Path, files: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Map files to the further names that links among `files` give them, all relative to `root`.

    A link to a folder gives one to each file below it; one that leaves the repository gives none.
    """
    names = sorted(files)
    top = os.path.realpath(root)
    found: dict[str, list[str]] = {}
    for link in names:
        path = os.path.join(top, link)
        if not os.path.islink(path):
            continue
        target = os.path.relpath(os.path.realpath(path), top)
        if target == ".." or target.startswith("../"):
            continue
        folder = "" if target == "." else f"{target}/"
        for name in _below(folder, names):
            found.setdefault(name, []).append(f"{link}/{name.removeprefix(folder)}")
        if os.path.isfile(path):
            found.setdefault(target, []).append(link)
    return {name: tuple(more) for name, more in found.items()}


def _below(folder: str, names: list[str]) -> list[str]:
    """Return the names that begin with `folder`; `names` are sorted."""
    begin = bisect_left(names, folder)
    end = begin
    while end < len(names) and names[end].startswith(folder):
        end += 1
    return names[begin:end]
