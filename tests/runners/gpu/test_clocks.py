"""Which pairs a GPU's clock has spoiled, and when too many are."""

import random
import statistics
from typing import Any

import pytest
from torch_perflint.runners.gpu.clocks import (
    clock_notes,
    reasons_of,
    rejected,
    why_rejected,
)
from torch_perflint.runners.gpu.gpu import GpuPair, GpuRecord, GpuSample, GpuTurn
from torch_perflint.runners.sample import Pair, Segment


def turn(mhz: int | None = 1500, *reasons: str, before: Any = (), tenants: int = 0) -> GpuTurn:
    return GpuTurn(
        GpuSample(300, tuple(before), 55, 80.0, tenants),
        GpuSample(mhz, reasons, 60, 250.0, tenants),
    )


def gpu_pair(base: int | None = 1500, head: int | None = 1500, *reasons: str) -> GpuPair:
    return GpuPair(turn(base), turn(head, *reasons))


GOOD, HOT, APART = gpu_pair(), gpu_pair(1500, 1500, "thermal slowdown"), gpu_pair(1500, 1400)


def capped(base: int | None = 1500, head: int | None = 1500) -> GpuPair:
    return GpuPair(turn(base, "power cap"), turn(head, before=("power cap",)))


def segment(*seen: GpuPair, launch: int = 1) -> Segment:
    pairs = tuple(Pair(1.0 + number, 2.0 + number) for number in range(len(seen)))
    return Segment(launch, pairs, gpu=GpuRecord(seen))


def test_bits_become_words_and_an_idle_or_a_set_clock_is_no_throttling() -> None:
    assert reasons_of(0x1 | 0x2 | 0x100) == ()
    assert reasons_of(0x8 | 0x80) == ("hardware slowdown", "power brake")


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (GOOD, None),
        (HOT, "thermal slowdown"),
        (GpuPair(turn(1500, before=("power cap",)), turn()), "power cap"),
        (gpu_pair(1500, 1500, "power cap"), "power cap"),
        (capped(), None),
        (capped(1500, 1454), "clocks differ"),
        (capped(1500, None), "power cap"),
        (gpu_pair(1500, 1456), None),  # 2.9 %
        (gpu_pair(1500, 1454), "clocks differ"),  # 3.1 %
        (gpu_pair(1454, 1500), "clocks differ"),
        (gpu_pair(None, 1500), None),
        (GpuPair(GpuTurn(), GpuTurn()), None),
    ],
)
def test_a_pair_is_rejected_when_throttled_or_when_clocks_differ(
    pair: GpuPair, reason: str | None
) -> None:
    assert why_rejected(pair) == reason


def test_a_clock_that_is_low_before_a_turn_is_an_idle_card_s() -> None:
    quiet = GpuSample(210, (), 40, 60.0, 0)
    busy = GpuSample(1500, (), 60, 250.0, 0)
    assert why_rejected(GpuPair(GpuTurn(quiet, busy), GpuTurn(busy, busy))) is None


def test_both_turns_of_a_rejected_pair_go_and_the_others_stay_in_step() -> None:
    left = rejected([segment(GOOD, HOT, GOOD, APART, GOOD)])
    assert left.segments[0].pairs == (Pair(1.0, 2.0), Pair(3.0, 4.0), Pair(5.0, 6.0))
    assert left.segments[0].gpu == GpuRecord((GOOD, GOOD, GOOD))
    assert (left.pairs, left.rejected, left.too_many) == (5, 2, False)
    assert left.reasons == {"thermal slowdown": 1, "clocks differ": 1}
    assert left.warnings == (
        "2 of 5 pairs left out for the GPU's clock: thermal slowdown (1), clocks differ (1)",
    )


@pytest.mark.parametrize(("hot", "too_many"), [(4, False), (5, True), (8, True)])
def test_more_than_half_rejected_is_too_many_and_then_nothing_is_left_out(
    hot: int, too_many: bool
) -> None:
    given = [segment(*[HOT] * hot, *[GOOD] * (8 - hot))]
    left = rejected(given)
    assert left.too_many is too_many
    if too_many:
        assert left.segments == tuple(given)
        assert "too many" in left.warnings[0] and "lock-gpu-clocks" in left.warnings[0]


def test_a_segment_of_which_nothing_is_left_goes() -> None:
    left = rejected([segment(HOT, HOT), segment(*[GOOD] * 6, launch=2)])
    assert [one.launch for one in left.segments] == [2]
    assert not left.too_many


def test_without_a_gpu_or_without_nvml_all_pairs_stay() -> None:
    bare = Segment(1, (Pair(1.0, 1.0),))
    blind = Segment(1, (Pair(1.0, 1.0),), gpu=GpuRecord((GpuPair(GpuTurn(), GpuTurn()),)))
    left = rejected([bare, blind])
    assert left.segments == (bare, blind)
    assert (left.rejected, left.warnings) == (0, ())
    assert rejected([]).too_many is False


def test_a_card_that_throttles_at_random_makes_no_difference_where_there_is_none() -> None:
    """Simulated: throttled turns take 20 % longer, and hit head three times as often as base."""
    choose = random.Random(1)

    def measured(share: float) -> tuple[GpuTurn, float]:
        hot = choose.random() < share
        time = (1.2 if hot else 1.0) * choose.gauss(1.0, 0.01)
        return (turn(1250, "thermal slowdown") if hot else turn()), time

    changes, naive = [], []
    for _ in range(200):
        seen, pairs = [], []
        for _ in range(40):
            (base, base_time), (head, head_time) = measured(0.05), measured(0.15)
            seen.append(GpuPair(base, head))
            pairs.append(Pair(base_time, head_time))
        left = rejected([Segment(1, tuple(pairs), gpu=GpuRecord(tuple(seen)))])
        changes.append(statistics.fmean(p.head / p.base - 1 for p in left.segments[0].pairs))
        naive.append(statistics.fmean(p.head / p.base - 1 for p in pairs))
    assert abs(statistics.fmean(changes)) < 0.001
    assert statistics.fmean(naive) > 0.01, "the condition is there"


def test_a_drift_and_a_side_with_a_lower_clock_are_told() -> None:
    steady = segment(*[GOOD] * 8)
    assert clock_notes([steady]) == ()
    drifting = segment(*[gpu_pair(1500 - 10 * n, 1500 - 10 * n) for n in range(12)])
    assert clock_notes([drifting]) == ("the GPU's clock drifted from 1490 to 1400 MHz",)
    lower = segment(*[gpu_pair(1500, 1485)] * 8)
    assert clock_notes([lower]) == ("head ran at a GPU clock −1.0% from base's all the time",)


def test_a_power_cap_that_holds_both_sides_is_told_and_spoils_nothing() -> None:
    given = [segment(*[capped(1500, 1490)] * 7, GOOD)]
    left = rejected(given)
    assert (left.segments, left.rejected) == (tuple(given), 0)
    assert clock_notes(given) == (
        "the GPU was at its power cap on both sides in 7 of 8 pairs",
        "head ran at a GPU clock −0.7% from base's all the time",
    )


def test_clocks_that_nobody_could_read_and_tenants_are_told() -> None:
    blind = segment(*[gpu_pair(None, None)] * 8)
    assert "could not be read" in clock_notes([blind])[0]
    shared = segment(GpuPair(turn(tenants=2), turn()), GOOD)
    assert clock_notes([shared]) == (
        "up to 2 other processes were on the GPU while it was measured",
    )
