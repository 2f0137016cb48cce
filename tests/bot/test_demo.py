"""`perflint demo` makes its repository anywhere, and never at the cost of somebody's work."""

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("msgspec")

from torch_perflint import PerflintError
from torch_perflint.bot.demo import FILES, make_demo

CHANGED_FOR = {
    "minitrain/gpt.py": "perf_tests/test_gpt.py",
    "minitrain/steps.py": "perf_tests/test_convnet.py",
    "minitrain/data.py": "perf_tests/test_loader.py",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout


def commit_all(folder: Path) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
    git(folder, "add", "--all")
    git(folder, *who, "commit", "--quiet", "--message", "mine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "of mine"


def test_two_commits_change_one_file_for_each_perf_test(folder: Path) -> None:
    base, head = make_demo(folder)
    assert git(folder, "rev-list", "HEAD").split() == [head, base]
    assert set(git(folder, "diff", "--name-only", base, head).split()) == set(CHANGED_FOR)
    assert git(folder, "status", "--porcelain") == ""


def test_no_file_of_the_demo_has_a_name_that_package_data_leaves_out(folder: Path) -> None:
    assert not [file for file in FILES.rglob(".*") if file.is_file()]
    make_demo(folder)
    assert ".perflint/" in (folder / ".gitignore").read_text()


def _first_party(name: str, seen: set[str]) -> set[str]:
    """The files of the demo's base that `name` imports, itself included."""
    if name in seen or not (FILES / "base" / name).is_file():
        return seen
    seen.add(name)
    for node in ast.walk(ast.parse((FILES / "base" / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = f"minitrain.{node.module}" if node.level else node.module
            _first_party(module.replace(".", "/") + ".py", seen)
    return seen


def test_each_change_is_seen_by_one_perf_test_only() -> None:
    tests = sorted((FILES / "base" / "perf_tests").glob("test_*.py"))
    for changed, its_test in CHANGED_FOR.items():
        users = [t.name for t in tests if changed in _first_party(f"perf_tests/{t.name}", set())]
        assert users == [Path(its_test).name]
    # The walk above does follow imports: the training script reaches all but the language model.
    assert {"minitrain/steps.py", "minitrain/data.py"} <= _first_party("minitrain/train.py", set())


def test_the_hashes_are_the_same_whoever_makes_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_demo(folder)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname = someone\nemail = a@b.invalid\n[commit]\ngpgsign = true\n"
        "[core]\nautocrlf = true\n[gpg]\nprogram = false\n"
    )
    monkeypatch.setenv("HOME", str(home))
    # As in a git hook, where git says which repository it works on.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "someone else")
    assert make_demo(tmp_path / "second") == first


def test_an_untouched_demo_is_made_anew_and_keeps_its_output(folder: Path) -> None:
    first = make_demo(folder)
    (folder / ".perflint").mkdir()
    (folder / ".perflint" / "report.json").write_text("{}")
    assert make_demo(folder) == first
    assert (folder / ".perflint" / "report.json").exists()


def test_files_of_an_older_demo_do_not_stay(folder: Path) -> None:
    make_demo(folder)
    (folder / "minitrain" / "older.py").write_text("")
    commit_all(folder)
    ours = git(folder, "rev-list", "HEAD")
    (folder / ".git" / "perflint-demo").write_text(ours)
    make_demo(folder)
    assert not (folder / "minitrain" / "older.py").exists()


def _edit(folder: Path) -> None:
    (folder / "minitrain" / "steps.py").write_text("# mine\n")


def _add(folder: Path) -> None:
    (folder / "mine.txt").write_text("mine")


def _commit(folder: Path) -> None:
    _add(folder)
    commit_all(folder)


def _commit_on_a_branch(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "-b", "mine")
    _commit(folder)
    git(folder, "checkout", "--quiet", "-")


@pytest.mark.parametrize("change", [_edit, _add, _commit, _commit_on_a_branch])
def test_a_demo_with_work_of_somebody_is_refused_and_kept(
    folder: Path, change: Callable[[Path], None]
) -> None:
    make_demo(folder)
    change(folder)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "index"}
    with pytest.raises(PerflintError, match="has changes of yours"):
        make_demo(folder)
    assert before == {
        p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "index"
    }


def test_a_folder_with_anything_else_is_refused_and_kept(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("")
    with pytest.raises(PerflintError, match=r"is not empty and no demo of perflint.*--into"):
        make_demo(folder)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]


def test_a_repository_of_somebody_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    with pytest.raises(PerflintError, match="no demo of perflint"):
        make_demo(folder)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PerflintError, match="is a file"):
        make_demo(tmp_path / "file")
    with pytest.raises(PerflintError, match="cannot make the demo"):
        make_demo(tmp_path / "file" / "below")


def test_without_git_the_message_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(PerflintError, match="install git"):
        make_demo(folder)
    assert not folder.exists()
