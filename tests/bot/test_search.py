"""The search for a commit: right, with few looks, and honest where noise is close to the change."""

import random
from dataclasses import replace

import pytest
from torch_perflint.bot.past.search import Effect, Target, search, target_of
from torch_perflint.runners.result import CounterChange
from torch_perflint.runners.verdict.compare import Verdict

from .reports import GPT, timed

LAST = 64


class Range:
    """Commits of which one makes a step slower; each look adds noise of a known size."""

    def __init__(self, at: int, change: float, noise: float = 0.0, broken: set[int] | None = None):
        self.at, self.change, self.noise, self.broken = at, change, noise, broken or set()
        self.looks: list[int] = []
        self.random = random.Random(at)

    def measure(self, place: int, look: int) -> Effect | None:
        self.looks.append(place)
        if place in self.broken:
            return None
        truth = self.change if place >= self.at else 0.0
        seen = truth + self.random.gauss(0, self.noise)
        return Effect(seen, seen - 2 * self.noise, seen + 2 * self.noise)

    @property
    def total(self) -> Effect:
        return Effect(self.change, self.change - 2 * self.noise, self.change + 2 * self.noise)


@pytest.mark.parametrize("at", range(1, LAST + 1))
@pytest.mark.parametrize("change", [-0.05, 0.2])
def test_the_commit_is_found_in_as_many_looks_as_digits(at: int, change: float) -> None:
    past = Range(at, change)
    found = search(LAST, past.total, past.measure)
    assert (found.before, found.at) == (at - 1, at)
    assert len(past.looks) <= 6 and len(set(past.looks)) == len(past.looks)


def test_noise_of_half_a_percent_misleads_seldom_and_costs_few_looks() -> None:
    right = looks = 0
    for at in range(1, LAST + 1):
        past = Range(at, -0.05, noise=0.005)
        found = search(LAST, past.total, past.measure)
        right += found.at == at
        looks = max(looks, len(set(past.looks)))
    assert right >= 62 and looks <= 8


def test_what_noise_decides_is_told() -> None:
    past = Range(20, -0.02, noise=0.02)
    found = search(LAST, past.total, past.measure)
    assert found.doubtful
    assert max(past.looks.count(one) for one in found.doubtful) == 2


def test_a_commit_that_cannot_be_measured_is_passed_over() -> None:
    past = Range(20, -0.05, broken={32, 16, 24})
    found = search(LAST, past.total, past.measure)
    assert (found.before, found.at, found.skipped) == (19, 20, ())
    past = Range(20, -0.05, broken={19, 20, 21})
    found = search(LAST, past.total, past.measure)
    assert (found.before, found.at, found.skipped) == (18, 22, (19, 20, 21))


def test_of_two_changes_the_one_that_passes_the_half_is_found() -> None:
    def measure(place: int, look: int) -> Effect:
        change = -0.08 * (place >= 50) - 0.02 * (place >= 10)
        return Effect(change, change, change)

    assert search(LAST, Effect(-0.1, -0.1, -0.1), measure).at == 50


def test_neighbours_need_no_look() -> None:
    past = Range(1, -0.05)
    assert search(1, past.total, past.measure).at == 1
    assert past.looks == []


def test_a_count_is_searched_for_where_time_says_nothing() -> None:
    syncs = CounterChange("host_syncs", 0, 2, over_budget=True)
    same = timed("test_a", Verdict.SAME, 0.001)
    target = target_of(replace(same, counters=(syncs,)))
    assert target == Target("host_syncs")
    assert target.effect(replace(same, counters=(syncs,))) == Effect(2, 2, 2)
    assert target_of(same) is None
    assert target_of(GPT) == Target()


def test_a_result_that_says_nothing_is_none() -> None:
    at = GPT.comparison
    assert at is not None
    assert Target().effect(GPT) == Effect(at.change, at.low, at.high)
    assert Target().effect(replace(GPT, comparison=replace(at, spoiled=True))) is None
    assert Target().effect(None) is None
    broken = replace(GPT, verdict=Verdict.BROKEN, comparison=None)
    assert Target().effect(broken) is None
    identical = replace(GPT, verdict=Verdict.SAME, comparison=None)
    assert Target().effect(identical) == Effect(0, 0, 0)
