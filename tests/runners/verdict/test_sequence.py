"""The sequential rule, held against simulated and recorded noise, as a run would apply it."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from torch_perflint.runners.sample import Pair, Segment
from torch_perflint.runners.verdict import judge
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.runners.verdict.judge import Thresholds
from torch_perflint.runners.verdict.schedule import pace
from torch_perflint.runners.verdict.sequence import Budget, Move, Replayed, next_move, replay

Launches = list[list[NDArray[np.float64]]]
ALARMS = (Verdict.SLOWER, Verdict.FASTER)
QUIET = Budget(seconds=8.0, launches=2)
LOADED = Budget(seconds=55.0, launches=9)


def rounds(rng: np.random.Generator, log_ratio: float, count: int, sd: float, step: float):  # type: ignore[no-untyped-def]
    """Step times around a ratio; tails are as heavy as those that were measured."""
    noise = np.clip(sd * rng.standard_t(2.5, count), -1, 1)
    x = log_ratio + noise
    return np.stack([step * np.exp(-x / 2), step * np.exp(x / 2)], axis=1)


def quiet(rng: np.random.Generator, slowdown: float) -> Launches:
    """Six builds of 80 rounds in each of two launches: trimmed means err by 1.2 % per build."""
    return [
        [
            rounds(rng, math.log1p(slowdown) + bias + rng.normal(0, 0.005), 80, 0.075, 0.008)
            for _ in range(6)
        ]
        for bias in rng.normal(0, 0.003, 2)
    ]


def loaded(rng: np.random.Generator, slowdown: float) -> Launches:
    """Nine launches of 300 rounds without a rebuild: each keeps 1.65 % of its own, some 7 %."""
    launches = []
    for _ in range(9):
        bias = rng.normal(0, 0.0165) + (rng.normal(0, 0.07) if rng.random() < 0.04 else 0)
        launches.append([rounds(rng, math.log1p(slowdown) + bias, 300, 0.207, 0.0102)])
    return launches


def simulated(
    noise: Callable[[np.random.Generator, float], Launches],
    slowdown: float,
    trials: int,
    budget: Budget,
    at: Thresholds | None = None,
) -> list[Replayed]:
    rng = np.random.default_rng(7)
    return [replay(noise(rng, slowdown), at, budget) for _ in range(trials)]


def share(results: list[Replayed], *verdicts: Verdict) -> float:
    counts = Counter(result.verdict for result in results)
    return sum(counts[verdict] for verdict in verdicts) / len(results)


def check(
    trials: int, noise: Callable[[np.random.Generator, float], Launches], budget: Budget
) -> None:
    same = simulated(noise, 0.0, trials, budget)
    assert share(same, Verdict.SLOWER) <= 0.01
    assert share(same, *ALARMS) <= 0.02
    assert share(same, Verdict.SAME) >= 0.9
    assert max(result.seconds for result in same) <= budget.seconds
    mean = float(np.mean([result.seconds for result in same]))
    assert mean <= (2.5 if budget is QUIET else 25 if trials > 500 else 28)
    wanted = ((0.03, 0.93), (0.05, 0.98)) if budget is QUIET else ((0.05, 0.9), (0.1, 0.99))
    for slowdown, power in wanted:
        found = simulated(noise, slowdown, trials // 2, budget)
        # A hundred trials tell a share of nine in ten to within three in a hundred.
        assert share(found, Verdict.SLOWER) >= power - (0 if trials > 500 else 0.04), slowdown
        assert share(found, Verdict.FASTER) == 0


def test_identical_code_and_slowdowns_on_a_quiet_machine() -> None:
    check(200, quiet, QUIET)


@pytest.mark.slow
def test_identical_code_and_slowdowns_on_a_loaded_machine() -> None:
    check(100, loaded, LOADED)


@pytest.mark.slow
def test_identical_code_and_slowdowns_on_a_quiet_machine_at_length() -> None:
    check(2000, quiet, QUIET)


@pytest.mark.slow
def test_identical_code_and_slowdowns_on_a_loaded_machine_at_length() -> None:
    check(1000, loaded, LOADED)


def test_a_speed_up_is_found_as_well() -> None:
    found = simulated(quiet, -0.05, 60, QUIET)
    assert share(found, Verdict.FASTER) >= 0.95
    assert share(found, Verdict.SLOWER) == 0


def test_without_fresh_launches_the_bias_of_a_launch_would_be_a_false_alarm() -> None:
    # The positive control of the confirmation: one launch that is 4 % off, and one that is not.
    rng = np.random.default_rng(3)
    biased = [rounds(rng, 0.04, 80, 0.04, 0.008) for _ in range(6)]
    fair = [rounds(rng, 0.0, 80, 0.04, 0.008) for _ in range(6)]
    assert replay([biased, fair], budget=QUIET).verdict not in ALARMS
    assert replay([biased, biased], budget=QUIET).verdict is Verdict.SLOWER
    assert replay([biased], budget=QUIET).verdict is Verdict.UNSURE


@pytest.mark.slow
def test_the_interval_holds_the_true_change() -> None:
    for slowdown in (0.0, 0.05):
        true = 1 / (1 + slowdown) - 1
        results = [r.comparison for r in simulated(quiet, slowdown, 150, QUIET)]
        # Stopping early costs a little of the 95 %.
        assert sum(r.low <= true <= r.high for r in results) / len(results) >= 0.9


def test_what_is_called_detectable_would_have_been_caught() -> None:
    claims = [result.comparison.detectable for result in simulated(quiet, 0.0, 60, QUIET)]
    found = simulated(quiet, float(np.median(claims)), 60, QUIET)
    assert share(found, Verdict.SLOWER) >= 0.93


def test_a_run_that_ends_early_tells_what_all_its_time_would_have_caught() -> None:
    short = Budget(seconds=1.0, launches=1)
    early = [one for one in simulated(quiet, 0.0, 40, QUIET) if one.seconds < 2]
    least = math.expm1(1.1506 * math.log1p(0.03))  # what the early end lets pass in 5 %
    assert len(early) > 20
    for one in early:
        assert least - 1e-4 < one.comparison.detectable < 0.06
    # Without that time, the same noise hides more.
    hidden = [one.comparison.detectable for one in simulated(quiet, 0.0, 40, short)]
    assert np.median(hidden) > 0.07


def uneven(rng: np.random.Generator, launch: float, build: float) -> Launches:
    """Six launches of eight builds, which differ by these shares although the code is the same."""
    return [
        [rounds(rng, bias + rng.normal(0, build), 18, 0.03, 0.006) for _ in range(8)]
        for bias in rng.normal(0, launch, 6)
    ]


def accused(launch: float, build: float, trials: int) -> float:
    """The share of runs of identical code that end as slower or faster, the mean of both."""
    rng = np.random.default_rng(3)
    done = [replay(uneven(rng, launch, build), steps=5) for _ in range(trials)]
    return share(done, *ALARMS) / 2


def test_builds_and_launches_that_differ_more_than_is_usual_accuse_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert accused(0.003, 0.03, 60) <= 0.025
    assert accused(0.015, 0.005, 60) <= 0.025
    # The control: what is known beforehand alone, confirmed by one more launch.
    trust_what_is_known_beforehand(monkeypatch)
    two = Thresholds(launches=2)
    rng = np.random.default_rng(3)
    done = [replay(uneven(rng, 0.003, 0.05), two, steps=5) for _ in range(80)]
    assert share(done, *ALARMS) / 2 > 0.03


def trust_what_is_known_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "by_builds", judge.combine)
    monkeypatch.setattr(judge, "launches_agree", lambda builds: True)
    monkeypatch.setattr(judge, "_builds_alarm_rate", lambda builds, at: 0.4)


@pytest.mark.slow
@pytest.mark.parametrize(("launch", "build"), [(0.003, 0.02), (0.003, 0.03), (0.015, 0.005)])
def test_builds_and_launches_that_differ_at_length(launch: float, build: float) -> None:
    assert accused(launch, build, 1000) <= 0.013


def test_a_step_of_seconds_is_called_slower_where_it_plainly_is() -> None:
    rng = np.random.default_rng(6)
    for step, slowdown, verdict in (
        (2.0, 0.0, Verdict.UNSURE),
        (2.0, 0.3, Verdict.SLOWER),
        (1.0, 0.3, Verdict.SLOWER),
    ):
        pairs = pace(step).pairs
        launches = [
            [rounds(rng, math.log1p(slowdown), pairs, 0.01, step) for _ in range(8)]
            for _ in range(6)
        ]
        done = replay(launches)
        assert done.verdict is verdict, (step, slowdown)
        if verdict is Verdict.UNSURE:
            assert any("raise `max_seconds`" in words for words in done.comparison.warnings)


def test_many_verdicts_in_one_run_keep_its_error_rate() -> None:
    at = Thresholds(tests=20)
    assert share(simulated(quiet, 0.0, 200, QUIET, at), *ALARMS) == 0
    assert share(simulated(quiet, 0.05, 60, QUIET, at), Verdict.SLOWER) >= 0.85


@pytest.mark.slow
def test_pull_requests_of_twenty_metrics_are_rarely_accused() -> None:
    rng = np.random.default_rng(9)
    at = Thresholds(tests=20)
    accused = sum(
        any(replay(quiet(rng, 0.0), at, QUIET).verdict is Verdict.SLOWER for _ in range(20))
        for _ in range(1000)
    )
    assert accused <= 20


def test_the_rule_asks_for_builds_then_for_fresh_processes_and_stops() -> None:
    def segment(ratio: float, launch: int, spread: float = 0.02) -> Segment:
        wobble = np.exp(spread * np.random.default_rng(launch).standard_normal(40))
        return Segment(launch, tuple(Pair(1.0, float(ratio * w)) for w in wobble))

    at, budget = Thresholds(), Budget()
    assert next_move([], at, budget, 0.0)[0] is Move.BUILD
    assert next_move([segment(1.0, 1)] * 2, at, budget, 2.0)[0] is Move.STOP
    assert next_move([segment(1.1, 1)], at, budget, 1.0)[0] is Move.LAUNCH
    wild = [segment(1.0, 1, spread=0.5)]
    assert next_move(wild, at, budget, 1.0)[0] is Move.BUILD
    assert next_move(wild * 4, at, budget, 4.0)[0] is Move.LAUNCH
    move, comparison = next_move(wild, at, budget, budget.seconds)
    assert (move, comparison.verdict) == (Move.STOP, Verdict.UNSURE)
    both = [segment(1.1, 1), segment(1.1, 2), segment(1.1, 2)]
    move, comparison = next_move(both, at, budget, 3.0)
    assert (move, comparison.verdict) == (Move.STOP, Verdict.SLOWER)


def test_what_was_recorded_may_be_less_than_the_rule_asks_for() -> None:
    assert replay([]).verdict is Verdict.UNSURE
    assert replay([[np.ones((0, 2))]]).verdict is Verdict.UNSURE
    few = replay([[np.ones((10, 2))]])
    assert (few.verdict, few.seconds) == (Verdict.UNSURE, 20.0)
    assert replay([[np.ones((40, 2))] * 4], steps=2).seconds <= 45.0
    with pytest.raises(ValueError, match=r"\(rounds, 2\)"):
        replay([[np.ones((10, 3))]])


def live(
    slowdown: float,
    trials: int,
    at: Thresholds,
    pairs: int = 16,
    turn: float = 0.0375,
    spread: float = 0.005,
    apart: bool = False,
) -> list[tuple[Verdict, float]]:
    """What a run does: whole segments of 1.2 s, looked at when they end, with the usual budget."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(trials):
        segments: list[Segment] = []
        launch, bias, spent = 1, rng.normal(0, 0.003), 0.0
        move = Move.BUILD
        while move is not Move.STOP:
            if move is Move.LAUNCH:
                launch, bias = launch + 1, rng.normal(0, 0.003)
            noise = np.clip(0.026 * rng.standard_t(2.5, pairs), -1, 1)
            ratios = np.exp(math.log1p(slowdown) + bias + rng.normal(0, spread) + noise)
            timed = tuple(Pair(1.0, float(r)) for r in ratios)
            segments.append(Segment(launch, timed, 2 * pairs * turn, apart=apart))
            spent += segments[-1].seconds
            move, comparison = next_move(segments, at, Budget(), spent)
        found.append((comparison.verdict, spent))
    return found


def test_a_run_with_the_usual_budget_keeps_the_same_rates() -> None:
    same = live(0.0, 300, Thresholds())
    assert sum(verdict in ALARMS for verdict, _ in same) <= 3
    assert float(np.mean([seconds for _, seconds in same])) <= 2.5
    slower = live(0.03, 150, Thresholds())
    assert sum(verdict is Verdict.SLOWER for verdict, _ in slower) >= 0.93 * 150


@pytest.mark.slow
def test_sides_measured_apart_are_believed_by_what_their_builds_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that drifts by 5 % from process to process: turns would have taken that out."""
    same = live(0.0, 200, Thresholds(), spread=0.05, apart=True)
    assert sum(verdict in ALARMS for verdict, _ in same) <= 4
    slower = live(0.1, 60, Thresholds(), spread=0.05, apart=True)
    assert sum(verdict is Verdict.SLOWER for verdict, _ in slower) >= 54
    # The control: taken for turns, two launches of such builds are believed far too early.
    trust_what_is_known_beforehand(monkeypatch)
    as_turns = live(0.0, 200, Thresholds(launches=2), spread=0.05)
    assert sum(verdict in ALARMS for verdict, _ in as_turns) > 4
