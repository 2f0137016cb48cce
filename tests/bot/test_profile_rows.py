"""Which rows of a profile are shown, and which line of the change stands beside an operator."""

from dataclasses import replace

import pytest
from torch_perflint.bot.cause import (
    CallsCause,
    LineCause,
    OperatorCause,
    PartCause,
    Unexplained,
    cause_of_count,
    cause_of_time,
)
from torch_perflint.bot.placed import Placed
from torch_perflint.bot.profile_rows import worth_showing
from torch_perflint.bot.render import render_comment
from torch_perflint.bot.rows import Cost, cost_of
from torch_perflint.lints.finding import Span
from torch_perflint.runners.profiling.profile import (
    LineChange,
    LineCost,
    ModuleChange,
    OperatorChange,
    PartChange,
    ProfileChange,
)
from torch_perflint.runners.result import CounterChange, TestResult
from torch_perflint.runners.verdict.compare import Verdict

from .reports import CONV, GPT, REPORTS, compared, finding, report


def with_profile(*changes: OperatorChange | LineChange, gained: float = 1.0) -> TestResult:
    """A slower test whose step grew by `gained` ms from 9 ms."""
    operators = tuple(one for one in changes if isinstance(one, OperatorChange))
    lines = tuple(one for one in changes if isinstance(one, LineChange))
    at = compared(Verdict.SLOWER, -gained / (9 + gained), base_ms=9.0)
    return replace(GPT, comparison=at, profile=ProfileChange(operators, lines))


def line(number: int, base: float, head: float, *, edited: bool, source: str = "x") -> LineChange:
    return LineChange("model.py", number, source, base, head, edited)


TANH = OperatorChange("aten::tanh", 0.0, 0.6, 0, 1)


def test_modules_that_moved_against_the_step_show_what_the_profile_errs_by() -> None:
    grown = ModuleChange("GPT.blocks.*", "Block", 2.0, 3.0, count=12)
    test = with_profile(TANH)
    assert test.profile is not None
    modules = (
        grown,
        ModuleChange("GPT.head", "Linear", 1.0, 1.15),
        ModuleChange("", "", 1.0, 1.3),
        ModuleChange("GPT.embed", "Embedding", 0.5, 0.3),
    )
    rows = worth_showing(replace(test, profile=replace(test.profile, modules=modules)))
    assert rows.modules == (grown, modules[2])
    assert rows.hidden == 2


def test_untouched_rows_within_the_noise_and_zeros_are_left_out() -> None:
    rows = worth_showing(
        with_profile(
            TANH,
            OperatorChange("aten::mm", 3.0, 2.8, 6, 6),  # moved against the step: it is noise
            OperatorChange("aten::clamp_min", 0.1, 0.28, 5, 5),
            OperatorChange("aten::gelu", 0.1, 0.4, 5, 5),
            OperatorChange("aten::to", 0.0, 0.002, 2, 3),
            line(16, 0.0, 0.6, edited=True),
            line(15, 4.6, 4.3, edited=False),
        )
    )
    assert [one.name for one in rows.operators] == ["aten::tanh", "aten::gelu"]
    assert [one.line for one in rows.lines] == [16]
    assert rows.hidden == 4


def test_the_comment_says_how_many_rows_are_left_out() -> None:
    page = render_comment(report(with_profile(TANH, OperatorChange("aten::to", 0.0, 0.001, 2, 3))))
    assert (
        "Not shown: 1 row that differs by no more than the profile's noise, or by less than" in page
    )
    assert "0.00 |" not in page
    assert "Not shown" not in render_comment(report(with_profile(TANH)))


def test_a_line_that_takes_more_than_the_step_grew_is_told_with_the_reason() -> None:
    page = render_comment(report(with_profile(line(16, 0.0, 0.6, edited=True), gained=0.3)))
    assert (
        "This changed line takes 0.6 ms of each step; a whole step takes 0.3 ms longer by the "
        "clock: the profiler makes short operators look longer."
    ) in page
    page = render_comment(report(with_profile(line(16, 0.0, 0.6, edited=True), gained=0.6)))
    assert "by the clock" not in page


