"""The marker and the fixture, as a plain pytest run sees them."""

import os
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.processes.pytest_plugin import Perf, SmokeTest, perf_test
from torch_perflint.runners.sample import PerfTest

PACKAGE = Path(sys.modules["torch_perflint"].__path__[0]).parent
PROBE = """
from importlib.metadata import entry_points
print(any(point.name == "perflint" for point in entry_points(group="pytest11")))
"""


@cache
def is_installed() -> bool:
    """Whether pytest loads the plug-in by itself, seen from where the tests below run it."""
    command = [sys.executable, "-P", "-c", PROBE]
    env = {**os.environ, "PYTHONPATH": ""}
    return subprocess.check_output(command, env=env, text=True).strip() == "True"


def run(tmp_path: Path, code: str, *options: str) -> str:
    """Run pytest on one file, in a process of its own; return what it prints."""
    (tmp_path / "test_it.py").write_text("import pytest\n" + textwrap.dedent(code))
    plugin = [] if is_installed() else ["-p", "torch_perflint.runners.processes.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", *options]
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)} | {"PYTEST_ADDOPTS": "", "COLUMNS": "200"}
    done = subprocess.run(
        [*command, "--rootdir", "."], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def last(output: str) -> str:
    return output.strip().splitlines()[-1]


@pytest.mark.slow
def test_under_plain_pytest_the_step_runs_exactly_once(tmp_path: Path) -> None:
    code = """
        STEPS = []

        @pytest.mark.perf
        def test_step(perf):
            perf(lambda: STEPS.append(1))
            assert STEPS == [1]

        @pytest.mark.perf(items=8, unit="images", min_effect=0.1)
        @pytest.mark.parametrize("size", [1, 2])
        def test_sizes(perf, size, tmp_path):
            perf(lambda: STEPS.append(size))

        def test_all_ran_once():
            assert STEPS == [1, 1, 2]
    """
    assert "4 passed" in last(run(tmp_path, code, "--strict-markers", "-W", "error"))
    assert "1 passed, 3 deselected" in last(run(tmp_path, code, "-k", "sizes and 2"))


def test_the_marker_is_listed(tmp_path: Path) -> None:
    assert (
        "@pytest.mark.perf(items=1, unit='steps', min_effect=0.02, reads=None): a perf test"
        in run(tmp_path, "", "--markers")
    )


def test_a_step_that_raises_fails_the_test_and_nothing_else_is_said(tmp_path: Path) -> None:
    code = """
        @pytest.mark.perf
        def test_step(perf):
            perf(lambda: 1 / 0)

        @pytest.mark.perf
        def test_before(perf):
            raise ValueError("no data")
    """
    output = run(tmp_path, code)
    assert "2 failed" in last(output)
    assert "error" not in last(output)
    assert "ZeroDivisionError" in output
    assert "never called" not in output


def test_a_test_may_skip_itself_before_it_calls_perf(tmp_path: Path) -> None:
    code = """
        @pytest.mark.perf
        def test_step(perf):
            pytest.skip("needs two GPUs")
    """
    assert last(run(tmp_path, code)).strip("= ").startswith("1 skipped in")


MISTAKES = {
    "@pytest.mark.perf\ndef test_none(perf): pass": "test_none never called perf(step)",
    "@pytest.mark.perf\ndef test_twice(perf): perf(list); perf(list)": (
        "perf(step) was called twice: write one perf test for each step"
    ),
    "@pytest.mark.perf\ndef test_number(perf): perf(3)": (
        "a function without arguments, not a value of type int"
    ),
    "def test_bare(perf): perf(list)": "test_bare asks for the fixture `perf` but is not marked",
    "@pytest.mark.perf(item=3)\ndef test_unknown(perf): perf(list)": (
        "@pytest.mark.perf of test_unknown has no argument 'item'; it takes items, unit, min_effect"
    ),
    "@pytest.mark.perf(items=0)\ndef test_zero(perf): perf(list)": (
        "test_zero: items has to be a number above 0, not 0"
    ),
    "@pytest.mark.perf(min_effect=True)\ndef test_true(perf): perf(list)": (
        "test_true: min_effect has to be a number above 0, not True"
    ),
    "@pytest.mark.perf(unit=3)\ndef test_unit(perf): perf(list)": "unit has to be some text, not 3",
    "@pytest.mark.perf(3)\ndef test_position(perf): perf(list)": (
        "@pytest.mark.perf of test_position takes keyword arguments only"
    ),
}


def test_each_mistake_is_told_in_one_sentence(tmp_path: Path) -> None:
    fine = "@pytest.mark.perf\ndef test_fine(perf): perf(list)"
    output = run(tmp_path, "\n".join([*MISTAKES, fine]))
    assert [message for message in MISTAKES.values() if message not in output] == []
    assert "3 failed, 1 passed, 6 errors" in last(output)


LAZY = {
    "async def step(): pass": "got a coroutine function",
    "def step(): yield": "got a generator function",
    "async def step(): yield": "got a generator function",
    "async def work(): pass\nstep = functools.partial(work)": "got a coroutine function",
    "class Work:\n    def __call__(self): yield\nstep = Work()": "got a generator function",
    "async def late(): pass\ndef step(): return late()": "returned something to await (coroutine)",
    "def items(): yield\ndef step(): return items()": "the step returned a generator",
    "async def work(): yield\ndef step(): return work()": "the step returned a generator",
}


def test_a_step_that_only_promises_its_work_is_refused(tmp_path: Path) -> None:
    tests = [
        f"{code}\n@pytest.mark.perf\ndef test_{number}(perf, step=step): perf(step)"
        for number, code in enumerate(LAZY)
    ]
    done = (
        "def step(): return (x for x in [])\n"
        "@pytest.mark.perf\ndef test_done(perf): perf(lambda: list(step()))"
    )
    output = run(tmp_path, "\n".join(["import functools", *tests, done]), "-W", "error")
    assert [message for message in LAZY.values() if message not in output] == []
    assert f"{len(LAZY)} failed, 1 passed" in last(output)
    assert "loop.run_until_complete(step())" in output
    assert "collections.deque(step(), maxlen=0)" in output


def test_the_nearest_marker_holds(tmp_path: Path) -> None:
    code = """
        pytestmark = pytest.mark.perf(items=2)

        @pytest.mark.perf(items=3)
        def test_own(perf, request):
            assert request.node.get_closest_marker("perf").kwargs == {"items": 3}
            perf(list)

        class TestIt:
            def test_of_the_file(self, perf):
                perf(list)
    """
    assert "2 passed" in last(run(tmp_path, code))


def test_other_tests_are_left_alone(tmp_path: Path) -> None:
    code = """
        import sys

        @pytest.fixture
        def other():
            return "another perf"

        def test_plain(other):
            assert "torch" not in sys.modules and "numpy" not in sys.modules
    """
    assert "1 passed" in last(run(tmp_path, code))


def test_a_fixture_of_that_name_in_the_project_wins(tmp_path: Path) -> None:
    code = """
        @pytest.fixture
        def perf():
            return 3

        def test_own(perf):
            assert perf == 3
    """
    assert "1 passed" in last(run(tmp_path, code))


def collected(**arguments: object) -> Any:
    """What pytest would pass for a test in line 42, with a marker of these arguments."""
    marker = SimpleNamespace(args=(), kwargs=arguments)
    return SimpleNamespace(
        name="test_it[8]",
        nodeid="perf/test_it.py::test_it[8]",
        location=("perf/test_it.py", 41, "test_it[8]"),
        get_closest_marker=lambda name: marker if name == "perf" else None,
    )


def test_a_collected_test_is_described_with_its_marker_and_place() -> None:
    described = perf_test(collected(items=8, unit="images"), "perf/test_it.py", 0.03)
    assert described == PerfTest(
        "perf/test_it.py::test_it[8]", "perf/test_it.py", 42, 8, "images", 0.03
    )
    assert perf_test(collected(min_effect=0.1), "a.py", 0.03).min_effect == 0.1
    with pytest.raises(PerflintError, match="no argument 'size'"):
        perf_test(collected(size=1), "a.py", 0.03)


def test_the_handle_gives_its_step_to_whoever_drives() -> None:
    given = []

    class Driver(SmokeTest):
        def drive(self, step):  # type: ignore[no-untyped-def]
            given.append(step)

    handle = Perf(Driver())
    assert not handle.called
    handle(list)
    assert (given, handle.called) == ([list], True)


def test_what_is_no_function_is_named_by_its_type_and_never_printed() -> None:
    class Tensor:
        def __repr__(self) -> str:
            return "tensor([[-1.3561, ...]])"

    with pytest.raises(
        PerflintError, match=r"not a value of type Tensor: .* perf\(lambda: \.\.\.\)"
    ) as error:
        Perf(SmokeTest())(Tensor())  # type: ignore[arg-type]
    assert "1.3561" not in str(error.value)
