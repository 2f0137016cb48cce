"""Whole runs over small repositories: who is measured, and with which verdict."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.run import RunOptions, run_perf_tests
from torch_perflint.runners.sides.checkout import check_out
from torch_perflint.runners.verdict.compare import Verdict

from .runs import PYTEST, by_name, perf_file, run

pytestmark = pytest.mark.torch


def test_each_way_to_end_gets_its_verdict(repo: Any, quick: None) -> None:
    tests = """
        import lib

        @pytest.mark.perf
        @pytest.mark.parametrize("what", ["new", "fails", "broken", "skipped", "works"])
        def test_it(perf, what):
            perf(lambda: lib.step(what))
    """
    lib = """
        import pytest, torch
        BAD = {bad}

        def step(what):
            if what in BAD:
                raise RuntimeError(f"{{what}} is bad")
            if what == "skipped":
                pytest.skip("no camera here")
            x = torch.ones(64, 64)
            y = x @ x
            {extra}
    """
    base = textwrap.dedent(lib).format(bad={"new", "broken"}, extra="return y")
    head = textwrap.dedent(lib).format(bad={"fails", "broken"}, extra="return y.sum().item()")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": base, "test_lib.py": perf_file(tests)})
    repo.commit({"lib.py": head})
    result = run(repo)
    assert result.refused is None
    found = by_name(result)
    assert {name: test.verdict for name, test in found.items() if "works" not in name} == {
        "test_it[new]": Verdict.NEW,
        "test_it[fails]": Verdict.FAILED,
        "test_it[broken]": Verdict.BROKEN,
        "test_it[skipped]": Verdict.SKIPPED,
    }
    failed = found["test_it[fails]"]
    assert failed.head_failure and failed.head_failure.summary == "RuntimeError: fails is bad"
    assert "lib.py" in failed.head_failure.details
    works = found["test_it[works]"]
    assert works.comparison is not None
    counters = {counter.name: counter for counter in works.counters}
    assert (counters["host_syncs"].base, counters["host_syncs"].head) == (0, 1)
    assert counters["host_syncs"].over_budget
    assert [(site.path, site.line) for site in counters["host_syncs"].sites] == [("lib.py", 12)]
    # The sum that head reads is a tensor of four bytes.
    assert works.peak and works.peak.head - works.peak.base == 4
    assert result.environment and result.environment.torch.startswith("2.")


@pytest.mark.slow
def test_a_head_that_hangs_has_failed_and_leaves_no_process(repo: Any, quick: None) -> None:
    step = "import time\ndef step():\n    time.sleep({seconds})\n"
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": step.format(seconds=0), "test_lib.py": test})
    repo.commit({"lib.py": step.format(seconds=3600)})
    (result,) = run(repo, config=RunnersConfig(timeout=10)).tests
    assert result.verdict is Verdict.FAILED
    assert result.head_failure and result.head_failure.timed_out
    assert "within 10 s" in result.head_failure.summary


def test_a_process_that_dies_is_a_failure_with_its_last_words(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": "import os\ndef step(): os.abort()\n"})
    (result,) = run(repo).tests
    assert result.verdict is Verdict.FAILED
    assert result.head_failure and "SIGABRT" in result.head_failure.summary


def test_a_module_that_head_cannot_import_is_heads_failure(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": "import no_such_module\ndef step(): pass\n"})
    (result,) = run(repo).tests
    assert result.verdict is Verdict.FAILED
    assert result.head_failure and "no_such_module" in result.head_failure.summary


def test_a_perf_test_that_the_change_adds_is_new_where_base_cannot_run_it(
    repo: Any, quick: None
) -> None:
    repo.commit({"pyproject.toml": PYTEST, "README.md": "nothing yet"})
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"lib.py": "def step(): pass\n", "test_lib.py": test})
    (result,) = run(repo).tests
    assert result.verdict is Verdict.NEW
    assert result.base_failure and "lib" in result.base_failure.summary


@pytest.mark.slow
def test_code_that_is_the_same_on_both_sides_is_not_timed(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    files = {"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test}
    repo.commit(files)
    repo.commit({"other.py": "x = 1\n"})
    assert run(repo).selection.affected == 0
    done = run(repo, everything=True, base_lag=timedelta(days=40))
    (result,) = done.tests
    assert any("40 days behind main~1" in note for note in done.notes)
    assert result.verdict is Verdict.SAME
    assert result.comparison is None
    assert "nothing that this test runs has changed" in result.reason
    (timed,) = run(repo, time_identical=True).tests
    assert timed.comparison is not None


@pytest.mark.slow
def test_code_that_differs_in_comments_alone_is_not_timed(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    files = {"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test}
    repo.commit(files)
    repo.commit({"lib.py": "# what it does\n\ndef step(): pass  # nothing\n"})
    (result,) = run(repo).tests
    assert (result.verdict, result.comparison) == (Verdict.SAME, None)
    assert "nothing that this test runs has changed" in result.reason
    (timed,) = run(repo, time_identical=True).tests
    assert timed.comparison is not None


@pytest.mark.parametrize("reads", ["", "(reads=['lib.py'])"])
@pytest.mark.slow
def test_a_python_file_that_is_read_as_data_counts_with_its_comments(
    reads: str, repo: Any, quick: None
) -> None:
    """One that is only opened is data; one that is imported too, where the test declares it."""
    load = "import lib\n" if reads else ""
    test = f"""
{load}
@pytest.mark.perf{reads}
def test_it(perf):
    text = open("lib.py").read()
    perf(lambda: len(text))
