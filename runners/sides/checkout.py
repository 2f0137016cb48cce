"""Holds base and head checked out side by side for as long as a run lasts."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from ..sample import Side
from .git import Commit, committed, repository, resolve, snapshot, worktree
from .git import merge_base as find_merge_base

# As long as no branch should live that is still to be merged.
OLD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Checkout:
    """Both sides on disk. `repository` is the user's own checkout, which stays as it is.

    `base_lag` is how much older base is than the commit that the user has named for it.
    """

    repository: Path
    base: Commit
    head: Commit
    base_root: Path
    head_root: Path
    scratch: Path
    base_lag: timedelta = timedelta()

    def root(self, side: Side) -> Path:
        """Return the worktree of one side."""
        return self.base_root if side is Side.BASE else self.head_root

    @property
    def words(self) -> str:
        """What is compared with what, for people: `the working tree with 2262ab7 (main)`."""
        head = "the working tree" if self.head.snapshot else _called(self.head)
        return f"{head} with {_called(self.base)}"

    @property
    def old_base(self) -> str | None:
        """Say that base is long out of date, where it is: a merge meets other code than that."""
        if self.base_lag < OLD:
            return None
        name = self.base.name
        behind = name[:7] if re.fullmatch(r"[0-9a-f]{40,64}", name) else name
        return (
            f"base {self.base.sha[:7]} is where this change began, {self.base_lag.days} days "
            f"behind {behind}: with what has come since, the change may cost more or less"
        )


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
    lag = timedelta()
    if merge_base:
        named = before
        # People know it by the name they gave.
        before = replace(find_merge_base(root, named.sha, after.parent or after.sha), name=base)
        lag = committed(root, named.sha) - committed(root, before.sha)
    with tempfile.TemporaryDirectory(prefix="perflint-", ignore_cleanup_errors=True) as folder_name:
        scratch = Path(folder_name).resolve()
        with (
            worktree(root, before, scratch / "base") as base_root,
            worktree(root, after, scratch / "head") as head_root,
        ):
            yield Checkout(root.resolve(), before, after, base_root, head_root, scratch, lag)
