"""Steps that are hard to time, and runs that are cut short: the right result, or a clear word."""

import textwrap
from typing import Any

import pytest
from torch_perflint.runners import one_version
from torch_perflint.runners.assemble import Measured, result_of
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.counters.examined import Examined
from torch_perflint.runners.measure import Launch
from torch_perflint.runners.one_version import VersionRun
from torch_perflint.runners.result import RunResult, TestResult
from torch_perflint.runners.run import RunOptions, Say, run_perf_tests
from torch_perflint.runners.sample import Counts, PerfTest, Side
from torch_perflint.runners.sides.checkout import check_out
from torch_perflint.runners.verdict.compare import Verdict

from . import runs
from .runs import PYTEST

pytestmark = pytest.mark.torch


def run(repo: Any, say: Say = lambda what: None, **config: Any) -> RunResult:
    settings = RunnersConfig(**{"timeout": 60, "max_seconds": 2, **config})
    return runs.run(repo, config=settings, say=say)


def change(repo: Any, step: str, *, tests: int = 1) -> None:
    """Commit a library with this step, its perf tests, and a change that alters no work."""
    test = "import pytest, lib\n" + "".join(
        f"@pytest.mark.perf\ndef test_{number}(perf): perf(lib.make())\n" for number in range(tests)
    )
    library = "import time, torch\n" + textwrap.dedent(step)
    repo.commit({"pyproject.toml": PYTEST, "lib.py": library, "test_lib.py": test})
    repo.commit({"lib.py": library + "UNUSED = 1\n"})


@pytest.mark.slow
def test_a_step_whose_work_grows_has_grown_as_much_on_both_sides(repo: Any) -> None:
    change(
        repo,
        """
        def make():
            done = 0
            def step():
                nonlocal done
                done += 1
                open("steps.txt", "w").write(str(done))
                torch.ones(done)
                time.sleep(0.02 if done % 7 else 0.05)
            return step
        """,
    )
    seen: list[tuple[str, str]] = []

    with check_out(repo.root, "main~1", "main") as sides:

        def say(what: str) -> None:
            if "so far" in what:
                roots = (sides.base_root, sides.head_root)
                seen.append(tuple((root / "steps.txt").read_text() for root in roots))  # type: ignore[arg-type]

        settings = RunnersConfig(timeout=60, max_seconds=3)
        run_perf_tests(sides, settings, RunOptions(), say)
    assert seen
    assert all(base == head for base, head in seen)


@pytest.mark.slow
def test_a_step_that_is_too_long_to_be_timed_is_said_to_be(repo: Any) -> None:
    change(repo, "def make(): return lambda: time.sleep(0.3)\n")
    (result,) = run(repo, max_seconds=2).tests
    assert result.verdict is Verdict.UNSURE
    assert "a step takes 0.3 s, so that a verdict needs" in result.reason
    assert "say `max_seconds = " in result.reason
    assert result.counters


@pytest.mark.slow
def test_a_step_that_takes_a_good_part_of_the_time_limit_is_counted_all_the_same(repo: Any) -> None:
    """As one of 20 seconds is with the usual limit of 300: what counts is that steps end."""
    change(repo, "def make(): return lambda: time.sleep(1.2)\n")
    (result,) = run(repo, timeout=6, max_seconds=2).tests
    assert result.verdict is Verdict.UNSURE
    assert "a step takes 1.2 s" in result.reason
    assert {counter.name for counter in result.counters} >= {"operators", "host_syncs"}


@pytest.mark.slow
def test_a_step_of_some_microseconds_is_timed(repo: Any) -> None:
    change(repo, "def make(): return lambda: sum(range(400))\n")
    (result,) = run(repo).tests
    assert result.comparison is not None
    assert 1e-7 < result.comparison.base_seconds < 1e-3
    assert result.verdict in (Verdict.SAME, Verdict.UNSURE)


def test_a_run_whose_time_is_up_still_counts(repo: Any) -> None:
    change(repo, "def make(): return lambda: torch.ones(3).sum().item()\n", tests=2)
    result = run(repo, total_seconds=0.001)
    assert [test.verdict for test in result.tests] == [Verdict.UNSURE, Verdict.UNSURE]
    assert "`total_seconds`" in result.tests[0].reason
    assert {counter.name: counter.head for counter in result.tests[1].counters}["host_syncs"] == 1


@pytest.mark.slow
def test_a_run_that_is_stopped_tells_what_it_has(repo: Any) -> None:
    change(repo, "def make(): return lambda: torch.ones(3).sum()\n", tests=2)

    def say(what: str) -> None:
        if what.startswith("test_1 (2 of 2)"):
            raise KeyboardInterrupt

    result = run(repo, say)
    assert result.interrupted
    assert [test.test.name for test in result.tests] == ["test_0"]
    assert "stopped by the user" in result.notes[-1]
    assert result.unmeasured == ("test_lib.py::test_1",)
    whole = run(repo)
    assert not whole.interrupted
    assert whole.unmeasured == ()


def test_a_run_that_is_stopped_before_its_tests_are_collected_names_them(repo: Any) -> None:
    change(repo, "def make(): return lambda: torch.ones(3).sum()\n", tests=2)

    def say(what: str) -> None:
        if what == "starting base and head":
            raise KeyboardInterrupt

    result = run(repo, say)
    assert result.tests == ()
    assert [name.split("::")[0] for name in result.unmeasured] == ["test_lib.py"] * len(
        result.unmeasured
    )
    assert result.unmeasured


def test_a_test_that_was_stopped_before_it_was_timed_is_not_called_the_same(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def make(): return lambda: None\n"})
    test = "import pytest, lib\n@pytest.mark.perf\ndef test_0(perf): perf(lib.make())\n"
    repo.commit({"test_lib.py": test})
    repo.commit({"lib.py": "def make(): return lambda: 1\n"})

    def stopped(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Launch, "time_segment", stopped)
    result = run(repo)
    assert result.interrupted
    assert [test.verdict for test in result.tests] == [Verdict.UNSURE]
    assert result.tests[0].reason == "the run was stopped before it was timed"


def test_a_run_that_is_stopped_when_all_is_measured_tells_it_all_the_same(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(repo, "def make(): return lambda: None\n")
    test = PerfTest("test_lib.py::test_0", "test_lib.py", 1)
    examined = {side: Examined(counts=Counts({"operators": 7})) for side in Side}
    calls: list[str] = []

    def measure(run: VersionRun, measured: list[Measured]) -> None:
        measured.append(Measured(test, examined, notes=["a remark"]))

    def judge(*args: Any, **more: Any) -> TestResult:
        calls.append("")
        if len(calls) == 1:
            raise KeyboardInterrupt
        return result_of(*args, **more)

    monkeypatch.setattr(VersionRun, "_first_launch", measure)
    monkeypatch.setattr(one_version, "result_of", judge)
    result = run(repo)
    assert (result.interrupted, result.unmeasured) == (True, ())
    assert [one.head for one in result.tests[0].counters] == [7]
    assert result.tests[0].notes == ("a remark",)
