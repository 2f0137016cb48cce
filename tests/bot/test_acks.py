"""Acknowledgements: what they accept, and that only a real worsening ends them."""

import json
import math
import random
from dataclasses import replace

import pytest
from torch_perflint.bot.acks import (
    MOST_ACKS,
    Ack,
    Refused,
    acknowledge,
    facts_of,
    lapsed,
    line,
    read_ack,
    still_standing,
    withdraw,
)
from torch_perflint.bot.gate import CLEAN, LOOK, FailOn, decide_despite
from torch_perflint.bot.report import Report
from torch_perflint.runners.result import CounterChange, RunResult, TestResult
from torch_perflint.runners.verdict.compare import Verdict

from .parsed import parse
from .reports import BROKEN, CONV, GPT, LOADER, SKIPPED, compared, failed, finding, report, timed

AT = "2026-01-02T03:04:05Z"


def slower(change: float, half: float = 0.008, verdict: Verdict = Verdict.SLOWER) -> TestResult:
    return replace(GPT, verdict=verdict, comparison=compared(verdict, change, half))


def accept(told: Report, name: str = "test_gpt_train", acks: tuple[Ack, ...] = ()) -> Ack:
    made = acknowledge(acks, told, name, "worth it", by="maintainer", at=AT)
    assert isinstance(made, tuple), made
    return made[-1]


def stands(accepted: TestResult, then: TestResult) -> bool:
    ack = accept(report(accepted), accepted.test.name)
    told = report(then)
    assert len(still_standing((ack,), told)) + len(lapsed((ack,), told)) == 1
    return bool(still_standing((ack,), told))


@pytest.mark.parametrize(
    ("then", "holds"),
    [
        (slower(-0.10), True),  # as accepted
        (slower(-0.05), True),  # better
        (slower(-0.115), True),  # by less than what matters, 2 %
        (slower(-0.14), False),
        (slower(-0.30), False),
        (slower(-0.14, 0.06), True),  # the noise of the new result explains it
        (slower(-0.24, 0.06), False),
        (slower(-0.30, verdict=Verdict.UNSURE), True),  # nobody says that it is slower
        (slower(0.10, verdict=Verdict.FASTER), True),
        (replace(SKIPPED, test=GPT.test), True),
        (replace(BROKEN, test=GPT.test), True),
        (LOADER, True),  # not measured this time
        (failed("test_b_train"), True),  # another test
        (failed("test_gpt_train"), False),
        (replace(slower(-0.10), counters=(CounterChange("host_syncs", 0, 1, True),)), False),
    ],
)
def test_it_lapses_where_the_regression_gets_worse_and_only_there(
    then: TestResult, holds: bool
) -> None:
    assert stands(slower(-0.10), then) is holds


def test_the_noise_of_what_was_accepted_counts_too() -> None:
    assert not stands(slower(-0.10, 0.005), slower(-0.14, 0.005))
    assert stands(slower(-0.10, 0.05), slower(-0.14, 0.005))


def test_many_small_steps_add_up() -> None:
    """Each is below what matters; they are held against what was accepted, not the last result."""
    ack = accept(report(slower(-0.10, 0.004)))
    steps = [slower(change, 0.004) for change in (-0.11, -0.115, -0.125, -0.13, -0.14)]
    held = [bool(still_standing((ack,), report(step))) for step in steps]
    assert held == [True, True, False, False, False]


def test_a_smallest_effect_that_the_change_edits_does_not_count() -> None:
    ack = accept(report(slower(-0.10)))
    lenient = replace(slower(-0.40), test=replace(GPT.test, min_effect=0.9))
    assert still_standing((ack,), report(lenient)) == ()


