"""Changes that edit their own perf tests: base's version is asked as well, and nobody is fooled."""

from typing import Any

import pytest
from torch_perflint.runners.config import RunnersConfig, load_config
from torch_perflint.runners.prepare import RunOptions, select_tests
from torch_perflint.runners.sample import Side
from torch_perflint.runners.selection.select import Choice
from torch_perflint.runners.sides.checkout import check_out
from torch_perflint.runners.verdict.compare import Verdict

from .runs import PYTEST, by_name, perf_file, run, syncs

pytestmark = pytest.mark.torch


def test_a_change_that_breaks_its_own_perf_test_has_failed(repo: Any, quick: None) -> None:
    test = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": "def step(): pass\n", "test_lib.py": test})
    repo.commit({"test_lib.py": test.replace("lib.step", "lib.no_such_step")})
    result = run(repo)
    assert [test.verdict for test in result.tests] == [Verdict.FAILED]
    assert result.tests[0].reason == "this change edits the perf test, and it fails"
    assert "edits test_lib.py" in result.notes[0]


STEPS = (
    "def fast(x): return x @ x\n\ndef slow(x):\n    for _ in range(6): x @ x\n    return x @ x\n"
)


def matmul_test(step: str) -> str:
    return perf_file(
        f"""
        import lib
        @pytest.mark.perf
        def test_it(perf):
            x = torch.ones(96, 96)
            perf(lambda: lib.{step}(x))
        """
    )


@pytest.mark.slow
def test_an_edited_perf_test_never_turns_a_regression_green(repo: Any) -> None:
    """Head makes `fast` slow and turns its perf test to something else; base's version tells."""
    repo.commit(
        {
            "pyproject.toml": PYTEST,
            "lib.py": STEPS + "def other(x): return x @ x\n",
            "test_lib.py": matmul_test("fast"),
        }
    )
    slow = STEPS.replace(
        "def fast(x): return", "def fast(x):\n    for _ in range(6): x @ x\n    return"
    )
    repo.commit(
        {"lib.py": slow + "def other(x): return x @ x\n", "test_lib.py": matmul_test("other")}
    )
    # Enough for fresh processes to agree.
    result = run(repo, config=RunnersConfig(timeout=60, max_seconds=45))
    (test,) = result.tests
    assert (test.verdict, test.version) == (Verdict.SLOWER, Side.BASE)
    assert test.is_regression
    assert test.other is not None and test.other.verdict is not Verdict.SLOWER
    assert test.other.harness != test.harness
    assert "edits test_lib.py: head's version and base's version" in result.notes[0]
    assert "base's version of the test says slower" in result.notes[1]


@pytest.mark.slow
def test_an_edited_conftest_belongs_to_the_harness(repo: Any, quick: None) -> None:
    fixture = "import pytest\n@pytest.fixture\ndef size(): return {size}\n"
    test = perf_file(
        """
        import lib
        @pytest.mark.perf
        def test_it(perf, size):
            perf(lambda: lib.step(size))
        """
    )
    lib = "import torch\ndef step(size):\n    for _ in range(size): torch.ones(2){sync}\n"
    repo.commit(
        {
            "pyproject.toml": PYTEST,
            "conftest.py": fixture.format(size=3),
            "lib.py": lib.format(sync=".sum()"),
            "test_lib.py": test,
        }
    )
    # The same length and, most likely, the same second: a stale .pyc would keep the old size.
    repo.commit({"conftest.py": fixture.format(size=0), "lib.py": lib.format(sync=".sum().item()")})
    result = run(repo)
    (test,) = result.tests
    assert (syncs(test), test.version) == ((0, 3), Side.BASE)
    assert test.is_regression
    assert test.other is not None
    assert syncs(test.other) == (0, 0)
    assert "edits conftest.py" in result.notes[0]


HELPED = perf_file(
    """
    import lib, helpers
    @pytest.mark.perf
    def test_it(perf): perf(lambda: lib.step(helpers.SIZE))
    """
)
LOOP = "import torch\ndef step(size):\n    for _ in range(size): torch.ones(2).sum(){}\n"


@pytest.mark.slow
def test_an_edited_helper_of_perf_tests_belongs_to_the_harness(repo: Any, quick: None) -> None:
    """Half the work in the helper beside the test hides what the change adds in the library."""
    repo.commit(
        {
            "pyproject.toml": PYTEST,
            "lib.py": LOOP.format(""),
            "perf_tests/helpers.py": "SIZE = 4\n",
            "perf_tests/test_lib.py": HELPED,
        }
    )
    repo.commit({"lib.py": LOOP.format(".item()"), "perf_tests/helpers.py": "SIZE = 0\n"})
    result = run(repo)
    (test,) = result.tests
    assert (syncs(test), test.version) == ((0, 4), Side.BASE)
    assert test.is_regression
    assert test.other is not None
    assert syncs(test.other) == (0, 0)
    assert result.notes[0].startswith(
        "this change edits perf_tests/helpers.py, which test_it uses: head's version and base's "
        "version were each run on both sides"
    )


