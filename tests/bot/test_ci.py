"""`perflint ci` as people call it: statuses, messages, and what it leaves behind."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.ci import _keep_complete, fail_on, named_tests
from torch_perflint.bot.gate import FailOn
from torch_perflint.bot.report import read_report, write_report
from torch_perflint.lints.finding import Severity

from .reports import REPORTS

STEP = """\
import torch

def train_step(model, optimizer, batch, target):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(batch), target)
    loss.backward()
    optimizer.step()
    return {result}
"""
PERF_TEST = """\
import pytest, torch, lib

@pytest.mark.perf(items=4, unit="rows")
def test_train(perf):
    model = torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch, target = torch.ones(4, 8), torch.ones(4, 8)
    perf(lambda: lib.train_step(model, optimizer, batch, target))
"""
SETTINGS = "[tool.pytest.ini_options]\npythonpath = ['.']\n"


def perflint(folder: Path, *words: str, env: dict[str, str] | None = None) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "torch_perflint", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
    )


def assert_refused_clearly(done: Any, *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("said", "keyword", "everything"),
    [
        ("", "", False),
        ("  ", "", False),
        ("all", "", True),
        ("test_gpt", "test_gpt", True),
        ("test_gpt perf/a.py::test_b", "test_gpt or test_b", True),
        ("a.py::TestX::test_c[fp16-2]", "test_c[fp16-2]", True),
        ("test_c[a=1,b]", "test_c", True),
    ],
)
def test_names_of_tests_are_pytests_words(said: str, keyword: str, everything: bool) -> None:
    options = named_tests(Namespace(tests=said, k="", all=False))
    assert (options.k, options.all) == (keyword, everything)


def test_names_of_tests_and_k_are_too_much() -> None:
    with pytest.raises(PerflintError, match="give one of them"):
        named_tests(Namespace(tests="test_a", k="test_b", all=False))


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    assert_refused_clearly(
        perflint(tmp_path, "ci", "--base", "HEAD"), "not inside a git repository"
    )


def test_a_history_that_cannot_be_written_is_said_before_the_long_part(
    repo: Any, tmp_path: Path
) -> None:
    repo.commit({"lib.py": ""})
    (tmp_path / "notes.txt").write_text("no database, and longer than one hundred bytes " * 4)
    done = perflint(repo.root, "ci", "--base", "HEAD", "--record", str(tmp_path / "notes.txt"))
    assert done.returncode == 2 and "not a database" in done.stderr
    assert "comparing" not in done.stderr


def test_an_unknown_revision(repo: Any) -> None:
    repo.commit({"a.py": "x = 1\n"})
    done = perflint(repo.root, "ci", "--base", "no-such-branch")
    assert_refused_clearly(done, "unknown revision 'no-such-branch'")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[tool.perflint.runners]\ntimeuot = 3\n", "'timeout'"),
        ("[tool.perflint.runners]\nthreads = 'two'\n", "threads has to be a whole number"),
        ("[tool.perflint.lints]\nselct = ['PFL']\n", "select"),
        ("[tool.perflint\n", "pyproject.toml"),
    ],
)
def test_a_configuration_that_cannot_be_read(repo: Any, settings: str, said: str) -> None:
    repo.commit({"a.py": "x = 1\n"})
    repo.commit({"pyproject.toml": settings, "a.py": "x = 2\n"})
    assert_refused_clearly(perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD"), said)


def test_all_mistakes_of_all_rooms_are_named(repo: Any) -> None:
    repo.commit({"a.py": "x = 1\n"})
    settings = (
        "[tool.perflint.runners]\nmax_second = 3\nthread = 1\n[tool.perflint.lints]\nselct = []\n"
    )
    repo.commit({"pyproject.toml": settings})
    done = perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD")
    assert_refused_clearly(done, "'max_seconds'", "'threads'", "'select'", "pyproject.toml (head)")
    assert "/head/" not in done.stderr


def test_a_file_that_cannot_be_read_has_no_path_of_ours(repo: Any) -> None:
    repo.commit({"a.py": "x = 1\n"})
    repo.commit({"pyproject.toml": "[tool.perflint\n"})
    for command in ("ci", "bench"):
        done = perflint(repo.root, command, "--base", "HEAD~1", "--head", "HEAD")
        assert_refused_clearly(done, "cannot read the configuration in pyproject.toml (head): ")


def test_a_revision_without_its_option_is_understood(tmp_path: Path) -> None:
    for command in ("ci", "bench"):
        done = perflint(tmp_path, command, "main")
        assert_refused_clearly(done, f"did you mean `perflint {command} --base main`?")


def test_a_missing_torch_is_said_only_where_perf_tests_are_selected(repo: Any) -> None:
    repo.commit({"lib.py": STEP.format(result="loss.detach()"), "README.md": "one"})
    repo.commit({"test_lib.py": PERF_TEST})
    # A module set to None is one that Python takes for missing.
    without = "import sys; sys.modules['torch'] = None; "
    main = "from torch_perflint.__main__ import main; "
    run = "sys.exit(main(['ci', '--base', 'HEAD~1', '--head', 'HEAD']))"
    call = [sys.executable, "-c", without + main + run]
    done = subprocess.run(call, cwd=repo.root, capture_output=True, text=True)
    assert_refused_clearly(done, "PyTorch is not installed")
    repo.commit({"README.md": "two"})
    done = subprocess.run(call, cwd=repo.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_perf_tests_lint_alone_decides(repo: Any) -> None:
    repo.commit({"lib.py": STEP.format(result="loss.detach()")})
    repo.commit({"lib.py": STEP.format(result="loss.item()")})
    done = perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD")
    assert done.returncode == 1, done.stderr
    assert "PFL101" in done.stdout
    report = read_report(repo.root / ".perflint" / "report.json")
    assert [(f.code, f.span.line) for f in report.lint.findings] == [("PFL101", 8)]
    assert "lib.py" in (repo.root / ".perflint" / "comment.md").read_text()
    never = perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD", "--fail-on", "never")
    assert never.returncode == 0
    log = repo.root / "run.log"
    log.write_text("/gpu/lib.py:8: UserWarning: called a synchronizing CUDA operation (Triggered\n")
    words = ("ci", "--base", "HEAD~1", "--head", "HEAD", "--confirmed-by")
    assert perflint(repo.root, *words, str(log)).returncode == 1
    assert "seen at run time" in (repo.root / ".perflint" / "comment.md").read_text()
    missing = perflint(repo.root, *words, "nowhere.json")
    assert (missing.returncode, "cannot be read" in missing.stderr) == (2, True)


def test_only_lines_that_the_change_touches_are_reported(repo: Any) -> None:
    repo.commit({"lib.py": STEP.format(result="loss.item()")})
    repo.commit({"lib.py": STEP.format(result="loss.item()") + "\nversion = 2\n"})
    assert perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD").returncode == 0
    everything = perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD", "--lint-all")
    assert everything.returncode == 1


def test_a_file_that_is_no_python_hides_no_other_finding(repo: Any) -> None:
    repo.commit({"lib.py": STEP.format(result="loss.detach()")})
    repo.write({"broken.py": "import torch\nloss.item(\n"})
    (repo.root / "binary.py").write_bytes(b"\xff\xfe torch .item( \x80\n")
    repo.commit({"lib.py": STEP.format(result="loss.item()")})
    done = perflint(repo.root, "ci", "--base", "HEAD~1", "--head", "HEAD")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    report = read_report(repo.root / ".perflint" / "report.json")
    assert [finding.code for finding in report.lint.findings] == ["PFL101"]
    assert sorted(problem.split(":")[0].split(" ")[0] for problem in report.lint.problems) == [
        "binary.py",
        "broken.py",
    ]


def test_what_it_writes_is_invisible_to_git_and_to_the_next_run(repo: Any) -> None:
    repo.commit({"lib.py": STEP.format(result="loss.detach()")})
    for _ in range(2):
        assert perflint(repo.root, "ci", "--base", "HEAD").returncode == 0
    assert repo.git("status", "--porcelain") == ""


def test_the_working_tree_is_measured_as_it_is(repo: Any) -> None:
    repo.commit({"lib.py": STEP.format(result="loss.detach()")})
    repo.write({"new.py": STEP.format(result="loss.item()")})
    done = perflint(repo.root, "ci", "--base", "HEAD")
    assert done.returncode == 1
    report = read_report(repo.root / ".perflint" / "report.json")
    assert report.head.snapshot
    assert [finding.path for finding in report.lint.findings] == ["new.py"]


def test_a_dirty_submodule_is_refused_where_the_working_tree_is_measured(
    repo: Any, make_repo: Any
) -> None:
    inner = make_repo("inner")
    inner.commit({"core.py": "x = 1\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "core")
    repo.commit({"lib.py": "import core\n"})
    repo.write({"core/core.py": "x = 2\n"})
    assert_refused_clearly(perflint(repo.root, "ci", "--base", "HEAD"), "submodule core")
    # A commit names its submodules' commits, so there is nothing dirty about it.
    assert perflint(repo.root, "ci", "--base", "HEAD", "--head", "HEAD").returncode == 0


@pytest.mark.torch
def test_a_change_is_measured_counted_and_told(repo: Any, tmp_path: Path) -> None:
    files = {"pyproject.toml": SETTINGS, "test_lib.py": PERF_TEST}
    repo.commit({**files, "lib.py": STEP.format(result="loss.detach()")})
    repo.commit({"lib.py": STEP.format(result="loss.item()")})
    summary, event = tmp_path / "summary.md", tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_RUN_ID": "812",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    words = ("ci", "--base", "HEAD~1", "--head", "HEAD", "--out", str(tmp_path / "out"))
    words += ("--tests", "test_lib.py::test_train", "--record")
    done = perflint(repo.root, *words, env=actions)
    assert done.returncode == 1, done.stderr
    assert "perflint: stored in " in done.stderr
    kept = perflint(repo.root, "history", "list").stdout
    assert "test_train" in kept and "host syncs 0 → 1" in kept
    assert "counting a step of head" in done.stderr
    report = read_report(tmp_path / "out" / "report.json")
    (result,) = report.run.tests
    assert result.comparison is not None
    assert [counter.name for counter in result.over_budget] == ["host_syncs"]
    assert report.link and report.link.pull_request == 7
    assert report.only == "test_train"
    comment = (tmp_path / "out" / "comment.md").read_text(encoding="utf-8")
    assert "lib.py" in comment and "PFL101" in comment
    assert summary.read_text(encoding="utf-8").strip() == comment.strip()
    judged = perflint(repo.root, "compare", str(tmp_path / "out" / "report.json"))
    assert judged.returncode == 1
    assert "host syncs 0 → 1 per step, over budget" in judged.stdout


def test_fail_on_takes_one_severity_and_unsure() -> None:
    assert fail_on(None) == FailOn(Severity.WARNING, unsure=False)
    assert fail_on(["unsure"]) == FailOn(Severity.WARNING, unsure=True)
    assert fail_on(["never", "unsure"]) == FailOn(None, unsure=True)
    assert fail_on(["error"]) == FailOn(Severity.ERROR)
    with pytest.raises(Exception, match="one severity"):
        fail_on(["error", "info"])


def test_a_run_that_is_stopped_keeps_the_last_complete_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, half = REPORTS["slower"], REPORTS["stopped"]
    assert not whole.run.interrupted and half.run.interrupted
    _keep_complete(tmp_path)  # there is none yet
    write_report(whole, tmp_path / "report.json")
    (tmp_path / "comment.md").write_text("whole")
    _keep_complete(tmp_path)
    assert read_report(tmp_path / "complete-report.json") == whole
    assert (tmp_path / "complete-comment.md").read_text() == "whole"
    assert "complete-report.json" in capsys.readouterr().err
    # What was stopped before takes nobody's place.
    write_report(half, tmp_path / "report.json")
    _keep_complete(tmp_path)
    assert read_report(tmp_path / "complete-report.json") == whole
