"""Holds base and head checked out side by side for as long as a run lasts."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..sample import Side
from .git import Commit, repository, resolve, snapshot, worktree
from .git import merge_base as find_merge_base


@dataclass(frozen=True, slots=True)
class Checkout:
    """Both sides on disk. `repository` is the user's own checkout, which stays as it is."""

    repository: Path
    base: Commit
    head: Commit
    base_root: Path
    head_root: Path
    scratch: Path

    def root(self, side: Side) -> Path:
        """Return the worktree of one side."""
        return self.base_root if side is Side.BASE else self.head_root

    @property
    def words(self) -> str:
        """What is compared with what, for people: `the working tree with 2262ab7 (main)`."""
        head = "the working tree" if self.head.snapshot else _called(self.head)
        return f"{head} with {_called(self.base)}"


def _called(commit: Commit) -> str:
    short = commit.sha[:7]
    return short if commit.sha.startswith(commit.name) else f"{short} ({commit.name})"


@contextmanager
def check_out(
    folder: Path, base: str, head: str | None, *, merge_base: bool = False
) -> Iterator[Checkout]:
    """Check both sides out into worktrees of their own; `head` None is the working tree.

    With `merge_base`, base is the commit where head's history left `base`, as in a pull request.
    Raises PerflintError: no repository, unknown revision, a submodule with uncommitted changes.
    """
    root = repository(folder)
    before = resolve(root, base)
    after = resolve(root, head) if head is not None else snapshot(root)
    if merge_base:
        # People know it by the name they gave.
        before = replace(find_merge_base(root, before.sha, after.parent or after.sha), name=base)
    with tempfile.TemporaryDirectory(prefix="perflint-", ignore_cleanup_errors=True) as folder_name:
        scratch = Path(folder_name).resolve()
        with (
            worktree(root, before, scratch / "base") as base_root,
            worktree(root, after, scratch / "head") as head_root,
        ):
            yield Checkout(root.resolve(), before, after, base_root, head_root, scratch)
