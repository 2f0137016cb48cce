"""The order of a main branch's commits, as git tells it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.telemetry.mainline import main_branch, main_commits, repository_name

from ..conftest import Repo


@pytest.fixture
def repo(make_repo: Callable[[str], Repo]) -> Repo:
    return make_repo("models")


def commits_of(repo: Repo, count: int) -> list[str]:
    return [repo.commit(message=f"change {number}") for number in range(1, count + 1)]


def test_what_a_merge_brings_is_not_on_the_main_branch(repo: Repo) -> None:
    first, second = commits_of(repo, 2)
    repo.git("checkout", "--quiet", "-b", "topic")
    on_topic = repo.commit({"a": ""}, "on a branch")
    repo.git("checkout", "--quiet", "main")
    third = repo.commit({"b": ""}, "change 3")
    repo.git("merge", "--quiet", "--no-ff", "--message", "merge it", "topic")
    merge = repo.git("rev-parse", "HEAD")
    found = main_commits(repo.root, "main", [first, on_topic])
    assert [(one.sha, one.position) for one in found] == [
        (first, 1),
        (second, 2),
        (third, 3),
        (merge, 4),
    ]
    assert [one.subject for one in found][-2:] == ["change 3", "merge it"]
    assert all(one.at.startswith("20") for one in found)


def test_only_what_is_new_is_read_once_the_rest_is_known(repo: Repo) -> None:
    hashes = commits_of(repo, 5)
    places = [one.position for one in main_commits(repo.root, "main", [], after=3)]
    assert places == [4, 5]
    assert main_commits(repo.root, "main", [], after=5) == []
    # An older one that was measured later makes it go back to there.
    again = main_commits(repo.root, "main", [hashes[1]], after=3)
    assert [one.position for one in again] == [2, 3, 4, 5]
    assert main_commits(repo.root, "main", ["e" * 40]) == []


def test_subjects_may_be_anything(repo: Repo) -> None:
    commits_of(repo, 1)
    said = "über\t| <b> `x`"
    sha = repo.commit(message=f"{said}\n\nand a body")
    empty = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "")
    repo.git("update-ref", "refs/heads/main", empty)
    found = main_commits(repo.root, "main", [sha])
    assert [one.subject for one in found] == [said, ""]


def test_a_shallow_checkout_is_refused(repo: Repo, tmp_path: Path) -> None:
    commits_of(repo, 3)
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.root}", str(tmp_path / "shallow"))
    with pytest.raises(PerflintError, match="fetch-depth: 0"):
        main_commits(tmp_path / "shallow", "main", [])


def test_the_main_branch_is_what_origin_says_or_has_a_usual_name(
    repo: Repo, make_repo: Callable[[str], Repo], tmp_path: Path
) -> None:
    commits_of(repo, 1)
    assert main_branch(repo.root) == "main"
    repo.git("branch", "--move", "production")
    with pytest.raises(PerflintError, match="--branch"):
        main_branch(repo.root)
    repo.git("clone", "--quiet", str(repo.root), str(tmp_path / "clone"))
    assert main_branch(tmp_path / "clone") == "origin/production"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/models.git", "acme/models"),
        ("https://github.com/acme/models/", "acme/models"),
        ("git@github.com:acme/models.git", "acme/models"),
        ("ssh://git@ghe.acme.example:22/team/models", "team/models"),
        ("/srv/git/models.git", "models"),
        ("", "models"),
    ],
)
def test_a_repository_is_called_as_its_remote_is(repo: Repo, url: str, name: str) -> None:
    if url:
        repo.git("remote", "add", "origin", url)
    assert repository_name(repo.root) == name