"""
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "x = 1\n", "test_lib.py": perf_file(test)})
    repo.commit({"lib.py": "x = 1  # one\n"})
    (result,) = run(repo, everything=True).tests
    assert result.comparison is not None


@pytest.mark.slow
def test_a_data_file_that_differs_is_no_identical_code(repo: Any, quick: None) -> None:
    lib = "import json\ndef step(): json.load(open('settings.json'))\n"
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    files = {"pyproject.toml": PYTEST, "lib.py": lib, "test_lib.py": test}
    repo.commit({**files, "settings.json": "{}"})
    repo.commit({"settings.json": '{"a": 1}'})
    (result,) = run(repo).tests
    assert result.comparison is not None


def test_a_copy_of_the_package_elsewhere_is_refused(
    repo: Any, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed copy would win over both worktrees, and both sides would measure it."""
    copy = tmp_path / "elsewhere"
    (copy / "lib").mkdir(parents=True)
    (copy / "lib" / "__init__.py").write_text("def step(): pass\n")
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    # The package lies where no worktree's path leads, as with a nested layout.
    files = {"packages/lib/__init__.py": "def step(): pass\n", "test_lib.py": test}
    # It is a project of its own there, and no folder that only happens to be called so.
    repo.commit(files | {"packages/pyproject.toml": "[project]\nname = 'lib'\n"})
    repo.commit({"packages/lib/__init__.py": "def step(): sum(range(10**5))\n"})
    monkeypatch.setenv("PYTHONPATH", f"{copy}:{':'.join(p for p in sys.path if p)}")
    result = run(repo)
    assert result.refused and "lib" in result.refused
    assert str(copy) in result.refused
    assert result.tests == ()


