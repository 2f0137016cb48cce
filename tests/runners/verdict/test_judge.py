"""The verdict on given data, and what it needs before it says anything."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from torch_perflint.runners.sample import Pair, Segment
from torch_perflint.runners.verdict.compare import Comparison, Verdict
from torch_perflint.runners.verdict.judge import Thresholds, is_suspected, judge, settle

AT = Thresholds()


def segment(*heads: float, launch: int = 1) -> Segment:
    return Segment(launch, tuple(Pair(1.0, head) for head in heads))


def steady(ratio: float, segments: int = 3, launch: int = 1) -> list[Segment]:
    """Segments of forty pairs around `ratio`, with a spread of one in a thousand."""
    wobble = np.exp(0.001 * np.random.default_rng(0).standard_normal((segments, 40)))
    return [segment(*(ratio * row), launch=launch) for row in wobble]


def twice(ratio: float) -> list[Segment]:
    """Two launches that agree."""
    return [*steady(ratio), *steady(ratio, launch=2)]


def test_a_longer_step_is_a_negative_change_of_throughput() -> None:
    result = judge(twice(1.25), AT)
    assert result.verdict is Verdict.SLOWER
    assert result.change == pytest.approx(-0.2, abs=0.001)
    assert result.low < result.change < result.high < 0
    assert result.base_seconds == 1.0
    assert result.head_seconds == pytest.approx(1.25, abs=0.001)


def test_a_shorter_step_is_a_positive_change_of_throughput() -> None:
    result = judge(twice(0.8), AT)
    assert result.verdict is Verdict.FASTER
    assert result.change == pytest.approx(0.25, abs=0.001)
    assert 0 < result.low < result.change < result.high


def test_a_change_that_is_certain_but_small_is_the_same() -> None:
    many = [s for launch in range(1, 9) for s in steady(1.01, segments=6, launch=launch)]
    result = judge(many, AT)
    assert result.high < 0
    assert result.verdict is Verdict.SAME
    assert judge(many, Thresholds(min_effect=0.005)).verdict is Verdict.SLOWER


@pytest.mark.parametrize(
    "segments",
    [
        [],
        [segment()],
        [segment(2.0)],
        [segment(2.0, 2.0, 2.0)],
        [segment(2.0), segment(2.0), segment(2.0)],
        [segment(*[2.0] * 5) for _ in range(3)],
        [segment(*[0.0] * 30), segment(*[math.nan] * 30, launch=2), segment(*[math.inf] * 30)],
    ],
    ids=["none", "empty", "one", "three", "three of one", "15 pairs", "no times"],
)
def test_too_little_data_is_never_a_change(segments: list[Segment]) -> None:
    result = judge(segments, AT)
    assert result.verdict is Verdict.UNSURE
    assert result.warnings
    assert all(map(math.isfinite, (result.change, result.low, result.high, result.detectable)))
    assert judge(twice(2.0), AT).verdict is Verdict.SLOWER


def test_a_large_change_within_a_larger_error_is_unsure() -> None:
    wild = [segment(*np.exp(0.05 + np.linspace(-1, 1, 40))) for _ in range(3)]
    result = judge(wild, AT)
    assert result.change < -AT.min_effect
    assert result.high > 0
    assert result.verdict is Verdict.UNSURE


def test_times_that_are_none_do_not_count() -> None:
    result = judge([segment(*[1.0] * 30, 0.0, math.nan), *steady(1.0)], AT)
    assert result.pairs == 150
    assert "not above zero" in result.warnings[0]


def test_all_that_was_measured_is_counted() -> None:
    result = settle([*steady(1.1), *steady(1.1, segments=4, launch=2)], AT)
    assert (result.pairs, result.segments, result.launches) == (280, 7, 2)


@pytest.mark.parametrize(("ratio", "verdict"), [(1.1, Verdict.SLOWER), (0.9, Verdict.FASTER)])
def test_a_difference_is_said_aloud_when_fresh_processes_share_it(
    ratio: float, verdict: Verdict
) -> None:
    once = steady(ratio, segments=8)
    assert settle(once, AT).verdict is Verdict.UNSURE
    assert is_suspected(once, AT)
    result = settle(twice(ratio), AT)
    assert (result.verdict, result.warnings) == (verdict, ())


def test_a_small_difference_needs_a_third_launch() -> None:
    small = [*steady(1.05), *steady(1.05, launch=2)]
    assert judge(small, AT).verdict is Verdict.UNSURE
    assert judge([*small, *steady(1.05, launch=3)], AT).verdict is Verdict.SLOWER
    # Launches that do not agree on its size are no evidence of one.
    apart = [s for n, r in enumerate((1.03, 1.001, 1.11), 1) for s in steady(r, launch=n)]
    assert judge(apart, AT).verdict is Verdict.UNSURE


@pytest.mark.parametrize("fresh", [1.0, 0.9, 1.004])
def test_a_difference_that_fresh_processes_do_not_share_is_none(fresh: float) -> None:
    result = settle([*steady(1.1), *steady(fresh, launch=2)], AT)
    assert result.verdict is not Verdict.SLOWER
    assert result.launches == 2
    if result.verdict is Verdict.UNSURE:
        assert "fresh processes did not confirm a difference: −9.1%, " in result.warnings[-1]


def test_fresh_processes_that_share_a_difference_are_not_said_to_deny_it() -> None:
    few = [*steady(1.1, segments=1), *steady(1.1, segments=1, launch=2)]
    result = settle(few, AT)
    assert result.verdict is Verdict.UNSURE
    assert "fresh processes point the same way, −9.1%, −9.1%, and" in result.warnings[-1]
    opposed = [*steady(1.1, segments=1), *steady(0.9, segments=1, launch=2)]
    assert "did not confirm a difference: −9.1%, +11.1%" in settle(opposed, AT).warnings[-1]


def test_one_launch_is_enough_to_say_same() -> None:
    result = settle(steady(1.0), AT)
    assert (result.verdict, result.launches) == (Verdict.SAME, 1)
    assert not is_suspected(steady(1.0), AT)


def test_more_verdicts_in_a_run_need_more_evidence_each() -> None:
    rng = np.random.default_rng(2)
    noisy = [
        segment(*np.exp(0.045 + 0.05 * rng.standard_normal(40)), launch=launch)
        for launch in (1, 1, 1, 2, 2, 2)
    ]
    two = Thresholds(launches=2)
    assert judge(noisy, two).verdict is Verdict.SLOWER
    many = judge(noisy, Thresholds(launches=2, tests=1000))
    assert many.verdict is Verdict.UNSURE
    assert many.detectable > judge(noisy, two).detectable


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
    # Nor where the time is up before the data is clear.
    ratios += 0.008
    late = settle([segment(*np.exp(row)) for row in ratios], AT)
    assert late.verdict is Verdict.UNSURE
    assert any("some turns of head" in warning for warning in late.warnings)


def test_a_speed_up_of_most_steps_does_not_hide_that_some_do_much_more() -> None:
    rng = np.random.default_rng(4)
    faster = -0.06 + 0.01 * rng.standard_normal((6, 40))
    launches = (1, 1, 1, 2, 2, 2)

    def judged(ratios: NDArray[np.float64]) -> Comparison:
        each = zip(ratios, launches, strict=True)
        two = Thresholds(launches=2)
        return judge([segment(*np.exp(row), launch=launch) for row, launch in each], two)

    assert judged(faster).verdict is Verdict.FASTER
    assert not judged(faster).spoiled
    on_head, on_base = faster.copy(), faster.copy()
    on_head[:, ::10] += 1.2
    on_base[:, ::10] -= 1.2
    assert (judged(on_head).verdict, judged(on_head).spoiled) == (Verdict.UNSURE, True)
    assert "some turns of head took far longer" in judged(on_head).warnings[0]
    # What takes base longer still agrees with head being faster.
    assert judged(on_base).verdict is Verdict.FASTER
    assert judged(-on_head).verdict is Verdict.UNSURE
    assert judged(-on_base).verdict is Verdict.SLOWER


def test_turns_that_the_machine_disturbs_on_both_sides_accuse_nobody() -> None:
    rng = np.random.default_rng(5)
    accused = 0
    for _ in range(500):
        ratios = 0.05 * rng.standard_normal((3, 40))
        disturbed = rng.random((3, 40)) < 0.1
        ratios[disturbed] += rng.choice([-1.0, 1.0], size=int(disturbed.sum()))
        accused += bool(judge([segment(*np.exp(row)) for row in ratios], AT).warnings)
    assert accused <= 5
