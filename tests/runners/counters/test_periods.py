"""The rhythm in which steps differ, and what is compared where they do."""

import pytest
from torch_perflint.runners.counters.periods import (
    Rhythm,
    agree,
    common_period,
    period_of,
    side_by_side,
)
from torch_perflint.runners.sample import Counts


@pytest.mark.parametrize(
    ("values", "period"),
    [
        ([1, 1], 1),
        ([1, 2], None),
        ([1, 1, 1, 2], None),
        ([0, 0, 0, 1, 0], None),
        ([0, 0, 0, 1, 0, 0, 0, 1], 4),
        ([1, 0, 0, 1, 0, 0, 1], 3),
        ([0, 1] * 8, 2),
        ([0] * 15 + [1], None),
        ([0, 1, 0, 0] * 3 + [0, 1, 1, 0], None),
    ],
)
def test_a_period_has_to_be_seen_twice_and_to_hold_throughout(
    values: list[int], period: int | None
) -> None:
    assert period_of(values) == period


def test_steps_in_a_rhythm_are_summed_over_one_round_and_peaks_are_not() -> None:
    rows = [
        {"waits": int(n % 4 == 3), "same": 7, "peak": 10 + (n % 4 == 3), "odd": n * n, "some": 1}
        for n in range(16)
    ]
    del rows[3]["some"]
    found = agree(rows, peaks=("peak",))
    assert found.values == {"waits": 1, "same": 7, "peak": 11}
    assert found.steps == {"waits": 4}
    assert found.unstable == {"odd": (0, 225)}
    assert agree([]).values == {}


def test_sides_of_different_rhythms_are_brought_to_as_many_steps() -> None:
    assert side_by_side(0, 1, 1, 4) == (0, 1, 4)
    assert side_by_side(5, 1, 5, 1) == (5, 5, 1)
    assert side_by_side(1, 4, 1, 6) == (3, 2, 12)


def test_rhythms_come_together_but_no_turn_gets_endless() -> None:
    assert common_period([]) == 1
    assert common_period([4, 1, 2]) == 4
    assert common_period([4, 10]) == 20
    assert common_period([7, 16]) == 16


def test_a_test_s_rhythm_is_that_of_both_sides() -> None:
    at = Rhythm().joined(Counts({"operators": 3}, period=4))
    assert at == Rhythm(4, regular=True)
    assert at.joined(Counts({}, {"peak_bytes": (1, 2)})) == at
    assert at.joined(Counts({}, {"host_syncs": (0, 1)})) == Rhythm(4, regular=False)
