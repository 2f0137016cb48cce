"""Both sides on disk for as long as a run lasts."""

from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.sample import Side
from torch_perflint.runners.sides.checkout import Checkout, check_out


def texts(sides: Checkout, name: str) -> list[str]:
    return [(sides.root(side) / name).read_text() for side in (Side.BASE, Side.HEAD)]


def test_head_is_the_working_tree_unless_named(repo: Any) -> None:
    repo.commit({"pkg/a.py": "1"})
    repo.commit({"pkg/a.py": "2"})
    repo.write({"pkg/a.py": "3"})
    with check_out(repo.root / "pkg", "main~1", None) as sides:
        assert texts(sides, "pkg/a.py") == ["1", "3"]
        assert sides.repository == repo.root.resolve()
        assert sides.head.snapshot
    with check_out(repo.root, "main~1", "main") as sides:
        assert texts(sides, "pkg/a.py") == ["1", "2"]
        assert not sides.head.snapshot
    assert (repo.root / "pkg/a.py").read_text() == "3"


def test_nothing_is_left_after_the_run_nor_after_an_error(repo: Any) -> None:
    repo.commit({"a.py": "1"})
    with check_out(repo.root, "HEAD", None) as sides:
        scratch = sides.scratch
        assert scratch.exists()
    with pytest.raises(ZeroDivisionError), check_out(repo.root, "HEAD", None):
        raise ZeroDivisionError
    assert not scratch.exists()
    assert repo.git("worktree", "list").count("\n") == 0
    assert repo.git("branch", "--list").splitlines() == ["* main"]


def test_an_unknown_revision_leaves_nothing_behind_either(repo: Any) -> None:
    repo.commit({"a.py": "1"})
    for base, head in (("nowhere", None), ("HEAD", "nowhere")):
        with (
            pytest.raises(PerflintError, match="unknown revision 'nowhere'"),
            check_out(repo.root, base, head),
        ):
            pass
    assert repo.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("head", [None, "topic"])
def test_with_merge_base_what_others_pushed_meanwhile_is_not_compared(
    repo: Any, head: str | None
) -> None:
    fork = repo.commit({"a.py": "fork"})
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit({"b.py": "mine"})
    repo.git("checkout", "--quiet", "main")
    others = repo.commit({"a.py": "others"})
    repo.git("checkout", "--quiet", "topic")
    with check_out(repo.root, "main", head, merge_base=True) as sides:
        assert (sides.base.sha, sides.base.name) == (fork, "main")
        assert texts(sides, "a.py") == ["fork", "fork"]
    with check_out(repo.root, "main", head) as sides:
        assert sides.base.sha == others
        assert texts(sides, "a.py") == ["others", "fork"]


@pytest.mark.parametrize(("days", "told"), [(29, False), (31, True)])
def test_a_base_that_is_long_out_of_date_is_told(
    repo: Any, monkeypatch: pytest.MonkeyPatch, days: int, told: bool
) -> None:
    start = 1_700_000_000
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{start} +0000")
    fork = repo.commit({"a.py": "fork"})
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit({"b.py": "mine"})
    repo.git("checkout", "--quiet", "main")
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{start + days * 86_400} +0000")
    tip = repo.commit({"a.py": "others"})
    for name, called in (("main", "main"), (tip, tip[:7])):
        with check_out(repo.root, name, "topic", merge_base=True) as sides:
            said = f"base {fork[:7]} is where this change began, {days} days behind {called}: "
            assert (sides.old_base or "").startswith(said) is told
            assert (sides.old_base is not None) is told
    with check_out(repo.root, fork, "main") as sides:
        assert sides.old_base is None  # it was named


def test_a_repository_in_a_folder_with_spaces_and_accents_is_checked_out(make_repo: Any) -> None:
    repo = make_repo("mon dépôt 1")
    repo.commit({"modèle.py": "1"})
    with check_out(repo.root, "HEAD", None) as sides:
        assert texts(sides, "modèle.py") == ["1", "1"]