def test_what_other_edited_lines_save_is_told() -> None:
    result = with_profile(
        line(41, 0.1, 4.7, edited=True), line(31, 3.3, 1.7, edited=True), gained=3
    )
    cause = cause_of_time(result, Placed())
    assert isinstance(cause, LineCause)
    assert not cause.exceeds
    page = render_comment(report(result))
    assert "and other lines that this PR edits take 1.6 ms less; a whole step takes 3.0 ms" in page


def test_the_changed_line_that_calls_the_operator_is_named() -> None:
    named = line(16, 0.0, 0.05, edited=True, source="x = x + torch.tanh(x)")
    result = with_profile(TANH, line(9, 0.0, 0.1, edited=True, source="y = z"), named)
    page = render_comment(report(result))
    assert (
        "`aten::tanh` 0.0 → 0.6 ms per step (0 → 1 calls). Of the lines that this PR edits" in page
    )
    assert "model.py#L16) — `x = x + torch.tanh(x)` grew most." in page
    counter = CounterChange("operators", 25, 28, True)
    cause = cause_of_count(result, counter, Placed())
    assert isinstance(cause, CallsCause)
    assert cause.line == named
    untouched = replace(named, touched=False)
    assert cause_of_count(with_profile(TANH, untouched), counter, Placed()) == CallsCause(
        TANH, None
    )


def test_bytes_that_no_budget_concerns_and_hardly_differ_are_hidden_and_counted() -> None:
    page = render_comment(REPORTS["bytes"]).replace("\N{NO-BREAK SPACE}", " ")
    assert "saved for backward" not in page
    assert "Not listed above: 1 count of bytes that differs by less than 0.1%" in page
    assert "**3,034,152 → 3,034,164 bytes** peak" in page
    assert "**7.03 → 8.53 MiB** allocated" in page
    budgets = {"saved_for_backward_bytes": 1000}
    run = replace(REPORTS["bytes"].run, budgets=budgets)
    page = render_comment(replace(REPORTS["bytes"], run=run)).replace("\N{NO-BREAK SPACE}", " ")
    assert "**26,346,360 → 26,346,424 bytes** saved for backward" in page
    assert "Not listed" not in render_comment(report(CONV))


def test_a_finding_costs_what_its_lines_cost_where_they_weigh_most() -> None:
    def costing(test: str, head_ms: float, *costs: tuple[int, float]) -> TestResult:
        lines = tuple(LineCost("model.py", number, ms) for number, ms in costs)
        profile = ProfileChange((), (), costs=lines, head_ms=head_ms)
        return replace(GPT, test=replace(GPT.test, id=test), profile=profile)

    tests = [
        costing("a", 100.0, (5, 10.0), (6, 2.0), (9, 50.0)),
        costing("b", 10.0, (5, 1.5)),
        replace(GPT, profile=None),
    ]
    names = {result.test.id: result.test.id for result in tests}
    two = finding("model.py", 5, span=Span(5, 0, 6, 1))
    assert cost_of(two, tests, names) == Cost(1.5, 0.15, "b")
    assert cost_of(two, tests[:1], names) == Cost(12.0, 0.12, "a")
    assert cost_of(finding("model.py", 7), tests, names) is None
    assert cost_of(finding("other.py", 5), tests, names) is None
    page = render_comment(report(*tests, findings=(two,)))
    assert "costs 1.5 ms, 15% of a step of `b`" in page


def with_parts(*parts: PartChange, gained: float = 4.0) -> TestResult:
    made = with_profile(gained=gained)
    assert made.profile is not None
    return replace(made, profile=replace(made.profile, parts=parts))


def test_the_part_that_grew_is_the_cause_where_no_line_and_no_operator_is() -> None:
    loading = PartChange("data loading", 0.5, 4.3, 0.4)
    slow = with_parts(PartChange("compute", 8.0, 8.2, 0.3), loading)
    assert cause_of_time(slow, Placed(())) == PartCause(loading)
    said = "Likely cause: data loading went from 0.5 to 4.3 ms per step; no line and no operator"
    assert said in render_comment(report(slow))


