"""Which lines a change adds or edits."""

import subprocess
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.changed import ChangedLines, changed_lines, parse_diff


def test_added_and_edited_lines_are_changed_and_others_are_not() -> None:
    changed = parse_diff(
        "diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n"
        "@@ -3 +3,2 @@ def f():\n-x\n+y\n+z\n@@ -9,2 +10,0 @@\n-q\n-r\n@@ -20,0 +19 @@\n+w\n"
    )
    assert changed.ranges == {"a.py": ((3, 4), (19, 19))}
    assert [line for line in range(1, 25) if changed.has("a.py", line)] == [3, 4, 19]
    assert changed.touches("a.py", 5, 30)
    assert not changed.touches("a.py", 5, 18)
    assert not changed.has("b.py", 3)


def test_a_new_file_is_changed_and_a_deleted_one_is_not_there() -> None:
    changed = parse_diff(
        "diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n"
        "@@ -0,0 +1,2 @@\n+a\n+b\n"
        "diff --git a/old.py b/old.py\ndeleted file mode 100644\n--- a/old.py\n+++ /dev/null\n"
        "@@ -1,2 +0,0 @@\n-a\n-b\n"
    )
    assert changed.paths() == ("new.py",)


def test_content_that_looks_like_a_header_is_content() -> None:
    changed = parse_diff(
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
        "@@ -1,2 +1,3 @@\n--- a/evil.py\n-++ b/evil.py\n+++ b/evil.py\n"
        "+@@ -1 +1,99 @@\n+diff --git\n"
        "\\ No newline at end of file\n@@ -7 +8 @@\n-a\n\\ No newline at end of file\n+b\n"
        "\\ No newline at end of file\n"
    )
    assert changed.ranges == {"a.py": ((1, 3), (8, 8))}


def test_binary_files_modes_and_nothing_at_all_have_no_lines() -> None:
    text = (
        "diff --git a/a.png b/a.png\nindex 1..2\nBinary files a/a.png and b/a.png differ\n"
        "diff --git a/run.py b/run.py\nold mode 100644\nnew mode 100755\n"
    )
    assert parse_diff(text).ranges == {}
    assert parse_diff("").ranges == {}


def test_quoted_paths_are_read() -> None:
    changed = parse_diff(
        'diff --git "a/a\\tb\\".py" "b/a\\tb\\".py"\n--- /dev/null\n'
        '+++ "b/a\\tb\\".py"\n@@ -0,0 +1 @@\n+a\n'
        'diff --git a/x b/x\n--- /dev/null\n+++ "b/\\303\\274.py"\n@@ -0,0 +1 @@\n+a\n'
    )
    assert changed.paths() == ('a\tb".py', "ü.py")


def test_none_stands_for_the_whole_file() -> None:
    assert ChangedLines({"a.py": None}).has("a.py", 999)


def _git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a b ü.py").write_text("1\n2\n3\n")
    (tmp_path / "gone.py").write_text("1\n")
    (tmp_path / "moved.py").write_text("1\n2\n3\n4\n")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "base")
    return tmp_path


def test_git_is_asked_for_two_commits(repository: Path) -> None:
    (repository / "sub" / "a b ü.py").write_text("1\nnew\n3\n")
    (repository / "gone.py").unlink()
    (repository / "moved.py").rename(repository / "sub" / "here.py")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "head")
    (repository / "later.py").write_text("not committed\n")
    changed = changed_lines(repository, "HEAD~1", "HEAD")
    assert changed.ranges == {"sub/a b ü.py": ((2, 2),), "sub/here.py": ((1, 4),)}


def test_the_working_tree_counts_with_what_git_does_not_know_yet(repository: Path) -> None:
    (repository / ".gitignore").write_text("ignored.py\n")
    (repository / "ignored.py").write_text("x\n")
    (repository / "sub" / "new.py").write_text("x\n")
    (repository / "gone.py").write_text("1\n2\n")
    changed = changed_lines(repository, "main")
    assert changed.ranges == {".gitignore": None, "sub/new.py": None, "gone.py": ((2, 2),)}


def test_paths_are_relative_to_the_folder_that_is_asked_about(repository: Path) -> None:
    (repository / "sub" / "new.py").write_text("x\n")
    (repository / "gone.py").write_text("2\n")
    assert changed_lines(repository / "sub", "HEAD").paths() == ("../gone.py", "new.py")


def test_settings_of_the_user_change_nothing(repository: Path) -> None:
    for name, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "core.quotePath": "true",
        "color.ui": "always",
        "diff.external": "false",
        "diff.interHunkContext": "9",
        "diff.renames": "true",
    }.items():
        _git(repository, "config", name, value)
    (repository / "sub" / "a b ü.py").write_text("x\n2\ny\n")
    assert changed_lines(repository, "HEAD").ranges == {"sub/a b ü.py": ((1, 1), (3, 3))}


def test_a_git_hook_of_another_repository_changes_nothing(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    _git(other, "init", "-q")
    (repository / "gone.py").write_text("2\n")
    # What git sets while it runs a hook.
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_PREFIX", "sub/")
    assert changed_lines(repository, "HEAD").ranges == {"gone.py": ((1, 1),)}


def test_an_unknown_revision_says_what_to_do(repository: Path) -> None:
    for revision in ("no-such-branch", "--output=x", ""):
        with pytest.raises(PerflintError, match="git knows no revision"):
            changed_lines(repository, revision)
    assert not (repository / "x").exists()


def test_a_folder_without_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(PerflintError, match="no git repository"):
        changed_lines(tmp_path, "HEAD")
