"""Of two versions of an edited perf test the graver verdict counts."""

from dataclasses import replace

import pytest
from torch_perflint.runners.result import (
    CounterChange,
    Failure,
    RunResult,
    Selection,
    TestResult,
)
from torch_perflint.runners.sample import PerfTest, Side
from torch_perflint.runners.text.words import removes_test
from torch_perflint.runners.verdict.compare import Comparison, Verdict
from torch_perflint.runners.versions import join_versions, this_change

FAILURE = Failure("AttributeError: no step", "")
SYNC = (CounterChange("host_syncs", 0, 1, over_budget=True),)

CHANGED = this_change(["t.py"])


def result(verdict: Verdict, name: str = "test_it", **more: object) -> TestResult:
    change = {"slower": -0.1, "faster": 0.1}.get(verdict.value, 0.0)
    at = Comparison(verdict, change, change - 0.01, change + 0.01, 0.01, 0.01, 0.02, 96, 4, 2)
    compared = verdict.value in ("slower", "faster", "same", "unsure")
    made = TestResult(
        PerfTest(f"t.py::{name}", "t.py", 1), verdict, comparison=at if compared else None
    )
    if verdict is Verdict.FAILED:
        made = replace(made, head_failure=FAILURE)
    if verdict is Verdict.NEW:
        made = replace(made, base_failure=FAILURE)
    if verdict is Verdict.BROKEN:
        made = replace(made, head_failure=FAILURE, base_failure=FAILURE)
    return replace(made, **more)  # type: ignore[arg-type]


def run(*tests: TestResult, refused: str | None = None) -> RunResult:
    return RunResult(Selection(1, 1), tests, None, 0, refused=refused)


def joined(head: TestResult, base: TestResult) -> TestResult:
    (test,) = join_versions(run(head), run(base), CHANGED).tests
    return test


@pytest.mark.parametrize(
    ("head", "base", "verdict", "version"),
    [
        ("same", "slower", "slower", "base"),
        ("faster", "slower", "slower", "base"),
        ("slower", "same", "slower", "head"),
        ("slower", "slower", "slower", "head"),
        ("same", "same", "same", "head"),
        ("same", "unsure", "unsure", "base"),
        ("new", "slower", "slower", "base"),
        ("new", "same", "same", "base"),
        ("skipped", "slower", "slower", "base"),
        ("failed", "slower", "failed", "head"),
        # Base's version does not run with head's code: the change may have edited it for that.
        ("same", "failed", "same", "head"),
        ("new", "failed", "new", "head"),
        ("same", "broken", "same", "head"),
        ("skipped", "broken", "skipped", "head"),
        ("broken", "broken", "broken", "head"),
        # Head's version fails on both sides, and base runs its own: the change broke its test.
        ("broken", "same", "failed", "head"),
        ("broken", "failed", "failed", "head"),
    ],
)
def test_the_graver_version_counts(head: str, base: str, verdict: str, version: str) -> None:
    test = joined(result(Verdict(head)), result(Verdict(base)))
    assert (test.verdict, test.version) == (Verdict(verdict), Side(version))
    assert test.other is not None and test.other.version is test.version.other


def test_a_count_over_its_budget_is_as_grave_as_slower() -> None:
    test = joined(result(Verdict.FASTER), result(Verdict.SAME, counters=SYNC))
    assert test.version is Side.BASE
    assert test.is_regression
    assert test.notes == (
        "base's version of the test says same (0.0%), with host syncs over budget; head's version "
        "says faster (+10.0%)",
    )


def test_the_first_notes_say_which_version_says_what() -> None:
    whole = join_versions(run(result(Verdict.SAME)), run(result(Verdict.SLOWER)), CHANGED)
    assert whole.notes == (
        "this change edits t.py: head's version and base's version were each run on both sides, "
        "and the graver verdict counts",
        "test_it: base's version of the test says slower (−10.0%); head's version says same (0.0%)",
    )


def test_a_version_that_could_not_be_compared_is_told() -> None:
    whole = join_versions(run(result(Verdict.SAME)), run(result(Verdict.FAILED)), CHANGED)
    assert whole.notes[0].endswith("base's version could not be compared")
    assert "base's version says failed (AttributeError: no step)" in whole.notes[1]


def test_a_test_that_only_base_s_version_has_counts_where_head_can_run_it() -> None:
    gone = [result(Verdict.SLOWER, "test_gone"), result(Verdict.FAILED, "test_old")]
    whole = join_versions(run(result(Verdict.SAME)), run(*gone), CHANGED)
    assert [(t.test.name, t.verdict, t.version) for t in whole.tests[1:]] == [
        ("test_gone", Verdict.SLOWER, Side.BASE)
    ]
    assert "test_old is in base's version only, and head cannot run it" in whole.notes[-1]


def test_a_test_that_is_gone_and_was_run_is_told_of_once() -> None:
    gone = [result(Verdict.SAME, "test_gone"), result(Verdict.FAILED, "test_old")]
    names = [*(one.test.id for one in gone), "t.py::test_other"]
    ours = replace(run(result(Verdict.SAME)), notes=tuple(map(removes_test, names)))
    whole = join_versions(ours, run(*gone), CHANGED)
    assert [note for note in whole.notes if "test_gone" in note] == [
        "test_gone is in base's version only: same (0.0%)"
    ]
    assert [note for note in whole.notes if note in ours.notes] == [removes_test(names[-1])]


def test_a_file_that_head_cannot_collect_has_failed_where_base_runs_its_own() -> None:
    whole_file = replace(result(Verdict.BROKEN), test=PerfTest("t.py", "t.py", 1))
    tests = join_versions(run(whole_file), run(result(Verdict.SAME)), CHANGED).tests
    assert [test.verdict for test in tests] == [Verdict.FAILED, Verdict.SAME]


def test_a_version_whose_sides_are_not_comparable_refuses_all() -> None:
    whole = join_versions(run(result(Verdict.SAME)), run(refused="base ran lib"), CHANGED)
    assert whole.tests == ()
    assert whole.refused == "with base's version of the perf tests, base ran lib"


def test_what_is_edited_and_what_is_removed_are_told_apart() -> None:
    assert this_change(["a.py", "b.py"]) == "this change edits a.py, b.py"
    assert this_change(["a.py", "b.py"], {"b.py"}) == "this change edits a.py and removes b.py"
    assert this_change(["b.py"], {"b.py"}) == "this change removes b.py"
    users = {"a.py": ["test_x", "test_y"]}
    assert this_change(["a.py", "b.py"], (), users) == (
        "this change edits b.py, a.py, which test_x, test_y use"
    )


def test_what_a_stopped_run_of_base_s_version_did_not_come_to_is_named() -> None:
    """Perf tests that the change removes: head's version has no result of theirs."""
    mine, gone = result(Verdict.SAME), result(Verdict.SAME, "test_gone")
    theirs = replace(run(), interrupted=True, unmeasured=(mine.test.id, gone.test.id))
    whole = join_versions(run(mine), theirs, CHANGED)
    assert (whole.interrupted, whole.unmeasured) == (True, (gone.test.id,))
    assert join_versions(run(mine), run(mine), CHANGED).unmeasured == ()
