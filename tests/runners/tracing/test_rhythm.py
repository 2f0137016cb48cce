"""Counts of steps are told as what people would say, and held against a budget."""

from collections.abc import Mapping

import pytest
from torch_perflint.runners.tracing.rhythm import over_budget, rhythm, waits_by_step
from torch_perflint.runners.tracing.trace import Counts, Kind
from torch_perflint.runners.tracing.trace_text import times

from .traces import every, sync, trace


@pytest.mark.parametrize(
    ("steady", "words"),
    [
        (every(2), "2 per step"),
        ({2: 1, 3: 3, 4: 1, 5: 1}, "1 to 3 per step"),
        ({2: 1, 4: 1}, "1 every 2nd step"),
        ({3: 4}, "4 in 1 of 4 steps"),
        ({2: 1, 3: 1, 5: 1}, "1 in 3 of 4 steps"),
    ],
)
def test_a_rhythm_is_told_in_words(steady: Mapping[int, int], words: str) -> None:
    assert times(rhythm(Counts(steady=steady), range(2, 6))) == words


def test_steps_that_do_not_count_are_left_out_of_a_rhythm() -> None:
    assert rhythm(Counts(steady={2: 9, 3: 1}), range(3, 4)).most == 1


def test_only_what_blocks_counts_as_a_wait() -> None:
    syncs = [sync(every(1)), sync({3: 2}, kind=Kind.H2D), sync(every(5), kind=Kind.ASYNC)]
    assert waits_by_step(syncs, range(2, 6)) == {2: 1, 3: 3, 4: 1, 5: 1}


def test_the_worst_step_is_held_against_the_budget() -> None:
    usual, rare = sync(every(1)), sync({4: 3}, operation="cpu()")
    over = over_budget(trace(usual, rare), 0)
    assert over is not None
    assert (over.step, over.waits, over.steps_over) == (4, 4, 4)
    assert over.syncs == (rare, usual)
    assert over_budget(trace(usual, rare), 4) is None


def test_the_first_steps_are_held_against_no_budget() -> None:
    once = trace(sync({2: 9}, set_up=9, first=9))
    assert over_budget(once, 0) is not None
    assert over_budget(once, 0, skip=2) is None