@pytest.mark.parametrize("half", [0.004, 0.01, 0.03])
@pytest.mark.parametrize("freedom", [5, 30])
def test_noise_does_not_make_it_lapse_and_a_real_worsening_does(half: float, freedom: int) -> None:
    """Pairs of results with errors that are themselves only estimated.

    `half` is half the width of the 95 % interval that the data would have with a known error.
    """
    dice = random.Random(7)
    error = half / 1.96
    quantile = {5: 2.571, 30: 2.042}[freedom]

    def measured(true: float) -> TestResult:
        seen = dice.gauss(true, error)
        known = error * math.sqrt(dice.gammavariate(freedom / 2, 2) / freedom)
        low, high = (math.expm1(-(seen + side * quantile * known)) for side in (1, -1))
        at = replace(compared(Verdict.SLOWER, math.expm1(-seen)), low=low, high=high)
        return replace(GPT, comparison=at)

    def share(worse: float, tries: int) -> float:
        """How often an acknowledgement of a slowdown of 10 % lapses where it is that much worse."""
        ended = 0
        for _ in range(tries):
            ended += not stands(measured(0.10), measured(0.10 + worse))
        return ended / tries

    # The error of the difference of two results, as their intervals tell it.
    told = math.sqrt(2) * half * quantile / 1.96 / 1.96
    assert share(0.0, 2000) <= 0.003
    assert share(max(0.02, 3.1 * told) + 3 * told, 500) >= 0.95


def test_counters_are_exact() -> None:
    """CONV has one host synchronisation more than allowed, and is not slower."""
    more = replace(CONV, counters=(CounterChange("host_syncs", 0, 2, True),))
    fewer = replace(CONV, counters=(CounterChange("host_syncs", 0, 0),))
    assert stands(CONV, CONV)
    assert stands(CONV, fewer)
    assert not stands(CONV, more)


def test_accepting_a_count_accepts_no_time() -> None:
    ack = accept(report(CONV), CONV.test.name)
    assert ack.change is None
    by_three = replace(CONV, verdict=Verdict.SLOWER, comparison=compared(Verdict.SLOWER, -0.03))
    [told] = lapsed((ack,), report(by_three))
    assert "not accepted" in told.why


@pytest.mark.parametrize("change", [-1.0, -2.0, math.nan, math.inf])
def test_numbers_that_no_measurement_has_neither_stand_nor_are_accepted(change: float) -> None:
    strange = replace(GPT, comparison=replace(compared(Verdict.SLOWER, -0.1), change=change))
    made = acknowledge((), report(strange), "test_gpt_train", "why", by="m", at=AT)
    assert isinstance(made, Refused)
    assert not stands(GPT, strange)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("test_gtp_train", "did you mean `test_gpt_train`?"),
        ("test_loader_train", "did not regress"),
        ("something_else", "none of the tests that regressed: `test_gpt_train`"),
        ("test_b_train", "fails on head"),
    ],
)
def test_what_cannot_be_accepted_is_said(name: str, says: str) -> None:
    told = report(GPT, LOADER, failed("test_b_train"))
    made = acknowledge((), told, name, "why not", by="m", at=AT)
    assert isinstance(made, Refused)
    assert says in made.why


def test_of_two_tests_of_one_name_the_file_says_which() -> None:
    twin = replace(GPT, test=replace(GPT.test, id="perf_tests/other.py::test_gpt_train"))
    made = acknowledge((), report(GPT, twin), "test_gpt_train", "why", by="m", at=AT)
    assert isinstance(made, Refused)
    assert "`perf_tests/other.py::test_gpt_train`" in made.why
    ack = accept(report(GPT, twin), twin.test.id)
    assert ack.test == twin.test.id
    both = (ack, accept(report(GPT, twin), GPT.test.id))
    assert isinstance(withdraw(both, "test_gpt_train"), Refused)
    assert withdraw(both, twin.test.id) == both[1:]


def test_a_second_acknowledgement_takes_the_place_of_the_first_and_there_is_an_end() -> None:
    first = accept(report(slower(-0.10)))
    again = acknowledge((first,), report(slower(-0.3)), "test_gpt_train", "more", by="o", at=AT)
    assert isinstance(again, tuple)
    assert [ack.reason for ack in again] == ["more"]
    many = tuple(replace(first, test=f"x.py::test_{n}") for n in range(MOST_ACKS))
    made = acknowledge(many, report(GPT), "test_gpt_train", "one more", by="m", at=AT)
    assert isinstance(made, Refused)
    assert isinstance(withdraw((), "test_gpt_train"), Refused)


