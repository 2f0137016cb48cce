"""Why a test has no verdict: the reason that the numbers give, and no other."""

from dataclasses import replace

import pytest
from torch_perflint.bot.doubt import LARGE_EFFECT, LAUNCHES, SAME_WITHIN, doubt
from torch_perflint.runners.sample import Segment
from torch_perflint.runners.verdict.compare import Verdict

from .reports import compared, timed


def said(change: float, half: float, *, stopped: bool = False, **more: object) -> str:
    at = compared(Verdict.UNSURE, change, half, **more)
    return doubt(timed("test_a", Verdict.UNSURE, change), at, stopped=stopped)


def test_an_interval_with_zero_in_it_is_the_reason() -> None:
    assert said(-0.03, 0.04) == "the 95% interval [−7.0, +1.0] includes zero"


def test_clear_of_zero_and_not_confirmed_by_fresh_processes() -> None:
    told = said(-0.099, 0.05, launches=1)
    assert told == "no fresh processes have confirmed it (95% interval [−14.9, −4.9])"
    assert "stopped before fresh" in said(-0.099, 0.05, launches=1, stopped=True)
    assert "fresh" not in said(-0.099, 0.05, launches=2), "so large that two are enough"
    assert said(-0.05, 0.02, launches=2) == (
        "no third launch of processes has confirmed it (95% interval [−7.0, −3.0])"
    )
    told = said(-0.05, 0.02, launches=2, stopped=True)
    assert told.startswith("the run was stopped before a third launch of fresh processes could")
    assert "launch" not in said(-0.05, 0.02, launches=3)
    warning = "fresh processes did not confirm a difference: -9.9%, -1.0%"
    assert said(-0.06, 0.05, launches=3, warnings=(warning,)).startswith(
        "fresh processes did not confirm it"
    )


def test_sides_that_were_measured_apart_need_no_further_launch() -> None:
    at = compared(Verdict.UNSURE, -0.099, 0.05, launches=1)
    apart = Segment(1, (), apart=True)
    test = replace(timed("test_a", Verdict.UNSURE, -0.099), segments=(apart,))
    assert doubt(test, at, stopped=False) == (
        "a verdict needs more certainty than the 95% interval [−14.9, −4.9] has"
    )


def test_less_than_matters_is_not_called_too_wide() -> None:
    assert said(-0.015, 0.012) == (
        "that is less than the 2.0% that matters here, and the 95% interval [−2.7, −0.3] does not "
        "rule out more"
    )


def test_spoiled_numbers_have_no_interval_that_holds() -> None:
    assert said(-0.1, 0.01, spoiled=True).startswith("something spoiled the numbers")


def test_the_conditions_are_those_of_the_judge() -> None:
    judge = pytest.importorskip("torch_perflint.runners.verdict.judge")
    at = judge.Thresholds()
    assert (at.launches, at.large_effect, at.same_within) == (LAUNCHES, LARGE_EFFECT, SAME_WITHIN)


def test_a_change_that_none_can_have_is_no_error() -> None:
    assert said(-1.5, 0.05).startswith("a verdict needs more certainty")
    assert said(-1e25, 0.05, launches=1).startswith("no fresh processes")