@pytest.mark.slow
def test_an_editable_install_of_the_checkout_measures_each_side_s_own_code(
    repo: Any, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap: with `pip install -e`, base's worktree would import the checkout, which is head."""
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    layout = "packages/lib/__init__.py"
    sync = "import torch\ndef step(): {}\n"
    repo.commit({layout: sync.format("torch.ones(2).sum()"), "test_lib.py": test})
    repo.commit({layout: sync.format("torch.ones(2).sum().item()")})
    path = [str(repo.root / "packages"), *(p for p in sys.path if p)]
    monkeypatch.setenv("PYTHONPATH", ":".join(path))
    result = run(repo)
    assert result.refused is None
    counters = {counter.name: counter for counter in result.tests[0].counters}
    assert (counters["host_syncs"].base, counters["host_syncs"].head) == (0, 1)


def test_no_perf_tests_need_no_torch(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"lib.py": "x = 1\n"})
    repo.commit({"lib.py": "x = 2\n"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run(repo)
    assert (result.selection.found, result.tests) == (0, ())


def test_a_missing_torch_is_a_clear_message(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": "def step(): return 1\n"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Exception, match="PyTorch is not installed"):
        run(repo)


@pytest.mark.slow
def test_the_worktrees_are_gone_and_the_checkout_is_as_it_was(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": "def step(): return 1\n"})
    before: Callable[[], str] = lambda: repo.git("status", "--porcelain", "--ignored")  # noqa: E731
    was = before()
    with check_out(repo.root, "main~1", "main") as sides:
        settings = RunnersConfig(timeout=60, max_seconds=3)
        run_perf_tests(sides, settings, RunOptions(), lambda what: None)
        scratch = sides.scratch
    assert not scratch.exists()
    assert before() == was
    assert len(repo.git("worktree", "list").splitlines()) == 1


def test_a_module_taken_by_path_from_the_user_s_checkout_is_refused(repo: Any, quick: None) -> None:
    """Both sides would run head's code, whatever name it is imported by."""
    test = perf_file(
        f"""
        import importlib.util
        spec = importlib.util.spec_from_file_location("whatever", {str(repo.root / "net.py")!r})
        net = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(net)
        @pytest.mark.perf
        def test_it(perf): perf(net.step)
        """
    )
    repo.commit({"net.py": "def step(): pass\n", "test_net.py": test})
    repo.commit({"net.py": "def step(): return 1\n"})
    result = run(repo)
    assert result.refused and "ran net from" in result.refused


@pytest.mark.slow
def test_a_test_that_is_marked_but_never_steps_is_broken_and_stops_nobody(
    repo: Any, quick: None
) -> None:
    test = perf_file(
        "import lib\n@pytest.mark.perf\ndef test_idle(): pass\n"
        "@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n"
    )
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": "def step(): return 1\n"})
    found = by_name(run(repo))
    assert found["test_idle"].verdict is Verdict.BROKEN
    assert "never called perf(step)" in found["test_idle"].head_failure.summary
    assert found["test_it"].comparison is not None


@pytest.mark.slow
def test_a_wrong_expression_for_k_is_the_users_mistake(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": "def step(): return 1\n"})
    with pytest.raises(Exception, match="Wrong expression passed to '-k'"):
        run(repo, keyword="(")
    with pytest.raises(
        PerflintError, match="-k 'nothing_like_it' fits no perf test on either side"
    ):
        run(repo, keyword="nothing_like_it")
    other = perf_file("@pytest.mark.perf\ndef test_other(perf): perf(lambda: 1)\n")
    repo.commit({"test_other.py": other})
    repo.commit({"lib.py": "def step(): return 2\n"})
    nothing = run(repo, keyword="other")
    assert nothing.tests == ()
    assert "-k 'other' selects none of the affected perf tests" in nothing.notes[0]


def test_a_run_that_is_killed_leaves_no_worker_behind(repo: Any) -> None:
    hang = """
import os, time
def step():
    open({mark!r}, "w").write(str(os.getpid()))
    time.sleep(600)
"""
    mark = repo.root.parent / "worker.pid"
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"lib.py": hang.format(mark=str(mark))})
    words = ["bench", "--base", "main~1", "--head", "main"]
    run = subprocess.Popen([sys.executable, "-m", "torch_perflint", *words], cwd=repo.root)
    try:
        worker = wait_for(lambda: int(mark.read_text() or 0) if mark.exists() else 0, 60)
        assert Path(f"/proc/{worker}").exists()
    finally:
        run.kill()
        run.wait()
    assert wait_for(lambda: not Path(f"/proc/{worker}").exists(), 10)


def wait_for(what: Callable[[], Any], seconds: float) -> Any:
    """Ask until the answer is true. Real processes are waited for; no time is measured."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := what():
            return answer
        time.sleep(0.1)
    return what()


@pytest.mark.parametrize("command", ["bench", "ci"])
def test_the_choice_is_explained_without_measuring(
    command: str, repo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"lib.py": "import deep\n", "deep.py": "", "test_lib.py": test})
    repo.commit({"deep.py": "x = 1\n"})
    monkeypatch.chdir(repo.root)
    # Not even PyTorch is needed.
    monkeypatch.setattr("torch_perflint.runners.run.require_packages", pytest.fail)
    assert main([command, "--base", "main~1", "--explain-selection", "-k", "it"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "note: of those that run, pytest keeps what -k 'it' fits",
        "test_lib.py::test_it",
        "  runs: it imports deep.py",
        "    test_lib.py → lib.py → deep.py",
        "1 of 1 perf test would run",
    ]