def test_it_comes_through_the_marker_as_it_was() -> None:
    for ack in (accept(report(GPT)), accept(report(CONV), CONV.test.name)):
        assert read_ack(json.loads(json.dumps(facts_of(ack)))) == ack
        # What a later perflint adds at the end does not keep this one from reading.
        assert read_ack([*facts_of(ack), "more"]) == ack


@pytest.mark.parametrize(
    "facts", [None, {}, [], ["x"] * 10, [*["x"] * 5, 0.1, 0.1, 0.1, 0.02, {"a": "b"}]]
)
def test_what_is_none_of_ours_is_not_read(facts: object) -> None:
    assert read_ack(facts) is None


def test_its_line_keeps_a_hostile_reason_inert() -> None:
    hostile = "](https://e.com) @maintainer closes #5 `x` <img src=x> |"
    seen = parse(line(replace(accept(report(GPT)), reason=hostile)))
    assert seen.links == []
    assert "img" not in seen.tags
    assert "@" not in seen.text
    assert "−26.3%" in seen.text


def test_the_gate_lets_pass_what_is_accepted_and_nothing_else() -> None:
    told = report(GPT, LOADER)
    ack = accept(told)
    assert told.status == LOOK
    assert decide_despite(told, ()).reasons == told.status_reasons
    assert decide_despite(told, (ack,)).status == CLEAN
    worse = report(slower(-0.5), LOADER)
    assert decide_despite(worse, (ack,)).status == LOOK
    for also in (report(GPT, CONV), report(GPT, findings=(finding(),)), report(GPT, failed("t"))):
        left = decide_despite(also, (ack,))
        assert left.status == LOOK
        assert len(left.reasons) == len(also.status_reasons) - 1


def test_the_gate_keeps_what_kept_perflint_from_its_work() -> None:
    ack = accept(report(GPT))
    told = report(GPT, problems=("x.py: invalid syntax",))
    left = decide_despite(told, (ack,))
    assert left.status == told.status == 2
    assert len(left.reasons) == 1


def test_a_status_without_reasons_is_not_explained_away() -> None:
    told = replace(report(GPT), status_reasons=())
    assert decide_despite(told, (accept(report(GPT)),)).status == LOOK


def test_an_accepted_test_without_a_verdict_blocks_nothing() -> None:
    unsure = report(slower(-0.10, 0.2, Verdict.UNSURE), fail_on=FailOn(unsure=True))
    assert unsure.status == LOOK
    assert decide_despite(unsure, (accept(report(GPT)),)).status == CLEAN


def test_what_was_measured_before_a_run_was_stopped_can_be_accepted() -> None:
    told = report(GPT)
    run: RunResult = replace(told.run, interrupted=True)
    assert accept(replace(told, run=run)).change == accept(told).change


def test_timed_is_what_reports_say() -> None:
    """The sample that these tests stand on is a regression by the report's own word."""
    assert slower(-0.1).is_regression
    assert not timed("x", Verdict.SAME, 0.0).is_regression


@pytest.mark.parametrize("name", ["test_b", "perf/test_b.py::test_b", "test_gpt_trains"])
def test_what_the_newest_result_did_not_look_at_has_to_be_measured_first(name: str) -> None:
    """A run that `/perflint rerun` held to one perf test knows nothing of the others."""
    partial = replace(report(GPT), only="test_gpt_train")
    stopped = replace(report(GPT).run, interrupted=True, unmeasured=("perf/test_b.py::test_b",))
    for told in (partial, replace(report(GPT), run=stopped)):
        refused = acknowledge((), told, name, "worth it", by="maintainer", at=AT)
        assert isinstance(refused, Refused)
        whole = told is not partial and name == "test_gpt_trains"
        assert ("was not measured in the newest result: measure it first" in refused.why) != whole
        assert ("did you mean `test_gpt_train`?" in refused.why) == (name == "test_gpt_trains")
