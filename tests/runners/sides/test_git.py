"""What git is asked, and that the user's checkout stays as it was."""

import os
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.sides.git import (
    Commit,
    blob_hash,
    changed_files,
    git,
    merge_base,
    refuse_dirty_submodules,
    repository,
    resolve,
    snapshot,
    tracked_files,
    worktree,
)


@pytest.fixture(autouse=True)
def local_submodules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git takes no submodule from a folder unless told to."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")


def state(repo: Any) -> tuple[str, ...]:
    """Everything of a checkout that a run must not change."""
    return (
        repo.git("status", "--porcelain=v2", "--branch", "--ignored"),
        repo.git("ls-files", "--stage"),
        repo.git("for-each-ref"),
        repo.git("worktree", "list"),
        repo.git("stash", "list"),
    )


def content(repo: Any, commit: Commit) -> dict[str, str]:
    names = repo.git("ls-tree", "-r", "-z", "--name-only", commit.sha).split("\0")
    return {name: repo.git("show", f"{commit.sha}:{name}") for name in names if name}


def with_submodule(repo: Any, make_repo: Any, path: str = "lib") -> Any:
    library = make_repo("library")
    library.commit({"code.py": "version = 1\n"})
    repo.commit({"README.md": "first"})
    repo.git("submodule", "add", "--quiet", str(library.root), path)
    repo.commit(message="with a submodule")
    return library


def test_a_folder_outside_any_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(PerflintError, match="is not inside a git repository: run perflint in"):
        repository(tmp_path)


def test_the_root_is_found_from_a_subfolder_whose_name_is_odd(repo: Any) -> None:
    folder = repo.root / "modèle neuf"
    folder.mkdir()
    assert repository(folder) == repository(repo.root) == repo.root


def test_without_git_the_message_says_so(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PerflintError, match="git is not installed"):
        repository(repo.root)


def test_a_name_is_resolved_and_an_unknown_one_is_refused_with_advice(repo: Any) -> None:
    sha = repo.commit({"a.py": "1"})
    repo.git("tag", "--annotate", "v1", "--message", "one")
    assert resolve(repo.root, "v1") == Commit(sha, "v1")
    for name in ("no-such", "--all", "HEAD:a.py", ""):
        with pytest.raises(PerflintError, match=r"unknown revision.*fetch-depth"):
            resolve(repo.root, name)


def test_a_slip_in_a_revision_names_the_nearest_branch_first(repo: Any) -> None:
    repo.commit({"a.py": "1"})
    repo.git("branch", "feature")
    with pytest.raises(PerflintError, match=r"'mainn'.*the nearest is 'main' \(in CI.*fetch-depth"):
        resolve(repo.root, "mainn")


def test_a_repository_without_commits_is_told_apart_from_an_unknown_name(repo: Any) -> None:
    with pytest.raises(PerflintError, match="has no commit yet"):
        resolve(repo.root, "main")
    with pytest.raises(PerflintError, match="has no commit yet"):
        snapshot(repo.root)


def test_the_merge_base_is_where_the_histories_part(repo: Any) -> None:
    fork = repo.commit({"a.py": "1"})
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit({"b.py": "1"})
    repo.git("checkout", "--quiet", "main")
    repo.commit({"a.py": "2"})
    assert merge_base(repo.root, "main", "topic").sha == fork
    repo.git("checkout", "--quiet", "--orphan", "alone")
    repo.commit(message="no parent")
    with pytest.raises(PerflintError, match=r"no common ancestor.*fetch-depth"):
        merge_base(repo.root, "main", "alone")


def test_a_snapshot_holds_the_working_tree_and_leaves_the_checkout_as_it_was(repo: Any) -> None:
    repo.commit({"kept.py": "1", "edited.py": "1", "gone.py": "1", ".gitignore": "*.log\n"})
    repo.write({"edited.py": "2", "staged.py": "3", "run.log": "no", "neu/ä b.py": "4"})
    repo.git("add", "staged.py")
    repo.write({"staged.py": "5"})
    (repo.root / "gone.py").unlink()
    before = state(repo)
    taken = snapshot(repo.root)
    assert state(repo) == before
    assert content(repo, taken) == {
        ".gitignore": "*.log",
        "edited.py": "2",
        "kept.py": "1",
        "neu/ä b.py": "4",
        "staged.py": "5",
    }
    assert taken.snapshot
    assert taken.parent == repo.git("rev-parse", "HEAD")