def test_an_edited_helper_that_adds_work_is_no_regression_of_the_code(
    repo: Any, quick: None
) -> None:
    files = {"pyproject.toml": PYTEST, "lib.py": LOOP.format(".item()")}
    repo.commit({**files, "tests/perf/test_lib.py": HELPED, "tests/perf/helpers.py": "SIZE = 2\n"})
    repo.commit({"tests/perf/helpers.py": "SIZE = 8\n"})
    (test,) = run(repo).tests
    assert syncs(test) == (8, 8)
    assert not test.is_regression


@pytest.mark.slow
def test_an_added_helper_runs_on_both_sides(repo: Any, quick: None) -> None:
    before = HELPED.replace("helpers.SIZE", "1").replace(", helpers", "")
    files = {"pyproject.toml": PYTEST, "lib.py": LOOP.format("")}
    repo.commit({**files, "perf_tests/test_lib.py": before})
    repo.commit(
        {
            "lib.py": LOOP.format(".item()"),
            "perf_tests/test_lib.py": HELPED,
            "perf_tests/helpers.py": "SIZE = 3\n",
        }
    )
    (test,) = run(repo).tests
    assert test.verdict is not Verdict.NEW
    assert test.is_regression


@pytest.mark.parametrize(
    ("files", "edited", "helpers"),
    [
        ({"perf_tests/helpers.py": ""}, "perf_tests/helpers.py", True),
        ({"perf_tests/more/helpers.py": ""}, "perf_tests/more/helpers.py", True),
        ({"helpers.py": ""}, "helpers.py", False),
        # What the library itself imports is no helper of its tests.
        (
            {"perf_tests/helpers.py": "", "lib.py": "from perf_tests.helpers import A\n"},
            "perf_tests/helpers.py",
            False,
        ),
        # Nobody's helper.
        ({"perf_tests/others.py": "", "perf_tests/helpers.py": ""}, "perf_tests/others.py", False),
    ],
)
def test_a_helper_lies_beside_the_tests_and_nothing_else_imports_it(
    repo: Any, files: dict[str, str], edited: str, helpers: bool
) -> None:
    test = HELPED.replace(
        "lib, helpers", "lib; from more import helpers" if "more" in edited else "lib, helpers"
    )
    repo.commit({"lib.py": "", "perf_tests/test_lib.py": test, **files})
    repo.commit({edited: "SIZE = 1\n"})
    choice, _ = chosen(repo)
    assert choice.helpers == ({"perf_tests/test_lib.py": (edited,)} if helpers else {})


@pytest.mark.slow
def test_base_s_version_that_head_cannot_run_fails_nobody(repo: Any, quick: None) -> None:
    repo.commit(
        {
            "pyproject.toml": PYTEST,
            "lib.py": "def old(): pass\n",
            "test_lib.py": perf_file(
                "import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.old)\n"
            ),
        }
    )
    repo.commit(
        {
            "lib.py": "def new(): pass\n",
            "test_lib.py": perf_file(
                "import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.new)\n"
            ),
        }
    )
    result = run(repo)
    (test,) = result.tests
    assert (test.verdict, test.version) == (Verdict.NEW, Side.HEAD)
    assert not test.is_regression
    assert "base's version could not be compared" in result.notes[0]


@pytest.mark.slow
def test_a_perf_test_taken_out_of_its_file_is_still_run(repo: Any, quick: None) -> None:
    two = (
        "import lib\n@pytest.mark.perf\ndef test_kept(perf): perf(lambda: None)\n"
        "@pytest.mark.perf\ndef test_gone(perf): perf(lib.step)\n"
    )
    sync = "import torch\ndef step(): torch.ones(2).sum(){}\n"
    repo.commit(
        {"pyproject.toml": PYTEST, "lib.py": sync.format(""), "test_lib.py": perf_file(two)}
    )
    kept = perf_file(two.split("@pytest.mark.perf\ndef test_gone")[0])
    repo.commit({"lib.py": sync.format(".item()"), "test_lib.py": kept})
    found = by_name(run(repo))
    assert found["test_gone"].version is Side.BASE
    assert [counter.name for counter in found["test_gone"].over_budget] == ["host_syncs"]


