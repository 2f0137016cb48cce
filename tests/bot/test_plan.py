"""`perflint plan`: what a run would do, in the job that lints, without PyTorch."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.outlook import Outlook, decode_outlook, write_outlook

from ..conftest import Repo

TRAIN = """\
def train(model, loader, optimizer):
    for batch in loader:
        loss = model(batch)
        loss.backward()
        optimizer.step()
        {last}
"""
PERF = """\
import pytest, {module}

@pytest.mark.perf
def test_{module}(perf):
    perf(lambda: None)
"""
# As in the job that lints: nothing that measures is installed there.
WITHOUT = """\
import sys
for name in ("torch", "numpy", "pytest"):
    sys.modules[name] = None
from torch_perflint.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def plan(repo: Repo, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", WITHOUT, "plan", *words]
    return subprocess.run(
        command, cwd=repo.root, env=os.environ, capture_output=True, text=True, check=False
    )


@pytest.fixture
def repo(make_repo: Callable[[str], Repo]) -> Repo:
    repo = make_repo("repo")
    repo.commit(
        {
            "pyproject.toml": "[tool.perflint.runners]\nmax_seconds = 40\n",
            "train.py": "import torch\n" + TRAIN.format(last="pass"),
            "other.py": "",
            "perf/test_train.py": PERF.format(module="train"),
            "perf/test_other.py": PERF.format(module="other"),
        }
    )
    return repo


def test_it_counts_tests_findings_and_seconds(repo: Repo, tmp_path: Path) -> None:
    base = repo.git("rev-parse", "HEAD").strip()
    repo.commit({"train.py": "import torch\n" + TRAIN.format(last="print(loss.item())")})
    out = tmp_path / "new" / "outlook.json"
    done = plan(repo, "--base", base, "--head", "HEAD", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 affected perf test, about 40 s of timing at most; 1 new finding\n"
    assert json.loads(out.read_text()) == {"affected": 1, "findings": 1, "seconds": 40.0}


def test_where_nothing_is_affected_it_says_so(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD").strip()
    repo.commit({"README.md": "words"})
    assert plan(repo, "--base", base).stdout == "0 affected perf tests; 0 new findings\n"


def test_it_runs_nothing_of_the_code(repo: Repo, tmp_path: Path) -> None:
    base = repo.git("rev-parse", "HEAD").strip()
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    names = ("train.py", "conftest.py", "perf/test_other.py", "sitecustomize.py", "json.py")
    repo.commit(dict.fromkeys(names, trap))
    assert plan(repo, "--base", base).returncode == 0
    assert not (tmp_path / "sprung").exists()


def test_a_mistake_in_the_settings_is_named(repo: Repo) -> None:
    repo.commit({"pyproject.toml": "[tool.perflint.runners]\nmax_second = 40\n"})
    done = plan(repo, "--base", "HEAD")
    assert done.returncode == 2 and "max_second" in done.stderr


def test_what_is_written_reads_back_and_nothing_else_does(tmp_path: Path) -> None:
    outlook = Outlook(3, 0, 135.0)
    write_outlook(outlook, tmp_path / "outlook.json")
    assert decode_outlook((tmp_path / "outlook.json").read_bytes()) == outlook
    half = b'{"affected":1.5,"findings":0,"seconds":1}'
    for raw in (b"", b"[]", b"{}", half, b"\xff", b"[" * 9999):
        with pytest.raises(PerflintError, match=r"no JSON|three numbers"):
            decode_outlook(raw)
