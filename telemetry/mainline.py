"""The commits of a main branch in their order: by first parents, as pull requests came in."""

from collections.abc import Collection
from pathlib import Path

from .. import PerflintError
from ..runners.sides.git import git
from .record import Commit

_USUAL = ("main", "master", "trunk", "develop")
_FORMAT = "%H%x00%cI%x00%s"


def main_branch(root: Path) -> str:
    """Name the main branch: what `origin` says it is, or the one that has a usual name.

    Raises PerflintError where there is none such.
    """
    if named := _ask(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"):
        return named
    names = [f"{where}{name}" for where in ("origin/", "") for name in _USUAL]
    for name in names:
        if _ask(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
            return name
    raise PerflintError("which branch is the main one is not known: name it with --branch")


def main_commits(
    root: Path, branch: str, measured: Collection[str], after: int = 0
) -> list[Commit]:
    """Return the commits of a branch from the first that was measured to its tip, oldest first.

    `after`: those up to this place are known already, and left out where none of `measured` is one
    of them. Raises PerflintError where the checkout is shallow: places would be wrong.
    """
    if _ask(root, "rev-parse", "--is-shallow-repository") == "true":
        raise PerflintError(
            "this checkout is shallow, so that the order of commits is not known: "
            "`git fetch --unshallow` (actions/checkout: `fetch-depth: 0`)"
        )
    hashes = git(root, "rev-list", "--first-parent", "--reverse", branch, "--").split()
    place = {sha: position for position, sha in enumerate(hashes, 1)}
    wanted = [place[sha] for sha in measured if sha in place]
    if after:
        wanted.append(after + 1)
    if not wanted or min(wanted) > len(hashes):
        return []
    count = len(hashes) - min(wanted) + 1
    words = ("--first-parent", f"--max-count={count}", f"--format={_FORMAT}", "-z")
    told = git(root, "log", *words, branch, "--")
    return [
        Commit(sha, place[sha], at, subject)
        for sha, at, subject in _threes(told.rstrip("\0").split("\0"))
    ][::-1]


def repository_name(root: Path) -> str:
    """Name a repository as its remote does, OWNER/NAME, or else as its folder is called."""
    url = _ask(root, "remote", "get-url", "origin").removesuffix("/").removesuffix(".git")
    parts = [part for part in url.replace(":", "/").split("/") if part]
    return "/".join(parts[-2:]) if (len(parts) > 1 and "://" in url) or "@" in url else root.name


def _ask(root: Path, *words: str) -> str:
    """What git answers, "" where it says no."""
    try:
        return git(root, *words).strip()
    except PerflintError:
        return ""


def _threes(words: list[str]) -> list[tuple[str, str, str]]:
    return list(zip(words[::3], words[1::3], words[2::3], strict=True))
