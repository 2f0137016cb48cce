"""The hooks for pre-commit: what they run, and what pre-commit makes of them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from torch_perflint.__main__ import main

ROOT = Path(__file__).parent.parent.parent
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"- id: (\S+)\n(?:  .*\n)*?  entry: torch-perflint (.*)\n", HOOKS))
LOOP = """\
import torch
total = 0
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss
"""
FIXED = LOOP.replace("+= loss", "+= loss.detach()")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my train.py").write_text(LOOP)
    (tmp_path / "plain.py").write_text("import os\n")
    (tmp_path / "old.py").write_text("print 'an old Python'\n")
    (tmp_path / "notes.txt").write_text("import torch\n(")
    (tmp_path / "picture.py").write_bytes(b"\x89PNG\0")
    return tmp_path


@pytest.mark.usefixtures("project")
def test_the_check_passes_over_all_that_does_not_concern_it() -> None:
    words = shlex.split(ENTRIES["torch-perflint"])
    assert main([*words, "plain.py", "old.py", "notes.txt", "gone.py", "picture.py"]) == 0
    assert main(words) == 0
    assert main([*words, "plain.py", "my train.py"]) == 1


def test_the_fix_changes_the_files_and_says_nothing_of_the_rest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(ENTRIES["torch-perflint-fix"])
    assert main([*words, "my train.py", "plain.py", "gone.py", "old.py"]) == 0
    assert (project / "my train.py").read_text() == FIXED
    assert capsys.readouterr().out == ""


def _pre_commit(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("pre_commit")
    command = [sys.executable, "-m", "pre_commit", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_pre_commit_takes_the_list_of_hooks() -> None:
    done = _pre_commit("validate-manifest", ".pre-commit-hooks.yaml", folder=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_pre_commit_installs_and_runs_the_hooks(project: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("pre-commit clones a git repository, and this is none")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    names = ["my train.py", "plain.py", "old.py", "notes.txt"]

    def hook(name: str) -> subprocess.CompletedProcess[str]:
        return _pre_commit("try-repo", str(ROOT), name, "--files", *names, folder=project)

    checked = hook("torch-perflint")
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "my train.py:7:14: PFL601" in checked.stdout
    assert "problem" not in checked.stdout
    fixed = hook("torch-perflint-fix")
    assert "files were modified by this hook" in fixed.stdout
    assert (project / "my train.py").read_text() == FIXED
    again = hook("torch-perflint")
    assert again.returncode == 0, again.stdout + again.stderr
