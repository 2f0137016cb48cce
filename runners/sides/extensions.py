"""Brings along what is compiled in the user's checkout and is not in git, or refuses to compare."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from ..sample import Side
from .checkout import Checkout
from .git import git

_COMPILED = (".so", ".pyd")
_SOURCES = {
    *(".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".cu", ".cuh", ".hip"),
    *(".pyx", ".pxd", ".pxi", ".rs", ".f90", ".cmake"),
}
_BUILD_FILES = {"setup.py", "CMakeLists.txt", "meson.build", "Cargo.toml", "Cargo.lock"}


def share_extensions(
    checkout: Checkout, ran: Mapping[str, frozenset[str] | None]
) -> tuple[list[str], str | None]:
    """Copy compiled extensions from the checkout into both worktrees; return notes and a refusal.

    Only those beside files that a perf test of `ran` can import. A worktree has what git has, so
    that it would lack them. One build serves both sides where its sources are the same on both and
    in the checkout, where it was built; else each side needs its own, and the sides are refused.
    """
    compiled = [name for name in _untracked(checkout.repository) if _is_beside(name, ran)]
    if not compiled:
        return [], None
    for side in Side:
        commit = checkout.base if side is Side.BASE else checkout.head
        if changed := _changed_source(checkout.repository, commit.sha):
            return [], (
                f"{compiled[0]} is compiled in your checkout and not in git, and {changed} differs "
                f"between {side.value} and the checkout, so it is no build of {side.value}: "
                "compare commits with the same compiled sources, or install each side's build into "
                "an environment of its own"
            )
    for name in compiled:
        for side in Side:
            there = checkout.root(side) / name
            if not there.exists() and there.parent.is_dir():
                shutil.copy2(checkout.repository / name, there)
    names = ", ".join(compiled[:3]) + (" and others" if len(compiled) > 3 else "")
    return [f"{names}: compiled in the checkout, not in git, and used for both sides"], None


def _untracked(repository: Path) -> list[str]:
    """List the compiled files that git does not hold, in folders of which it holds something."""
    listing = git(repository, "ls-files", "--others", "--directory", "-z")
    return sorted(name for name in listing.split("\0") if name.endswith(_COMPILED))


def _is_beside(name: str, ran: Mapping[str, frozenset[str] | None]) -> bool:
    folder = PurePosixPath(name).parent
    return any(
        reach is None or any(PurePosixPath(file).parent == folder for file in reach)
        for reach in ran.values()
    )


def _changed_source(repository: Path, sha: str) -> str | None:
    """Return a file that extensions are built from and that differs from the checkout's own."""
    listing = git(repository, "diff", "--name-only", "--no-renames", "-z", sha)
    return next(filter(_is_source, filter(None, listing.split("\0"))), None)


def _is_source(name: str) -> bool:
    path = PurePosixPath(name)
    # What has no suffix may be a submodule, which extensions are often built from.
    plain = not path.suffix and path.name not in ("LICENSE", "CODEOWNERS", "Makefile")
    return path.suffix in _SOURCES or path.name in _BUILD_FILES or plain


def missing_submodules(roots: Iterable[Path]) -> list[str]:
    """Say which submodules neither side has, since the user's checkout has not got them."""
    names = set()
    for root in roots:
        for line in git(root, "ls-files", "--stage", "-z").split("\0"):
            if line.startswith("160000 ") and not any((root / line.split("\t", 1)[1]).glob("*")):
                names.add(line.split("\t", 1)[1])
    return [
        f"the submodule {name} is not checked out here, so what imports from it cannot run: "
        "`git submodule update --init --recursive`"
        for name in sorted(names)
    ]