def test_a_part_that_errs_by_more_than_it_grew_is_no_cause() -> None:
    for part in (
        PartChange("data loading", 0.5, 4.3, 4.0),
        PartChange("data loading", 0.5, 4.3),
        PartChange("data loading", 0.5, 1.4, 0.1),  # less than a quarter
        PartChange("unexplained", 0.5, 4.3, 0.1),
    ):
        assert cause_of_time(with_parts(part), Placed(())) == Unexplained(pytest.approx(4.0))
    assert cause_of_time(replace(GPT, profile=None), Placed(())) is None


def test_what_the_profile_does_not_explain_is_said_to_be_unexplained() -> None:
    page = render_comment(report(with_parts()))
    assert "Likely cause: unexplained. Nothing in the profile differs by a quarter of the" in page


def test_a_line_goes_before_the_part_that_it_belongs_to() -> None:
    made = with_profile(line(16, 0.0, 0.9, edited=True))
    assert made.profile is not None
    parts = (PartChange("Python and launching", 1.0, 2.0, 0.1),)
    slow = replace(made, profile=replace(made.profile, parts=parts))
    assert isinstance(cause_of_time(slow, Placed(())), LineCause)


def test_a_line_that_calls_what_takes_longer_is_the_cause() -> None:
    calls = replace(
        line(16, 0.0, 0.02, edited=True), base_total_ms=0.5, head_total_ms=1.4, source="model(x)"
    )
    slow = with_profile(calls, line(3, 1.0, 1.9, edited=False))
    cause = cause_of_time(slow, Placed(()))
    assert isinstance(cause, LineCause) and cause.with_calls
    assert (
        "`model(x)`. This changed line, with all that it calls, went from 0.5 to 1.4 ms per step"
    ) in render_comment(report(slow))
    # Where the change has lines that take the time themselves, these are named.
    inner = cause_of_time(with_profile(calls, line(3, 1.0, 1.9, edited=True)), Placed(()))
    assert isinstance(inner, LineCause) and inner.line.line == 3 and not inner.with_calls


def test_lines_that_have_taken_over_what_others_did_are_no_cause() -> None:
    """Code that moved takes far more than a step gained: what gained is not known by that."""
    grown = OperatorChange("aten::mm", 4.0, 4.8, 4, 4)
    file_of_its_own = [line(n, 0.0, 2.0, edited=True) for n in (1, 2)]
    cause = cause_of_time(with_profile(grown, *file_of_its_own), Placed(()))
    assert cause == OperatorCause(grown, None)
    moved = replace(line(9, 0.0, 0.01, edited=True), head_total_ms=10.0, source="inner()")
    assert isinstance(cause_of_time(with_profile(moved), Placed(())), Unexplained)
    # A line that calls what takes longer is named beside it.
    calls = replace(line(8, 0.0, 0.01, edited=True), base_total_ms=4.0, head_total_ms=4.9)
    cause = cause_of_time(with_profile(moved, calls), Placed(()))
    assert isinstance(cause, LineCause) and cause.line == calls
    # The clock of a busy machine errs by more than a small change costs.
    small = with_profile(line(16, 0.0, 0.6, edited=True), gained=0.1)
    assert isinstance(cause_of_time(small, Placed(())), LineCause)
    # What other lines of the change save goes off: these have replaced them.
    rewritten = [line(1, 6.0, 0.0, edited=True), line(2, 0.0, 7.0, edited=True)]
    assert isinstance(cause_of_time(with_profile(*rewritten), Placed(())), LineCause)


def test_a_part_that_says_more_than_an_operator_without_a_line_goes_before_it() -> None:
    def cause(part: str) -> object:
        made = with_profile(TANH)
        assert made.profile is not None
        parts = (PartChange(part, 1.0, 1.9, 0.1),)
        return cause_of_time(replace(made, profile=replace(made.profile, parts=parts)), Placed(()))

    assert isinstance(cause("optimizer"), PartCause)
    assert isinstance(cause("compute"), OperatorCause)
