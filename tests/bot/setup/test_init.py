"""`perflint init` from its words to the files that a repository then has."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("jinja2")

from torch_perflint.__main__ import main
from torch_perflint.bot import init
from torch_perflint.bot.setup.choices import Choices, as_scalar
from torch_perflint.bot.setup.plan import TABLE, Do, plan
from torch_perflint.bot.setup.source import read_action, read_lock
from torch_perflint.lints.config import load_config as load_lint_config
from torch_perflint.runners.config import load_config

from ...conftest import Repo
from .written import NAMES, parse

Captured = pytest.CaptureFixture[str]
PROJECT = '[project]\nname = "models"\n# a word of mine\n'
ACTION = ("--action", f"acme/perflint@{'a' * 40}")
WRITTEN = [*(f".github/workflows/{name}" for name in NAMES), "perf_tests/test_train.py"]


@pytest.fixture
def here(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    repo.commit({"pyproject.toml": PROJECT, "models/__init__.py": ""})
    monkeypatch.chdir(repo.root)
    return repo


def set_up(*words: str) -> int:
    return main(["init", *words])


def test_it_writes_settings_a_perf_test_and_the_workflows(here: Repo, capsys: Captured) -> None:
    assert set_up(*ACTION, "--action-version", "v0.1.0", "--yes") == 0
    changed = here.git("status", "--porcelain", "--untracked-files=all")
    assert {line[2:].strip() for line in changed.splitlines()} == {"pyproject.toml", *WRITTEN}
    settings = (here.root / "pyproject.toml").read_text()
    assert settings == f"{PROJECT}\n{TABLE}"
    assert load_config(here.root).paths == ("perf_tests",)
    load_lint_config(here.root)
    workflow = (here.root / ".github/workflows/perflint.yml").read_text()
    assert f"uses: acme/perflint@{'a' * 40} # v0.1.0" in workflow
    assert "python -m pip install --editable ." in workflow
    said = capsys.readouterr().out
    for path in WRITTEN:
        assert f"+++ b/{path}" in said and f"new           {path}" in said
    assert "added to      pyproject.toml" in said
    assert "make the environment perflint-fork" in said


FULL = """
import resource, sys
from torch_perflint.__main__ import main
from torch_perflint.bot import init
# From here on no file gets beyond this many bytes, as on a disk that is full.
init._agreed = lambda number: resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})) or True
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("size", [20, 1000])
def test_on_a_full_disk_no_half_of_a_file_is_left(here: Repo, size: int) -> None:
    """The first size stops it in the settings, the second in the first workflow."""
    pytest.importorskip("resource", reason="a limit of POSIX stands for the disk")
    words = [sys.executable, "-c", FULL.format(size=size), "init", *ACTION]
    done = subprocess.run(words, cwd=here.root, capture_output=True, text=True)
    name = "pyproject.toml" if size < 1000 else ".github/workflows/perflint.yml"
    assert done.returncode == 2 and f"cannot write {name}" in done.stderr, done.stderr
    left = [path for path in here.root.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert {path.name for path in left} == {"pyproject.toml", "__init__.py"}
    settings = (here.root / "pyproject.toml").read_text()
    assert settings == (PROJECT if size < 1000 else f"{PROJECT}\n{TABLE}")


@pytest.mark.parametrize("linked", [True, False])
def test_what_has_come_since_we_looked_is_not_written_over(
    here: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Captured, linked: bool
) -> None:
    mine = here.root / "perf_tests/test_train.py"

    def agreed(number: int) -> bool:
        mine.parent.mkdir()
        mine.write_text("mine\n")
        return True

    def refuse(*paths: object) -> None:
        raise PermissionError(1, "this file system has no hard links")

    monkeypatch.setattr(init, "_agreed", agreed)
    if not linked:
        monkeypatch.setattr(init.os, "link", refuse)
    assert set_up(*ACTION) == 2
    assert "cannot write perf_tests/test_train.py" in capsys.readouterr().err
    assert mine.read_text() == "mine\n"
    assert [path.name for path in mine.parent.iterdir()] == ["test_train.py"]
    # All that came before it is there, by a name of its own.
    assert (here.root / ".github/workflows/perflint.yml").read_text().endswith("\n")


def test_the_difference_is_a_patch_that_git_takes(here: Repo, capsys: Captured) -> None:
    assert set_up(*ACTION, "--diff") == 0
    patch = capsys.readouterr().out.partition("added to ")[0]
    assert here.git("status", "--porcelain") == ""
    done = subprocess.run(["git", "apply"], cwd=here.root, input=patch, text=True)
    assert done.returncode == 0
    assert set_up(*ACTION, "--yes", "--allow-dirty") == 0
    assert "there already" in capsys.readouterr().out


def test_a_second_time_changes_nothing(here: Repo) -> None:
    set_up(*ACTION, "--yes")
    here.commit()
    assert set_up(*ACTION, "--yes") == 0
    assert here.git("status", "--porcelain") == ""


def test_a_file_that_says_something_else_is_left_and_shown(here: Repo, capsys: Captured) -> None:
    mine = ".github/workflows/perflint.yml"
    here.commit({mine: "name: mine\n"})
    assert set_up(*ACTION, "--yes") == 1
    assert (here.root / mine).read_text() == "name: mine\n"
    said = capsys.readouterr().out
    assert f"--- a/{mine}\n+++ b/{mine}" in said and "-name: mine" in said
    assert f"yours         {mine}" in said and "Merge the difference above by hand" in said
    assert (here.root / WRITTEN[1]).exists()


def test_nobody_to_ask_is_an_error_and_writes_nothing(here: Repo, capsys: Captured) -> None:
    with open(os.devnull) as nothing, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", nothing)
        assert set_up(*ACTION) == 2
    assert "--yes" in capsys.readouterr().err
    assert here.git("status", "--porcelain") == ""


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("YES", 0), ("", 1), ("n", 1)])
def test_it_asks(here: Repo, monkeypatch: pytest.MonkeyPatch, answer: str, status: int) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    assert set_up(*ACTION) == status
    assert asked == ["\nWrite 6 files? [y/N] "]
    assert bool(here.git("status", "--porcelain")) == (status == 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "Say one of --action"),
        ((*ACTION, "--lock", "x.txt"), "Say one of --action"),
        (("--action", "acme/perflint@v1"), "write all 40 digits"),
        (("--action", "acme/perflint@" + "a" * 39), "write all 40 digits"),
        (("--action", "acme/perflint"), "write OWNER/REPO@"),
        (("--action", f"acme/perf lint@{'a' * 40}"), "write OWNER/REPO@"),
        (("--action", f"../..@{'a' * 40}"), "write OWNER/REPO@"),
        ((*ACTION, "--action-version", "v1\nrun: x"), "write a version"),
        ((*ACTION, "--runner", "gpu, a b"), "is no label of a runner"),
        ((*ACTION, "--runner", ","), "needs a label"),
        ((*ACTION, "--environment", "a'b"), "is no name of an environment"),
        ((*ACTION, "--python", "3"), "is no version of Python"),
        ((*ACTION, "--artifact-host", "https://x"), "is no host"),
        ((*ACTION, "--command-branch", "a'b"), "is no branch"),
        (("--lock", "missing.txt"), "cannot read --lock missing.txt"),
    ],
)
def test_wrong_words_are_refused_and_nothing_is_written(
    here: Repo, capsys: Captured, words: tuple[str, ...], says: str
) -> None:
    assert set_up(*words, "--yes") == 2
    assert says in capsys.readouterr().err
    assert here.git("status", "--porcelain") == ""