def test_a_snapshot_needs_no_configured_name(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"a.py": "1"})
    repo.git("config", "--unset", "user.name")
    repo.git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("HOME", str(repo.root / "nobody"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert snapshot(repo.root).sha


def test_a_snapshot_taken_in_a_linked_worktree_is_of_that_one(repo: Any) -> None:
    repo.commit({"a.py": "main"})
    other = repo.root.parent / "other"
    repo.git("worktree", "add", "--quiet", str(other), "-b", "other")
    (other / "a.py").write_text("other")
    assert content(repo, snapshot(other)) == {"a.py": "other"}
    assert content(repo, snapshot(repo.root)) == {"a.py": "main"}


def test_run_from_a_git_hook_the_folders_still_decide(
    repo: Any, make_repo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sha = repo.commit({"a.py": "1"})
    elsewhere = make_repo("elsewhere")
    elsewhere.commit({"b.py": "1"})
    monkeypatch.setenv("GIT_DIR", str(elsewhere.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere.root / ".git/index"))
    assert resolve(repo.root, "HEAD").sha == sha
    with worktree(repo.root, Commit(sha, "HEAD"), tmp_path / "tree") as at:
        assert tracked_files(at) == ("a.py",)


def test_a_worktree_holds_the_commit_and_is_removed_afterwards(repo: Any, tmp_path: Path) -> None:
    first = repo.commit({"a.py": "1"})
    repo.commit({"a.py": "2"})
    before = state(repo)
    place = tmp_path / "ein Ordner é"
    with worktree(repo.root, Commit(first, "main~1"), place) as at:
        assert (at / "a.py").read_text() == "1"
        assert str(place) in repo.git("-c", "core.quotePath=off", "worktree", "list")
        (at / "a.py").write_text("dirty")
        (at / "new.py").write_text("untracked")
    assert not place.exists()
    assert state(repo) == before


def test_a_worktree_is_removed_when_the_run_breaks_off(repo: Any, tmp_path: Path) -> None:
    sha = repo.commit({"a.py": "1"})
    before = state(repo)
    with (
        pytest.raises(KeyboardInterrupt),
        worktree(repo.root, Commit(sha, "main"), tmp_path / "tree"),
    ):
        raise KeyboardInterrupt
    assert not (tmp_path / "tree").exists()
    assert state(repo) == before


def test_a_worktree_that_cannot_be_filled_leaves_nothing_behind(repo: Any, tmp_path: Path) -> None:
    repo.commit({".gitattributes": "*.bin filter=broken\n", "a.bin": "1"})
    repo.git("config", "filter.broken.smudge", "false")
    repo.git("config", "filter.broken.required", "true")
    before = repo.git("worktree", "list")
    with (
        pytest.raises(PerflintError, match=r"(?s)git worktree failed.*smudge filter"),
        worktree(repo.root, resolve(repo.root, "HEAD"), tmp_path / "tree"),
    ):
        pass
    assert not (tmp_path / "tree").exists()
    assert repo.git("worktree", "list") == before


def test_a_worktree_of_the_users_on_an_absent_disk_is_not_forgotten(
    repo: Any, tmp_path: Path
) -> None:
    sha = repo.commit({"a.py": "1"})
    repo.git("worktree", "add", "--quiet", str(tmp_path / "disk"), "-b", "other")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with worktree(repo.root, Commit(sha, "main"), tmp_path / "tree"):
        pass
    assert str(tmp_path / "disk") in repo.git("worktree", "list")


def test_the_projects_hooks_do_not_run_in_our_worktrees(repo: Any, tmp_path: Path) -> None:
    sha = repo.commit({"a.py": "1"})
    hook = repo.root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
    hook.chmod(0o755)
    with worktree(repo.root, Commit(sha, "main"), tmp_path / "tree"):
        pass
    assert not (tmp_path / "ran").exists()


def test_a_clean_submodule_is_filled_at_the_commit_of_its_side(
    repo: Any, make_repo: Any, tmp_path: Path
) -> None:
    library = with_submodule(repo, make_repo, "ä lib")
    library.commit({"code.py": "version = 2\n"})
    inside = repo.root / "ä lib"
    git(inside, "pull", "--quiet")
    repo.commit(message="newer submodule")
    before = state(repo)
    for name, text in (("main~1", "version = 1\n"), ("main", "version = 2\n")):
        with worktree(repo.root, resolve(repo.root, name), tmp_path / "tree") as at:
            assert (at / "ä lib/code.py").read_text() == text
            assert set(tracked_files(at)) == {".gitmodules", "README.md", "ä lib/code.py"}
    assert state(repo) == before
    assert changed_files(repo.root, "main~1", "main") == ("ä lib",)


def test_submodules_of_submodules_are_filled_too(repo: Any, make_repo: Any, tmp_path: Path) -> None:
    inner = make_repo("inner")
    inner.commit({"deep.py": "1"})
    library = make_repo("library")
    library.git("submodule", "add", "--quiet", str(inner.root), "inner")
    library.commit()
    repo.commit({"README.md": "first"})
    repo.git("submodule", "add", "--quiet", str(library.root), "lib")
    repo.git("submodule", "update", "--init", "--recursive", "--quiet")
    repo.commit()
    with worktree(repo.root, resolve(repo.root, "HEAD"), tmp_path / "tree") as at:
        assert (at / "lib/inner/deep.py").read_text() == "1"
    assert repo.git("worktree", "list").count("\n") == 0


def test_a_submodule_without_the_commit_says_what_to_do(
    repo: Any, make_repo: Any, tmp_path: Path
) -> None:
    with_submodule(repo, make_repo)
    missing = "1" * 40
    repo.git("update-index", "--cacheinfo", f"160000,{missing},lib")
    repo.git("commit", "--quiet", "--message", "points nowhere")
    with (
        pytest.raises(PerflintError, match="submodule lib lacks the commit 1111111: run `git sub"),
        worktree(repo.root, resolve(repo.root, "HEAD"), tmp_path / "tree"),
    ):
        pass
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize("file", ["code.py", "untracked.py"])
def test_a_submodule_with_uncommitted_changes_is_refused(
    repo: Any, make_repo: Any, file: str
) -> None:
    with_submodule(repo, make_repo, "ä lib")
    refuse_dirty_submodules(repo.root)
    (repo.root / "ä lib" / file).write_text("version = 3\n")
    with pytest.raises(PerflintError, match="the submodule ä lib has uncommitted changes"):
        snapshot(repo.root)


def sparse(path: Path, size: int) -> None:
    """Make a file that takes no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_a_working_tree_full_of_untracked_data_is_refused(repo: Any) -> None:
    repo.commit({"a.py": "first"})
    sparse(repo.root / "data" / "train.bin", 800_000_000)
    sparse(repo.root / "model.ckpt", 300_000_000)
    before = state(repo)
    objects = repo.git("count-objects")
    with pytest.raises(PerflintError, match=r"has 1\.1 GB of files") as error:
        snapshot(repo.root)
    assert "Largest: data/train.bin (0.80 GB), model.ckpt (0.30 GB)." in str(error.value)
    assert "--head HEAD" in str(error.value)
    assert (state(repo), repo.git("count-objects")) == (before, objects)
    repo.write({".gitignore": "data/\n*.ckpt\n"})
    assert content(repo, snapshot(repo.root)).keys() == {"a.py", ".gitignore"}


def test_a_submodule_at_another_commit_is_part_of_the_snapshot(repo: Any, make_repo: Any) -> None:
    library = with_submodule(repo, make_repo)
    newer = library.commit({"code.py": "version = 2\n"})
    git(repo.root / "lib", "pull", "--quiet")
    assert newer in repo.git("ls-tree", snapshot(repo.root).sha, "lib")


def test_changed_files_have_both_names_of_a_renamed_one_and_odd_names_whole(repo: Any) -> None:
    repo.commit({"old.py": "a long enough text\n" * 9, "gone.py": "1", "same.py": "1"})
    repo.git("mv", "old.py", "new.py")
    (repo.root / "gone.py").unlink()
    repo.commit({"ein Name ü.yaml": "1"})
    assert changed_files(repo.root, "main~1", "main") == (
        "ein Name ü.yaml",
        "gone.py",
        "new.py",
        "old.py",
    )
    assert "ein Name ü.yaml" in tracked_files(repo.root)


def test_the_users_settings_for_diffs_change_nothing(repo: Any) -> None:
    repo.commit({"pkg/a.py": "1", "b.py": "1"})
    repo.commit({"pkg/a.py": "2", "b.py": "2"})
    for setting in ("diff.noprefix", "diff.relative", "color.ui", "diff.mnemonicPrefix"):
        repo.git("config", setting, "always" if setting == "color.ui" else "true")
    repo.git("config", "diff.external", "false")
    assert changed_files(repo.root, "main~1", "main") == ("b.py", "pkg/a.py")


def test_our_hash_of_a_file_is_gits(repo: Any) -> None:
    repo.commit({"a.py": "print('ü')\n"})
    data = (repo.root / "a.py").read_bytes()
    assert blob_hash(data) == repo.git("rev-parse", "HEAD:a.py")
    assert blob_hash(data + b"\n") != blob_hash(data)


def test_what_git_says_is_in_the_error(repo: Any) -> None:
    with pytest.raises(PerflintError, match=r"git rm failed: .*no-such-file"):
        git(repo.root, "rm", "no-such-file")
    assert os.environ.get("GIT_DIR") is None
