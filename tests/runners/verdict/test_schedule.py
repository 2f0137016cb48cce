"""The order of turns, and how long turns and segments are."""

import random
from collections import Counter

import pytest
from torch_perflint.runners.sample import Side
from torch_perflint.runners.verdict.schedule import pace, turn_order


@pytest.mark.parametrize(
    "step_seconds", [1e-9, 1e-6, 1e-3, 0.009, 0.028, 0.03, 0.1, 0.24, 0.25, 1.0, 60.0]
)
def test_a_turn_is_long_enough_and_a_segment_short_enough(step_seconds: float) -> None:
    fits = pace(step_seconds)
    assert fits.pairs % 2 == 0
    fewest = 8 if step_seconds < 0.25 else 4 if step_seconds < 1 else 2
    assert fewest <= fits.pairs <= 40
    if step_seconds < 0.25:
        assert fits.drop == 1
        assert fits.keep >= 3
        assert fits.keep * max(step_seconds, 1e-7) >= 0.03
    else:
        # Such a step hides the switch, and a turn of several would take too long.
        assert (fits.keep, fits.drop) == (1, 0)
    seconds = fits.pairs * 2 * (fits.keep + fits.drop) * step_seconds
    assert fits.seconds(step_seconds) == pytest.approx(seconds)
    assert seconds <= 1.2 or fits.pairs in (2, 4, 8)


def test_where_a_build_takes_long_so_does_a_segment() -> None:
    assert pace(0.009, 0.5) == pace(0.009)
    assert pace(0.02, 5.0).seconds(0.02) > 3 * pace(0.02).seconds(0.02) > 3
    assert pace(0.02, 60.0).seconds(0.02) <= 6.5


def test_both_orders_come_equally_often_in_each_block_of_two() -> None:
    order = turn_order(40, random.Random(1))
    assert len(order) == 40
    blocks = [order[at : at + 2] for at in range(0, 40, 2)]
    assert all({first for first, _ in block} == set(Side) for block in blocks)
    assert all(set(pair) == set(Side) for pair in order)


def test_the_order_is_random_and_its_seed_fixes_it() -> None:
    firsts = Counter(turn_order(2, random.Random(seed))[0][0] for seed in range(200))
    assert min(firsts[side] for side in Side) > 70
    assert turn_order(40, random.Random(5)) == turn_order(40, random.Random(5))
    assert turn_order(40, random.Random(5)) != turn_order(40, random.Random(6))


@pytest.mark.parametrize("period", [2, 3, 4, 8, 10, 16])
@pytest.mark.parametrize("step_seconds", [1e-4, 2.5e-3, 0.02, 0.2, 0.5])
def test_steps_that_come_round_are_timed_in_whole_rounds(period: int, step_seconds: float) -> None:
    fits = pace(step_seconds, period=period)
    assert fits.keep % period == 0
    assert fits.keep >= pace(step_seconds).keep
    # No step is the dropped one in every turn.
    assert fits.drop == pace(step_seconds).drop
    # Three builds of steps of a fifth of a second have room in the 45 s of a test.
    assert period > 8 or step_seconds > 0.2 or 3 * fits.seconds(step_seconds) < 45


def test_a_rhythm_of_four_is_weighed_as_it_is() -> None:
    """With three steps timed and one dropped it would weigh a third, or nothing."""
    step, optimizer = 0.010, 0.015  # seconds; the optimizer steps in every fourth step

    def mean(start: int, keep: int, drop: int, turns: int) -> float:
        at, total = start, 0.0
        for _ in range(turns):
            at += drop
            total += sum(step + optimizer * ((at + n) % 4 == 3) for n in range(keep)) / keep
            at += keep
        return total / turns

    true = step + optimizer / 4
    locked = {round(mean(start, 3, 1, 8), 5) for start in range(4)}
    assert locked == {0.010, 0.015}
    fits = pace(step, period=4)
    assert {round(mean(start, fits.keep, fits.drop, 8), 5) for start in range(4)} == {
        round(true, 5)
    }


def test_turns_of_irregular_steps_begin_at_random_places() -> None:
    assert pace(0.01).vary == 0
    assert pace(0.01, regular=False).vary == 3
    assert pace(0.01, regular=False).seconds(0.01) <= 1.2
    # Each turn of long steps is one step, and begins where the last one ended.
    assert pace(0.5, regular=False).vary == 0
