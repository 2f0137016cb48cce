"""The verdict, held against thousands of simulated comparisons with fixed seeds."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from torch_perflint.runners.compare import Comparison, Verdict
from torch_perflint.runners.judge import Thresholds, judge, settle, wants_launch
from torch_perflint.runners.sample import Pair, Segment

AT = Thresholds()
ALARMS = (Verdict.SLOWER, Verdict.FASTER)
# Standard deviations of the log ratio: of pairs on a quiet and on a busy machine, of segments.
QUIET, BUSY, SEGMENT = 0.05, 0.2, 0.003


def segment(*heads: float, launch: int = 1) -> Segment:
    return Segment(launch, tuple(Pair(1.0, head) for head in heads))


def steady(ratio: float, segments: int = 3, launch: int = 1) -> list[Segment]:
    """Segments of forty pairs around `ratio`, with a spread of one in a thousand."""
    wobble = np.exp(0.001 * np.random.default_rng(0).standard_normal((segments, 40)))
    return [segment(*(ratio * row), launch=launch) for row in wobble]


def simulated_launch(
    rng: np.random.Generator, number: int, *, slowdown: float, pair_sd: float, launch_sd: float
) -> list[Segment]:
    """Segments until the verdict is clear, as a run adds them, with noise of heavy tails."""
    bias = math.log1p(slowdown) + rng.normal(0, launch_sd)
    segments: list[Segment] = []
    while len(segments) < 8:
        noise = pair_sd * rng.standard_t(3, 40) / math.sqrt(3)
        heads = np.exp(bias + rng.normal(0, SEGMENT) + noise)
        segments.append(segment(*heads, launch=number))
        if judge(segments, AT).verdict is not Verdict.UNSURE:
            break
    return segments


def simulated(
    trials: int, *, slowdown: float = 0.0, pair_sd: float = 0.1, launch_sd: float = 0.003
) -> list[Comparison]:
    """Whole comparisons: fresh launches for as long as they can settle what is open."""
    rng = np.random.default_rng(7)
    noise = {"slowdown": slowdown, "pair_sd": pair_sd, "launch_sd": launch_sd}
    results = []
    for _ in range(trials):
        launches = [simulated_launch(rng, 1, **noise)]
        while wants_launch(launches, AT):
            launches.append(simulated_launch(rng, len(launches) + 1, **noise))
        results.append(settle(launches, AT))
    return results


def share(results: Sequence[Comparison], *verdicts: Verdict) -> float:
    counts = Counter(result.verdict for result in results)
    return sum(counts[verdict] for verdict in verdicts) / len(results)


@pytest.mark.parametrize("pair_sd", [QUIET, 0.1, BUSY])
def test_a_program_compared_with_itself_is_called_different_in_at_most_one_of_100_runs(
    pair_sd: float,
) -> None:
    results = simulated(1000, pair_sd=pair_sd)
    assert share(results, *ALARMS) <= 0.01
    assert share(results, Verdict.SAME) >= 0.9


def test_a_launch_bias_five_times_as_large_is_mostly_caught_by_the_fresh_launch() -> None:
    noise = {"pair_sd": QUIET, "launch_sd": 0.015}
    rng = np.random.default_rng(7)
    once = [judge(simulated_launch(rng, 1, slowdown=0, **noise), AT) for _ in range(500)]
    # The positive control: without fresh processes this noise is called a change all the time.
    assert share(once, *ALARMS) > 0.1
    assert share(simulated(500, **noise), *ALARMS) < 0.04


@pytest.mark.parametrize(
    ("slowdown", "pair_sd", "power"),
    [(0.03, QUIET, 0.9), (0.05, QUIET, 0.99), (0.05, BUSY, 0.95), (0.10, BUSY, 0.99)],
)
def test_a_slowdown_that_matters_is_found(slowdown: float, pair_sd: float, power: float) -> None:
    results = simulated(300, slowdown=slowdown, pair_sd=pair_sd)
    assert share(results, Verdict.SLOWER) >= power
    assert share(results, Verdict.FASTER) == 0


def test_a_speed_up_is_found_as_well() -> None:
    results = simulated(300, slowdown=-0.05)
    assert share(results, Verdict.FASTER) >= 0.95
    assert share(results, Verdict.SLOWER) == 0


@pytest.mark.parametrize("slowdown", [0.0, 0.05])
@pytest.mark.parametrize("pair_sd", [QUIET, 0.1, BUSY])
def test_the_interval_holds_the_true_change_in_95_of_100_runs(
    slowdown: float, pair_sd: float
) -> None:
    true = 1 / (1 + slowdown) - 1
    results = simulated(400, slowdown=slowdown, pair_sd=pair_sd)
    covered = sum(result.low <= true <= result.high for result in results) / len(results)
    # Stopping early and few segments cost a little.
    assert covered >= 0.93


def test_what_is_called_detectable_would_have_been_caught() -> None:
    for pair_sd in (QUIET, BUSY):
        claims = [result.detectable for result in simulated(200, pair_sd=pair_sd)]
        claimed = float(np.quantile(claims, 0.5))
        rng = np.random.default_rng(11)
        noise = {"pair_sd": pair_sd, "launch_sd": 0.003}
        found = [judge(simulated_launch(rng, 1, slowdown=claimed, **noise), AT) for _ in range(300)]
        assert share(found, Verdict.SLOWER) >= 0.9
        assert share(found, Verdict.SAME) <= 0.1


def test_a_longer_step_is_a_negative_change_of_throughput() -> None:
    result = judge(steady(1.25), AT)
    assert result.verdict is Verdict.SLOWER
    assert result.change == pytest.approx(-0.2, abs=0.001)
    assert result.low < result.change < result.high < 0
    assert result.base_seconds == 1.0
    assert result.head_seconds == pytest.approx(1.25, abs=0.001)


def test_a_shorter_step_is_a_positive_change_of_throughput() -> None:
    result = judge(steady(0.8), AT)
    assert result.verdict is Verdict.FASTER
    assert result.change == pytest.approx(0.25, abs=0.001)
    assert 0 < result.low < result.change < result.high


def test_a_change_that_is_certain_but_small_is_the_same() -> None:
    result = judge(steady(1.01), AT)
    assert result.high < 0
    assert result.verdict is Verdict.SAME
    assert judge(steady(1.01), Thresholds(min_effect=0.005)).verdict is Verdict.SLOWER


@pytest.mark.parametrize(
    "segments",
    [
        [],
        [segment()],
        [segment(2.0)],
        [segment(2.0, 2.0, 2.0)],
        [segment(2.0), segment(2.0), segment(2.0)],
        steady(2.0, segments=2),
        [segment(*[2.0] * 7) for _ in range(3)],
    ],
    ids=["none", "empty", "one", "three", "three of one", "two segments", "21 pairs"],
)
def test_too_little_data_is_never_a_change(segments: list[Segment]) -> None:
    result = judge(segments, AT)
    assert result.verdict is Verdict.UNSURE
    assert result.warnings
    assert all(map(math.isfinite, (result.change, result.low, result.high, result.detectable)))
    assert judge(steady(2.0), AT).verdict is Verdict.SLOWER


def test_a_large_change_within_a_larger_error_is_unsure() -> None:
    wild = [segment(*np.exp(0.05 + np.linspace(-1, 1, 40))) for _ in range(3)]
    result = judge(wild, AT)
    assert result.change < -AT.min_effect
    assert result.high > 0
    assert result.verdict is Verdict.UNSURE


def test_all_that_was_measured_is_counted() -> None:
    result = settle([steady(1.1), steady(1.1, segments=4, launch=2)], AT)
    assert (result.pairs, result.segments, result.launches) == (280, 7, 2)


@pytest.mark.parametrize(("ratio", "verdict"), [(1.1, Verdict.SLOWER), (0.9, Verdict.FASTER)])
def test_a_difference_is_said_aloud_when_fresh_processes_share_it(
    ratio: float, verdict: Verdict
) -> None:
    launches = [steady(ratio)]
    assert judge(launches[0], AT).verdict is verdict
    assert settle(launches, AT).verdict is Verdict.UNSURE
    assert wants_launch(launches, AT)
    launches.append(steady(ratio, launch=2))
    result = settle(launches, AT)
    assert (result.verdict, result.warnings) == (verdict, ())
    assert not wants_launch(launches, AT)


@pytest.mark.parametrize("fresh", [1.0, 0.9, 1.015])
def test_a_difference_that_fresh_processes_do_not_share_is_none(fresh: float) -> None:
    launches = [steady(1.1), steady(fresh, launch=2)]
    result = settle(launches, AT)
    assert result.verdict is Verdict.UNSURE
    assert result.launches == 2
    assert "fresh processes did not confirm a difference: -9.1%, " in result.warnings[0]


@pytest.mark.parametrize(
    ("third", "verdict"), [(1.0, Verdict.SAME), (1.1, Verdict.UNSURE), (0.9, Verdict.UNSURE)]
)
def test_a_third_launch_decides_between_two_that_disagree(third: float, verdict: Verdict) -> None:
    launches = [steady(1.1), steady(1.0, launch=2)]
    assert wants_launch(launches, AT)
    launches.append(steady(third, launch=3))
    result = settle(launches, AT)
    assert result.verdict is verdict
    assert not wants_launch(launches, AT)


def test_the_last_two_of_three_launches_may_agree_on_a_difference() -> None:
    launches = [steady(1.01), steady(1.1, launch=2), steady(1.1, launch=3)]
    assert settle(launches, AT).verdict is Verdict.SLOWER
    assert settle(launches[::-1], AT).verdict is not Verdict.SLOWER


def test_two_launches_that_saw_nothing_in_the_noise_ask_for_no_third() -> None:
    wild = [segment(*np.exp(np.linspace(-1, 1, 40))) for _ in range(3)]
    assert wants_launch([wild], AT)
    assert not wants_launch([wild, wild], AT)
    assert wants_launch([wild, steady(1.1, launch=2)], AT)
    assert settle([wild, wild], AT).verdict is Verdict.UNSURE
    assert settle([wild, wild], AT).warnings == ()


def test_one_launch_is_enough_to_say_same() -> None:
    assert not wants_launch([steady(1.0)], AT)
    result = settle([steady(1.0)], AT)
    assert (result.verdict, result.launches) == (Verdict.SAME, 1)


def test_work_that_only_some_steps_do_is_never_called_the_same() -> None:
    rng = np.random.default_rng(3)
    ratios = 0.05 * rng.standard_normal((3, 40))
    plain = [segment(*np.exp(row)) for row in ratios]
    assert judge(plain, AT).verdict is Verdict.SAME
    # Every tenth turn of head holds a step with much more work, which a trimmed mean cannot see.
    ratios[:, ::10] += 1.0
    heavy = judge([segment(*np.exp(row)) for row in ratios], AT)
    assert heavy.verdict is Verdict.UNSURE
    assert "some turns of head took far longer" in heavy.warnings[0]


def test_turns_that_the_machine_disturbs_on_both_sides_accuse_nobody() -> None:
    rng = np.random.default_rng(5)
    accused = 0
    for _ in range(500):
        ratios = 0.05 * rng.standard_normal((3, 40))
        disturbed = rng.random((3, 40)) < 0.1
        ratios[disturbed] += rng.choice([-1.0, 1.0], size=int(disturbed.sum()))
        accused += bool(judge([segment(*np.exp(row)) for row in ratios], AT).warnings)
    assert accused <= 5
