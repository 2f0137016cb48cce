"""A robust mean and its error, held against simulation."""

import math

import numpy as np
import pytest
from torch_perflint.runners.verdict.stats import (
    LAUNCH_SPREAD,
    Build,
    combine,
    t_quantile,
    trimmed_mean,
)


def test_the_mean_leaves_out_a_fifth_at_each_end() -> None:
    values = np.array([-1000.0, 1.0, 2.0, 3.0, 1000.0])
    assert trimmed_mean(values)[0] == 2.0
    assert trimmed_mean(values[::-1])[0] == 2.0


def test_the_error_is_yuens() -> None:
    mean, error = trimmed_mean(np.arange(1.0, 11.0))
    assert mean == 5.5
    winsorised = np.array([3, 3, 3, 4, 5, 6, 7, 8, 8, 8], dtype=float)
    assert error == pytest.approx(np.std(winsorised, ddof=1) / (0.6 * math.sqrt(10)))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_than_four_values_can_not_be_trusted(count: int) -> None:
    assert trimmed_mean(np.ones(count))[1] == math.inf
    assert math.isfinite(trimmed_mean(np.ones(4))[1])


@pytest.mark.parametrize("heavy", [False, True])
def test_the_error_is_the_spread_of_the_mean(heavy: bool) -> None:
    rng = np.random.default_rng(1)
    draws = rng.standard_t(3, (3000, 80)) if heavy else rng.normal(size=(3000, 80))
    results = np.array([trimmed_mean(row) for row in draws])
    assert np.mean(results[:, 1]) == pytest.approx(np.std(results[:, 0]), rel=0.05)


def test_a_trimmed_mean_of_heavy_tails_beats_the_plain_one() -> None:
    draws = np.random.default_rng(2).standard_t(2, (1000, 80))
    trimmed = np.std([trimmed_mean(row)[0] for row in draws])
    assert trimmed < 0.7 * np.std(draws.mean(axis=1))


def test_builds_that_disagree_widen_the_error() -> None:
    rng = np.random.default_rng(3)
    pairs = rng.normal(0, 0.01, (4, 40))
    apart = [row + shift for row, shift in zip(pairs, (-0.1, 0.0, 0.1, 0.0), strict=True)]
    agreeing, disagreeing = combine([*map(Build, pairs)]), combine([*map(Build, apart)])
    assert agreeing.error < 0.006
    assert disagreeing.error > 0.025
    assert (disagreeing.pairs, disagreeing.freedom) == (160, 6)


def test_few_builds_do_not_hide_what_builds_usually_keep_of_their_own() -> None:
    pairs = np.random.default_rng(4).normal(0, 0.0001, (40, 40))
    one, two, many = (combine([*map(Build, pairs[:n])]).error for n in (1, 2, 40))
    assert one > 0.009
    assert two == pytest.approx(one / math.sqrt(2), rel=0.25)
    # What a launch keeps stays, however often the state is built anew in it.
    assert LAUNCH_SPREAD < many < 1.05 * LAUNCH_SPREAD
    apart = [Build(row, launch) for launch, row in enumerate(pairs)]
    assert combine(apart).error < LAUNCH_SPREAD / 4


def test_a_noisy_machine_favours_one_of_two_processes_for_longer() -> None:
    noisy = [Build(row) for row in np.random.default_rng(5).normal(0, 0.2, (40, 400))]
    assert combine(noisy).error > 0.009
    # The same spread of turns that are a tenth as long is no more than they are expected to have.
    short = [Build(build.ratios, 1, 0.0027) for build in noisy]
    assert combine(short).error < 0.005


def test_of_sides_measured_apart_only_the_builds_tell_how_far_to_trust_them() -> None:
    """Pairs that agree say nothing: the machine may have changed between the two processes."""
    draw = np.random.default_rng(6)
    rows = [draw.normal(shift, 0.001, 40) for shift in draw.normal(0, 0.05, 8)]
    apart = combine([Build(row, apart=True) for row in rows])
    assert 0.01 < apart.error < 0.03
    assert apart.freedom == 7
    assert combine([Build(row, apart=True) for row in rows[:7]]).error == math.inf
    steady = [Build(draw.normal(0, 0.001, 40), apart=True) for _ in range(8)]
    assert combine(steady).error < 0.001


@pytest.mark.parametrize(
    ("probability", "freedom", "true"),
    [(0.975, 3, 3.1824), (0.995, 4, 4.6041), (0.995, 10, 3.1693), (0.9995, 8, 5.0413)],
)
def test_the_quantiles_are_students(probability: float, freedom: int, true: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(true, rel=0.01)


def test_no_data_is_no_estimate() -> None:
    empty = combine([Build(np.array([])), Build(np.array([]))])
    assert (empty.pairs, empty.error) == (0, math.inf)
    assert combine([Build(np.array([])), Build(np.ones(4))]).pairs == 4
