"""Asks git: revisions, worktrees of their own for base and head, a snapshot of the working tree."""

import difflib
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ... import PerflintError

# Set while a git hook runs; they would turn every command to the hook's own repository and index.
_OF_A_HOOK = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
}

# What a snapshot commit needs and a CI machine may not have configured. It is never pushed.
_IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "perflint"), ("EMAIL", "perflint@localhost"))
}

# A snapshot is written into the object store and checked out once more: more than that is a data
# set or checkpoints that nobody meant to be part of a change.
_MOST_UNTRACKED_BYTES = 10**9
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit to check out: `snapshot` says that it holds the working tree as it was."""

    sha: str
    name: str
    snapshot: bool = False
    parent: str | None = None  # the commit that a snapshot stands on


def git(root: Path, *words: str, env: Mapping[str, str] | None = None) -> str:
    """Run git in `root` and return what it prints. Raises PerflintError with git's own words."""
    done = _git(root, words, env)
    if done.returncode:
        raise PerflintError(f"git {words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _git(
    root: Path, words: Sequence[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    # No hooks: the project's post-checkout is meant for the user's checkout, not for ours.
    quiet = ("core.quotePath=off", "advice.detachedHead=false", f"core.hooksPath={os.devnull}")
    command = ["git", *(word for setting in quiet for word in ("-c", setting)), *words]
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        return subprocess.run(
            command,
            cwd=root,
            env={**inherited, **(env or {})},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise PerflintError("git is not installed: perflint compares commits with it") from error


def repository(folder: Path) -> Path:
    """Return the root of the git repository that `folder` lies in."""
    done = _git(folder, ["rev-parse", "--show-toplevel"])
    if done.returncode:
        if "not a git repository" in done.stderr:
            raise PerflintError(
                f"{folder} is not inside a git repository: run perflint in a clone of your project"
            )
        # For instance a checkout that another user owns; git says what to do about it.
        raise PerflintError(done.stderr.strip())
    return Path(done.stdout.rstrip("\n"))


def resolve(root: Path, name: str) -> Commit:
    """Find the commit that the user calls `name`."""
    done = _git(
        root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
    )
    if done.returncode or not done.stdout.strip():
        if _git(root, ["rev-parse", "--verify", "--quiet", "HEAD"]).returncode:
            raise PerflintError(
                f"{root} has no commit yet, so there is nothing to compare: commit first"
            )
        raise PerflintError(
            f"unknown revision {name!r}: git knows no such commit, branch or tag here"
            f"{_nearest(root, name)} (in CI, fetch the whole history: `fetch-depth: 0`)"
        )
    return Commit(done.stdout.strip(), name)


def _nearest(root: Path, name: str) -> str:
    """Name the branch or tag that is spelt most like this, where one is."""
    listed = _git(root, ["for-each-ref", "--format=%(refname:short)", "refs"]).stdout.split()
    usual = {"main": "master", "master": "main"}.get(name, "")
    near = [usual] if usual in listed else difflib.get_close_matches(name, listed, n=1)
    return f"; the nearest is {near[0]!r}" if near else ""


def merge_base(root: Path, base: str, head: str) -> Commit:
    """Find the commit where head's history left base's."""
    done = _git(root, ["merge-base", base, head])
    if done.returncode:
        raise PerflintError(
            f"{base} and {head} have no common ancestor here "
            "(in CI, fetch the whole history: `fetch-depth: 0`)"
        )
    return Commit(done.stdout.strip(), base)


def committed(root: Path, sha: str) -> datetime:
    """When a commit was made, as its committer's clock had it."""
    return datetime.fromtimestamp(int(git(root, "show", "-s", "--format=%ct", sha)), UTC)


def snapshot(root: Path) -> Commit:
    """Commit the working tree (tracked, staged and unignored untracked files) to nowhere.

    The user's index, branches and files stay as they are; the commit hangs in the object store
    until git's own housekeeping removes it. Raises PerflintError where untracked files are so large
    that they were hardly meant.
    """
    refuse_dirty_submodules(root)
    _refuse_large_untracked(root)
    parent = resolve(root, "HEAD").sha
    index = Path(git(root, "rev-parse", "--git-path", "index").strip())
    with tempfile.TemporaryDirectory(prefix="perflint-index-") as folder:
        mine = Path(folder, "index")
        if (root / index).exists():
            # Keeps what git already knows of unchanged files, so that a large tree is quick.
            shutil.copyfile(root / index, mine)
        env = {"GIT_INDEX_FILE": str(mine)}
        git(root, "add", "--all", "--", ":/", env=env)
        tree = git(root, "write-tree", env=env).strip()
    message = "perflint: the working tree"
    sha = git(root, "commit-tree", tree, "-p", parent, "-m", message, env=_IDENTITY).strip()
    return Commit(sha, "working tree", snapshot=True, parent=parent)


def _refuse_large_untracked(root: Path) -> None:
    listing = git(root, "ls-files", "--others", "--exclude-standard", "-z")
    sizes = {name: _bytes_of(root / name) for name in listing.split("\0") if name}
    total = sum(sizes.values())
    if total <= _MOST_UNTRACKED_BYTES:
        return
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:_MOST_NAMED]
    told = ", ".join(f"{name} ({sizes[name] / 1e9:.2f} GB)" for name in largest)
    raise PerflintError(
        f"the working tree has {total / 1e9:.1f} GB of files that git neither tracks nor ignores, "
        "and measuring it would write them into the repository and check them out once more. "
        f"Largest: {told}. Ignore them (.gitignore or .git/info/exclude), commit what belongs to "
        "the change, or measure the last commit with `--head HEAD`"
    )


def _bytes_of(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0  # gone by now, or not for us to see: `git add` says what is wrong with it
    # A repository inside this one is listed as a folder, and is added by its commit's name only.
    return 0 if stat.S_ISDIR(found.st_mode) else found.st_size


def refuse_dirty_submodules(root: Path) -> None:
    """Raise PerflintError where a submodule holds changes that no commit here names."""
    status = git(
        root, "status", "--porcelain=v2", "--untracked-files=no", "--ignore-submodules=none"
    )
    for line in status.splitlines():
        # The path comes last and may hold spaces; a renamed entry ("2") has a score before it.
        fields = line.split(" ", 9 if line.startswith("2") else 8)
        # In the third field "S" marks a submodule, then come c(ommit), m(odified), u(ntracked).
        if (
            fields[0] in ("1", "2")
            and fields[2].startswith("S")
            and set(fields[2][2:]) & {"M", "U"}
        ):
            path = fields[-1].split("\t")[0]
            raise PerflintError(
                f"the submodule {path} has uncommitted changes, which cannot be measured as part "
                "of the working tree: commit or stash them inside the submodule"
            )


@contextmanager
def worktree(root: Path, commit: Commit, at: Path) -> Iterator[Path]:
    """Check `commit` out into the new folder `at`, and remove it again at the end."""
    try:
        git(root, "worktree", "add", "--detach", "--force", str(at), commit.sha)
        _fill_submodules(root, at)
        yield at
    finally:
        if _git(root, ["worktree", "remove", "--force", "--force", str(at)]).returncode:
            # Only then: prune also forgets worktrees of the user's that lie on an absent disk.
            shutil.rmtree(at, ignore_errors=True)
            _git(root, ["worktree", "prune"])


def _fill_submodules(root: Path, at: Path) -> None:
    """Take each submodule that the user's checkout has, at the commit that this side names.

    Submodules of submodules as well.
    """
    for line in git(at, "ls-files", "--stage").splitlines():
        mode, sha, _ = line.split("\t")[0].split(" ")
        path = line.split("\t", 1)[1]
        if mode != "160000" or not (root / path / ".git").exists():
            continue
        git(at, "clone", "--quiet", "--no-checkout", "--shared", str(root / path), path)
        done = _git(at / path, ["checkout", "--quiet", "--detach", sha])
        if done.returncode:
            raise PerflintError(
                f"the submodule {path} lacks the commit {sha[:7]}: run `git submodule update "
                f"--init`; in CI, fetch its whole history too ({done.stderr.strip()})"
            )
        _fill_submodules(root / path, at / path)


def changed_files(root: Path, base: str, head: str) -> tuple[str, ...]:
    """List the files that differ between two commits, old and new names of a renamed one."""
    listing = git(root, "diff", "--name-only", "--no-renames", "-z", "--end-of-options", base, head)
    return tuple(sorted(filter(None, listing.split("\0"))))


def tracked_files(root: Path) -> tuple[str, ...]:
    """List the files of a worktree that git knows, submodules' files included."""
    return tuple(filter(None, git(root, "ls-files", "-z", "--recurse-submodules").split("\0")))


def blob_hash(data: bytes) -> str:
    """Return the name that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