STEP = "import torch\ndef step(): torch.ones(2).sum(){}\n"
TEST = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")


@pytest.mark.slow
def test_a_file_of_perf_tests_that_the_change_removes_is_still_run(repo: Any, quick: None) -> None:
    """Moved and edited so that it no longer sees the regression that comes with it."""
    repo.commit({"pyproject.toml": PYTEST, "lib.py": STEP.format(""), "test_old.py": TEST})
    repo.git("rm", "--quiet", "test_old.py")
    blind = TEST.replace("lib.step", "lambda: None").replace("test_it", "test_new")
    repo.commit({"lib.py": STEP.format(".item()"), "test_new.py": blind})
    result = run(repo)
    found = by_name(result)
    assert [counter.name for counter in found["test_it"].over_budget] == ["host_syncs"]
    assert found["test_it"].version is Side.BASE
    assert found["test_new"].verdict is not Verdict.FAILED
    assert result.notes[0].startswith("this change removes test_old.py: head's version and base's")
    assert (result.selection.found, result.selection.affected) == (1, 1)


@pytest.mark.slow
def test_a_change_that_removes_every_perf_test_is_measured_all_the_same(
    repo: Any, quick: None
) -> None:
    repo.commit({"pyproject.toml": PYTEST, "lib.py": STEP.format(""), "test_old.py": TEST})
    repo.git("rm", "--quiet", "test_old.py")
    repo.commit({"lib.py": STEP.format(".item()")})
    (test,) = run(repo).tests
    assert test.is_regression


@pytest.mark.slow
def test_perf_tests_that_are_only_moved_are_run_once(repo: Any, quick: None) -> None:
    repo.commit({"pyproject.toml": PYTEST, "lib.py": STEP.format(""), "test_old.py": TEST})
    repo.git("mv", "test_old.py", "test_new.py")
    repo.commit({"lib.py": STEP.format(".item()")})
    result = run(repo)
    assert [test.test.path for test in result.tests] == ["test_new.py"]
    assert result.tests[0].is_regression


@pytest.mark.slow
def test_a_file_whose_only_perf_test_is_unmarked_is_still_run(repo: Any, quick: None) -> None:
    repo.commit({"pyproject.toml": PYTEST, "lib.py": STEP.format(""), "test_lib.py": TEST})
    plain = "def test_it(): pass\n"
    repo.commit({"lib.py": STEP.format(".item()"), "test_lib.py": plain})
    result = run(repo)
    assert [test.is_regression for test in result.tests] == [True]
    assert result.notes[0].startswith("this change edits test_lib.py: head's version and base's")


def chosen(repo: Any) -> tuple[Choice, list[str]]:
    with check_out(repo.root, "main~1", "main") as sides:
        return select_tests(sides, load_config(sides.head_root), RunOptions())


def test_settings_that_leave_perf_tests_out_are_told_and_base_s_are_run(repo: Any) -> None:
    settings = "[tool.perflint.runners]\nmin_effect = {}\npaths = ['{}']\n"
    files = {"a/test_a.py": TEST, "b/test_b.py": TEST, "lib.py": STEP.format("")}
    repo.commit({**files, "pyproject.toml": settings.format(0.02, ".")})
    repo.commit({"lib.py": STEP.format(".item()"), "pyproject.toml": settings.format(0.5, "b")})
    choice, notes = chosen(repo)
    assert [file.path for file in choice.files] == ["b/test_b.py"]
    assert [file.path for file in choice.removed] == ["a/test_a.py"]
    assert notes[0] == (
        'this change sets `paths` from ["."] to ["b"], `min_effect` from 0.02 to 0.5 in '
        "[tool.perflint.runners]"
    )


def test_a_copy_elsewhere_below_another_conftest_is_no_moved_test(repo: Any) -> None:
    repo.commit({"a/test_it.py": TEST, "b/test_it.py": TEST, "b/conftest.py": "A = 1\n"})
    repo.commit({"lib.py": STEP.format("")})
    repo.git("rm", "--quiet", "b/test_it.py")
    repo.commit({"lib.py": STEP.format(".item()")})
    assert [file.path for file in chosen(repo)[0].removed] == ["b/test_it.py"]
    repo.git("mv", "a/test_it.py", "b/test_it.py")
    repo.commit({"lib.py": STEP.format(".sum()")})
    assert [file.path for file in chosen(repo)[0].removed] == ["a/test_it.py"]
    repo.git("mv", "b/conftest.py", "conftest.py")
    repo.git("mv", "b/test_it.py", "c.py")
    repo.git("mv", "c.py", "test_it.py")
    repo.commit({"lib.py": STEP.format("")})
    assert chosen(repo)[0].removed == ()
