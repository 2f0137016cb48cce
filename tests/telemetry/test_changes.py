"""When a series changed for good: steps are told, and what only looks like one is not."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch_perflint import PerflintError
from torch_perflint.telemetry.changes import Changes, ChangeSettings, State, find_changes

Array = NDArray[np.float64]
N, PLACE = 200, 120


def normal(seed: int, n: int = N) -> Array:
    return np.asarray(0.01 * np.random.default_rng(seed).standard_normal(n))


def heavy(seed: int, n: int = N) -> Array:
    return np.asarray(0.0045 * np.random.default_rng(seed).standard_t(2.5, n))


def correlated(seed: int, n: int = N) -> Array:
    out = normal(seed, n)
    for place in range(1, n):
        out[place] = 0.6 * out[place - 1] + 0.8 * out[place]
    return out


def spiky(seed: int, n: int = N) -> Array:
    rng = np.random.default_rng(seed)
    return normal(seed, n) + (rng.random(n) < 0.03) * rng.uniform(0.05, 0.2, n)


def sloping(seed: int, n: int = N) -> Array:
    return normal(seed, n) + 0.05 * np.arange(n) / n


def weekly(seed: int, n: int = N) -> Array:
    return normal(seed, n) + 0.02 * (np.arange(n) % 7 < 2)


KINDS = [normal, heavy, correlated, spiky, sloping, weekly]


def stepped(noise: Array, step: float, place: int = PLACE) -> Array:
    return np.asarray(100 * (1 + noise) * (1 + step * (np.arange(len(noise)) >= place)))


def places(told: Changes, state: State | None = None) -> list[int]:
    return [point.index for point in told.points if state in (None, point.state)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0.06, -0.05])
def test_a_step_is_told_where_it_is_and_as_large_as_it_is(kind, step: float) -> None:
    told = [find_changes(stepped(kind(seed), step)) for seed in range(5)]
    points = [point for one in told for point in one.points]
    assert len(points) == 5, [places(one) for one in told]
    assert all(abs(point.index - PLACE) <= 2 for point in points)
    assert all(point.first <= point.index <= point.last for point in points)
    assert all(point.low < point.change < point.high for point in points)
    assert all(abs(point.change - step) < 0.02 for point in points)
    assert all(point.state is State.CONFIRMED and point.p < 1e-4 for point in points)
    assert all(math.isclose(p.after, p.before * (1 + p.change)) for p in points)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_alone_is_told_nothing_of(kind) -> None:
    told = [find_changes(stepped(kind(seed), 0.0)) for seed in range(20)]
    assert sum(len(one.points) for one in told) <= 1
    assert not any(places(one, State.CONFIRMED) for one in told)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_outliers_that_pass_are_no_change(width: int) -> None:
    for seed in range(5):
        values = stepped(normal(seed), 0.0)
        values[100 : 100 + width] *= 1.5
        assert places(find_changes(values)) == []


def test_the_same_outliers_that_stay_are_one() -> None:
    values = stepped(normal(0), 0.0)
    values[100:] *= 1.5
    assert places(find_changes(values)) == [100]


def test_a_jump_of_the_newest_value_is_suspected_until_the_next_bear_it_out() -> None:
    values = stepped(normal(1), 0.08)
    states = {
        after: [(p.index, p.state) for p in find_changes(values[: PLACE + after]).points]
        for after in (0, 1, 2, 10)
    }
    assert states == {
        0: [],
        1: [(PLACE, State.SUSPECTED)],
        2: [(PLACE, State.SUSPECTED)],
        10: [(PLACE, State.CONFIRMED)],
    }


def test_a_jump_like_those_before_it_is_not_suspected() -> None:
    values = stepped(normal(1), 0.0)
    values[[30, 60, 90, 119]] *= 1.1
    assert places(find_changes(values[:120])) == []
    values[119] *= 1.1  # twice as far as they were
    assert places(find_changes(values[:120])) == [119]


def test_a_slow_leak_is_a_trend_and_no_step() -> None:
    told = find_changes(stepped(sloping(0), 0.0))
    assert told.points == () and told.trend is not None
    assert told.trend.low < 0.05 < told.trend.high
    assert told.trend.first == 0 and math.isclose(told.trend.each, told.trend.change / (N - 1))


def test_a_level_series_has_no_trend() -> None:
    assert [find_changes(stepped(normal(seed), 0.0)).trend for seed in range(10)] == [None] * 10
    assert [find_changes(stepped(correlated(s), 0.0)).trend for s in range(10)] == [None] * 10


def test_a_step_is_no_trend() -> None:
    assert find_changes(stepped(normal(0), 0.05)).trend is None


def test_a_week_with_slow_days_is_a_period() -> None:
    assert find_changes(stepped(weekly(0), 0.0)).period == 7
    assert find_changes(stepped(normal(0), 0.0)).period == 0
    assert find_changes(stepped(correlated(0), 0.05)).period == 0


def test_several_steps_are_told_in_order() -> None:
    values = stepped(normal(3, 300), 0.05, 60) * (1 - 0.04 * (np.arange(300) >= 200))
    told = find_changes(values)
    assert [abs(at - true) <= 2 for at, true in zip(places(told), (60, 200), strict=True)]
    assert [round(point.change, 2) for point in told.points] == [0.05, -0.04]


def test_a_count_that_grows_is_told_at_once_and_confirmed_by_the_next() -> None:
    once, twice = find_changes([8] * 6 + [9]), find_changes([8] * 6 + [9, 9])
    assert [(p.index, p.before, p.after, p.state) for p in once.points] == [
        (6, pytest.approx(8), pytest.approx(9), State.SUSPECTED)
    ]
    assert [(point.index, point.state) for point in twice.points] == [(6, State.CONFIRMED)]


def test_a_count_far_below_the_smallest_change_is_told_too() -> None:
    assert places(find_changes([100_000] * 6 + [100_001] * 3)) == [6]
    assert places(find_changes(stepped(normal(0), 0.003))) == []


def test_a_count_that_comes_back_is_no_change() -> None:
    assert places(find_changes([8] * 6 + [9] + [8] * 6)) == []


def test_a_count_may_begin_at_zero() -> None:
    (point,) = find_changes([0] * 8 + [3] * 4).points
    assert (point.index, point.before, point.after) == (8, 0, pytest.approx(3))
    assert point.change == point.low == point.high == math.inf


def test_a_constant_series_has_no_change() -> None:
    assert find_changes([1.5] * 50) == Changes((), None, 0, 50)
    for count in range(6, 60):
        assert find_changes([0.0] * count) == Changes((), None, 0, count)
    assert places(find_changes([1.5] * 30 + [1.6] * 6)) == [30]


def test_values_may_be_negative() -> None:
    values = stepped(normal(0), 0.05) - 101
    (point,) = find_changes(values).points
    assert abs(point.index - PLACE) <= 2 and point.after > point.before


def test_a_missing_value_is_left_out_and_counted() -> None:
    values = stepped(normal(0), 0.05)
    gaps = np.insert(values, [10, 50, 50], math.nan)
    assert places(find_changes(gaps)) == [at + 3 for at in places(find_changes(values))]
    assert find_changes(gaps).seen == N + 3


@pytest.mark.parametrize("n", range(6))
def test_too_few_values_tell_nothing(n: int) -> None:
    assert find_changes([1.0, 9.0, 1.0, 9.0, 9.0][:n]) == Changes((), None, 0, n)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, math.inf, 2.0], "value 1 of the series is inf"),
        ([1.0, 2.0, -1e200], "value 2 of the series is -1e.200"),
        ([[1.0, 2.0]], "this has 2"),
        (["fast", "slow"], "of numbers"),
    ],
)
def test_what_is_no_series_is_refused(values: list, said: str) -> None:
    with pytest.raises(PerflintError, match=said):
        find_changes(values)


def test_an_answer_for_more_values_is_refused() -> None:
    with pytest.raises(PerflintError, match="has seen 10 values, and here are 8"):
        find_changes([1.0] * 8, earlier=find_changes([1.0] * 10))


@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(KINDS),
    steps=st.lists(st.tuples(st.integers(5, 175), st.sampled_from([-0.05, 0.02, 0.3])), max_size=3),
    cuts=st.lists(st.integers(0, 180), max_size=3),
    missing=st.lists(st.integers(0, 179), max_size=5),
)
@example(seed=0, kind=weekly, steps=[(60, 0.05)], cuts=[20, 150], missing=[3])
@settings(max_examples=25, deadline=None, derandomize=True)
def test_going_on_from_an_earlier_answer_gives_the_answer_from_scratch(
    seed: int, kind, steps: list[tuple[int, float]], cuts: list[int], missing: list[int]
) -> None:
    values = 100 * (1 + kind(seed, 180))
    for place, step in steps:
        values[place:] *= 1 + step
    values[missing] = math.nan
    told = None
    confirmed: list[tuple[int, float]] = []
    for cut in [*sorted(cuts), 180]:
        told = find_changes(values[:cut], earlier=told)
        now = [(p.index, p.score) for p in told.points if p.state is State.CONFIRMED]
        assert now[: len(confirmed)] == confirmed, "a confirmed change moved"
        confirmed = now
    assert told == find_changes(values)


def test_what_is_seen_matters_to_going_on() -> None:
    # The control of the test above: an answer for another series gives another one.
    values, other = stepped(normal(0), 0.05), stepped(normal(1), 0.05, 40)
    assert find_changes(values, earlier=find_changes(other[:150])) != find_changes(values)


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_the_unit_does_not_matter(factor: float) -> None:
    values = stepped(normal(2), 0.03)
    assert places(find_changes(values * factor)) == places(find_changes(values)) != []


def test_only_changes_worth_telling_are_told() -> None:
    values = stepped(normal(0), 0.03)
    assert places(find_changes(values)) != []
    assert places(find_changes(values, settings=ChangeSettings(smallest=0.05))) == []
    assert places(find_changes(values, settings=ChangeSettings(of_noise=5))) == []


def test_the_intervals_hold_what_they_say() -> None:
    points = [p for s in range(40) for p in find_changes(stepped(correlated(s), 0.05)).points]
    points = [point for point in points if abs(point.index - PLACE) <= 5]
    assert len(points) >= 38
    assert sum(point.low <= 0.05 <= point.high for point in points) / len(points) > 0.85
    assert sum(point.first <= PLACE <= point.last for point in points) / len(points) > 0.85


@given(
    st.lists(st.one_of(st.floats(-1e100, 1e100), st.just(math.nan), st.integers(0, 2)), max_size=40)
)
@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.filterwarnings("error")
def test_any_numbers_are_a_series(values: list[float]) -> None:
    told = find_changes(values)
    assert told.seen == len(values)
    assert all(point.first <= point.index <= point.last for point in told.points)
    assert places(told) == sorted(set(places(told)))


def test_a_small_change_in_front_of_a_large_one_is_told() -> None:
    values = stepped(normal(0), 0.02, 100) * (1 - 0.3 * (np.arange(N) >= 112))
    assert places(find_changes(values)) == [100, 112]