def test_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    assert set_up(*ACTION, "--yes") == 2
    assert "not inside a git repository" in capsys.readouterr().err


def test_without_settings_of_the_project(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    repo.commit({"a.py": ""})
    monkeypatch.chdir(repo.root)
    assert set_up(*ACTION, "--yes") == 2
    assert "touch pyproject.toml" in capsys.readouterr().err


def test_changes_that_are_not_committed(here: Repo, capsys: Captured) -> None:
    here.write({"models/__init__.py": "x = 1\n"})
    assert set_up(*ACTION, "--yes") == 2
    said = capsys.readouterr().err
    assert "models/__init__.py" in said and "--allow-dirty" in said
    assert not (here.root / "perf_tests").exists()
    assert set_up(*ACTION, "--yes", "--allow-dirty") == 0


def test_from_a_folder_below_the_root(here: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.root / "models")
    assert set_up(*ACTION, "--yes") == 0
    assert (here.root / WRITTEN[0]).is_file()


def test_a_link_that_leads_out_of_the_repository(
    here: Repo, tmp_path: Path, capsys: Captured
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (here.root / ".github").symlink_to(outside)
    here.commit()
    assert set_up(*ACTION, "--yes") == 2
    assert "leads out of the repository" in capsys.readouterr().err
    assert not [file for file in outside.rglob("*") if file.is_file()]


def test_what_has_changed_since_it_was_shown_is_not_written_over(
    here: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def agreed(number: int) -> bool:
        here.write({"pyproject.toml": "other", WRITTEN[0]: "other"})
        return True

    monkeypatch.setattr(init, "_agreed", agreed)
    assert set_up(*ACTION) == 2
    assert "has changed since" in capsys.readouterr().err
    assert (here.root / "pyproject.toml").read_text() == "other"
    assert (here.root / WRITTEN[0]).read_text() == "other"


@pytest.mark.parametrize(
    ("before", "do"),
    [
        ("", Do.ADD),
        ("[tool.x]\na = 1", Do.ADD),
        ("[tool.perflint.lints]\nselect = ['PFL1']\n", Do.ADD),
        ("[tool.perflint.runners]\nthreads = 2\n", Do.KEEP),
        ("[tool]\nperflint = {runners = {threads = 2}}\n", Do.KEEP),
    ],
)
def test_a_table_is_added_to_the_settings_once(before: str, do: Do) -> None:
    from pathlib import PurePosixPath

    step = plan((), {PurePosixPath("pyproject.toml"): before})[0]
    assert step.do is do
    assert step.after.startswith(before)
    assert tomllib.loads(step.after)["tool"]["perflint"]["runners"]


@pytest.mark.parametrize(
    "before", ["tool.perflint = {lints = {}}\n", "[tool]\nperflint = {lints = {}}\n"]
)
def test_settings_that_no_table_can_follow(here: Repo, capsys: Captured, before: str) -> None:
    here.commit({"pyproject.toml": before})
    assert set_up(*ACTION, "--yes") == 2
    said = capsys.readouterr().err
    assert "write it there yourself" in said and TABLE.splitlines()[0] in said
    assert (here.root / "pyproject.toml").read_text() == before


def test_settings_that_cannot_be_read(here: Repo, capsys: Captured) -> None:
    here.commit({"pyproject.toml": "[tool"})
    assert set_up(*ACTION, "--yes") == 2
    assert "cannot read pyproject.toml" in capsys.readouterr().err


def test_packages_locked_by_hash(here: Repo) -> None:
    lock = f"torch-perflint[bot]==0.1.0 \\\n    --hash=sha256:{'a' * 64}  # ours\n# all\n"
    here.commit({"locked.txt": lock, "requirements.txt": "torch\n"})
    assert set_up("--lock", "locked.txt", "--runner", "self-hosted, gpu", "--yes") == 0
    workflow = parse((here.root / WRITTEN[0]).read_text())
    assert workflow["jobs"]["measure"]["runs-on"] == ["self-hosted", "gpu"]
    runs = [step.get("run", "") for step in workflow["jobs"]["measure"]["steps"]]
    assert "python -m pip install --requirement requirements.txt --editable ." in runs
    assert "python -m pip install --quiet 'torch-perflint[bench,bot]==0.1.0'" in runs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "torch-perflint==0.1.0\n",
        "torch-perflint>=0.1.0 --hash=sha256:" + "a" * 64,
        "torch-perflint==0.1.0 --hash=sha256:abc",
        "torch-perflint==0.1.0 --hash=md5:" + "a" * 64,
        f"torch-perflint==0.1.0 --hash=sha256:{'a' * 64}\nlibcst\n",
        f"libcst==1.9.0 --hash=sha256:{'a' * 64}\n",
        f"--index-url https://x\ntorch-perflint==0.1.0 --hash=sha256:{'a' * 64}\n",
        f"torch-perflint @ https://x/y.whl --hash=sha256:{'a' * 64}\n",
        f"torch-perflint==0.1.0 ; x == '${{{{ github.token }}}}' --hash=sha256:{'a' * 64}\n",
    ],
)
def test_a_lock_that_locks_not_everything_is_refused(text: str) -> None:
    with pytest.raises(init.PerflintError, match=r"lock\.txt"):
        read_lock(text, "lock.txt")


def test_where_an_app_tells_no_workflow_has_a_token_that_may_write(here: Repo) -> None:
    assert set_up(*ACTION, "--app", "--yes") == 0
    folder = here.root / ".github" / "workflows"
    assert sorted(file.name for file in folder.iterdir()) == sorted(NAMES[:2])
    for file in folder.iterdir():
        assert ": write" not in file.read_text()


def test_an_install_command_of_any_form_is_one_text_to_yaml(here: Repo) -> None:
    command = 'pip install "x[a]" # and: {more}'
    assert set_up(*ACTION, "--install", command, "--yes") == 0
    workflow = parse((here.root / WRITTEN[0]).read_text())
    assert command in [step.get("run") for step in workflow["jobs"]["measure"]["steps"]]
    assert as_scalar("python -m pip install .") == "python -m pip install ."


def test_which_machines_stay_after_a_job() -> None:
    source = read_action(ACTION[1])
    hosted = [Choices(source, runner=(name,)) for name in ("ubuntu-latest", "macos-15")]
    own = [Choices(source, runner=labels) for labels in (("gpu",), ("self-hosted", "linux"))]
    assert not any(one.is_self_hosted for one in hosted)
    assert all(one.is_self_hosted for one in own)


def test_the_first_perf_test_has_no_finding(here: Repo) -> None:
    set_up(*ACTION, "--yes")
    assert main(["check", "--min-severity", "info", "--preview", "perf_tests"]) == 0


@pytest.mark.torch
def test_the_first_perf_test_runs_as_it_is(here: Repo) -> None:
    base = here.git("rev-parse", "HEAD")
    set_up(*ACTION, "--yes")
    here.commit()
    done = subprocess.run(
        [sys.executable, "-m", "torch_perflint", "bench", "--base", base, "--head", "HEAD"],
        cwd=here.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Both sides run head's test, and it trains a model of its own.
    assert re.search(r"^same +test_train ", done.stdout, re.MULTILINE), done.stdout
