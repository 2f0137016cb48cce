"""The gate: which result ends in which exit status, and why."""

from dataclasses import replace

import pytest
from torch_perflint.bot.gate import Decision, FailOn, decide
from torch_perflint.bot.report import LintResult
from torch_perflint.lints.finding import Severity
from torch_perflint.runners.result import CounterChange, RunResult, Selection, TestResult
from torch_perflint.runners.sample import Side
from torch_perflint.runners.verdict.compare import Verdict

from .reports import (
    BROKEN,
    CONV,
    FASTER,
    GPT,
    IDENTICAL,
    LOADER,
    NEW,
    SKIPPED,
    UNSURE,
    failed,
    finding,
    timed,
)


def judged(
    *tests: TestResult,
    lint: LintResult = LintResult(),  # noqa: B008
    fail_on: FailOn = FailOn(),  # noqa: B008
    refused: str | None = None,
    found: int = 3,
) -> Decision:
    run = RunResult(Selection(found, len(tests)), tests, None, 0, refused=refused)
    return decide(lint, run, fail_on)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (LOADER, 0),
        (IDENTICAL, 0),
        (FASTER, 0),
        (NEW, 0),
        (SKIPPED, 0),
        (BROKEN, 0),
        (UNSURE, 0),
        (GPT, 1),
        (CONV, 1),
        (failed("test_a"), 1),
        (failed("test_a", hangs=True), 1),
    ],
    ids=lambda value: getattr(getattr(value, "verdict", None), "value", str(value)),
)
def test_each_verdict_has_its_status(result: TestResult, status: int) -> None:
    decision = judged(result, LOADER)
    assert decision.status == status
    assert len(decision.reasons) == status


def test_every_verdict_is_in_the_table() -> None:
    known = (LOADER, FASTER, NEW, SKIPPED, BROKEN, UNSURE, GPT, failed("test_a"))
    assert {result.verdict for result in known} == set(Verdict)


def test_doubt_fails_only_where_that_is_wished() -> None:
    assert judged(UNSURE, fail_on=FailOn(unsure=False)).status == 0
    assert judged(UNSURE, fail_on=FailOn(unsure=True)).status == 1


def test_a_counter_that_grew_within_its_budget_fails_nothing() -> None:
    grown = timed("test_a", Verdict.SAME, 0.0, counters=(CounterChange("operators", 1, 9),))
    assert judged(grown).status == 0


@pytest.mark.parametrize(
    ("severity", "threshold", "status"),
    [
        (Severity.INFO, Severity.WARNING, 0),
        (Severity.WARNING, Severity.WARNING, 1),
        (Severity.ERROR, Severity.WARNING, 1),
        (Severity.WARNING, Severity.ERROR, 0),
        (Severity.INFO, Severity.INFO, 1),
        (Severity.ERROR, None, 0),
    ],
)
def test_new_findings_fail_from_their_threshold_on(
    severity: Severity, threshold: Severity | None, status: int
) -> None:
    lint = LintResult((finding(severity=severity),))
    assert judged(LOADER, lint=lint, fail_on=FailOn(threshold)).status == status


@pytest.mark.parametrize("found", [0, 38])
def test_without_perf_tests_lint_alone_decides(found: int) -> None:
    assert judged(found=found).status == 0
    assert judged(found=found, lint=LintResult((finding(),))).status == 1


def test_the_gravest_status_wins_and_no_reason_is_lost() -> None:
    unread = LintResult((finding(),), problems=("a.py: invalid syntax",))
    assert judged(GPT).status == 1
    assert judged(GPT, lint=unread).status == 2
    decision = judged(GPT, CONV, lint=unread, refused="another torch")
    assert decision.status == 3
    assert decision.reasons == (
        "base and head cannot be compared: another torch",
        "the linter could not read 1 file",
        "`test_gpt_train` is slower (−26.3%)",
        "`test_convnet_train` counts more host syncs per step: 0 → 1",
        "1 new finding at or above warning",
    )


def test_a_verdict_by_base_s_version_of_the_perf_test_says_so() -> None:
    by_base = replace(GPT, version=Side.BASE, other=LOADER)
    assert judged(by_base).reasons == (
        "`test_gpt_train` is slower (−26.3%), by base's version of the perf test",
    )
