"""What a step achieves, and its share of the device's peak, by values worked out by hand."""

from dataclasses import replace

import pytest
from torch_perflint.runners.counters.utilization import Device, utilization, words
from torch_perflint.runners.sample import Products
from torch_perflint.runners.verdict.compare import Comparison, Verdict

# A step of 10 ms on base, 8 ms on head.
AT = Comparison(Verdict.FASTER, 0.25, 0.2, 0.3, 0.010, 0.008, 0.03, 120, 3, 2)
CPU = Device("cpu")
A100 = Device("cuda", "NVIDIA A100-SXM4-80GB", 108)
CPU_WORK = (Products("cpu", "float32", 2_000_000_000),)


def on_gpu(**flops: float) -> tuple[Products, ...]:
    return tuple(Products("cuda", kind, int(number)) for kind, number in flops.items())


def test_flops_per_second_are_those_of_a_step_over_its_time() -> None:
    found = utilization(CPU_WORK, CPU_WORK, AT, CPU, {})
    assert found is not None
    assert found.base.flops_per_second == pytest.approx(2e11)
    assert found.head.flops_per_second == pytest.approx(2.5e11)
    assert (found.change, found.low, found.high) == pytest.approx((0.25, 0.2, 0.3))
    assert found.base.flops == {"float32": 2_000_000_000}
    assert (found.base.mfu, found.head.mfu, found.peaks) == (None, None, {})
    assert "this CPU in float32 is not known" in found.unknown
    assert words(found) == "200 → 250 GFLOP/s"


def test_a_step_that_does_twice_the_work_in_the_same_time_achieves_twice_as_much() -> None:
    twice = (Products("cpu", "float32", 4_000_000_000),)
    same = replace(AT, change=0.0, low=-0.01, high=0.01, head_seconds=0.010)
    found = utilization(CPU_WORK, twice, same, CPU, {})
    assert found is not None
    assert (found.change, found.low, found.high) == pytest.approx((1.0, 0.98, 1.02))


def test_mfu_is_the_time_at_peak_over_the_time_taken() -> None:
    # 0.5 ms of bfloat16 at 312 TFLOP/s, 1 ms of TF32 at 156, 2 ms of float32 at 19.5.
    work = on_gpu(bfloat16=0.156e12, tfloat32=0.156e12, float32=0.039e12)
    found = utilization(work, work, AT, A100, {})
    assert found is not None
    assert found.base.mfu == pytest.approx(3.5 / 10)
    assert found.head.mfu == pytest.approx(3.5 / 8)
    assert found.unknown == ""
    assert found.peaks == {"bfloat16": 312e12, "tfloat32": 156e12, "float32": 19.5e12}
    assert words(found) == "35.1 → 43.9 TFLOP/s, MFU 35.0% → 43.8%"
    assert words(found) == "35.1 → 43.9 TFLOP/s, MFU 35.0% → 43.8%"


def test_a_change_of_type_is_held_against_the_peak_of_each_side() -> None:
    # The same work: 2 ms at the peak of float32, 0.125 ms at that of bfloat16.
    found = utilization(on_gpu(float32=0.039e12), on_gpu(bfloat16=0.039e12), AT, A100, {})
    assert found is not None
    assert found.base.mfu == pytest.approx(2 / 10)
    assert found.head.mfu == pytest.approx(0.125 / 8)


def test_a_stated_peak_wins_and_serves_a_cpu() -> None:
    found = utilization(CPU_WORK, CPU_WORK, AT, CPU, {"float32": 1e12})
    assert found is not None
    assert (found.base.mfu, found.head.mfu) == pytest.approx((0.2, 0.25))
    # 5 ms at the stated peak, 0.1 ms at the one that is known.
    work = on_gpu(bfloat16=0.78e12, float32=0.00195e12)
    found = utilization(work, work, AT, A100, {"bfloat16": 156e12})
    assert found is not None
    assert found.base.mfu == pytest.approx(5.1 / 10)
    assert found.peaks == {"bfloat16": 156e12, "float32": 19.5e12}


@pytest.mark.parametrize(
    ("work", "device", "why"),
    [
        (on_gpu(float64=1e9), Device("cuda", "NVIDIA L4", 58), "NVIDIA L4 in float64"),
        (on_gpu(bfloat16=1e9), Device("cuda", "NVIDIA A100-SXM4-80GB", 14), "in bfloat16"),
        (on_gpu(bfloat16=1e9), Device("cuda", "NVIDIA A100, slice 1g.5gb (MIG-1)", 14), "slice"),
        (on_gpu(int8=1e9), A100, "in int8 is not known"),
        # A test that trains on the CPU of a machine with a GPU, and one that uses a second GPU.
        (CPU_WORK, A100, "ran on cpu, so that no one peak"),
        ((*on_gpu(bfloat16=1e9), Products("cuda:1", "bfloat16", 5)), A100, "cuda, cuda:1"),
        ((*on_gpu(bfloat16=1e9), *CPU_WORK), A100, "cpu, cuda"),
    ],
)
def test_where_a_peak_is_not_certain_there_is_no_mfu_and_a_word_why(
    work: tuple[Products, ...], device: Device, why: str
) -> None:
    found = utilization(work, work, AT, device, {})
    assert found is not None
    assert found.base.flops_per_second > 0
    assert (found.base.mfu, found.head.mfu) == (None, None)
    assert why in found.unknown


def test_without_known_work_or_time_nothing_is_said() -> None:
    assert utilization((), CPU_WORK, AT, CPU, {}) is None
    assert utilization(CPU_WORK, (), AT, CPU, {}) is None
    assert utilization(CPU_WORK, CPU_WORK, replace(AT, head_seconds=0.0), CPU, {}) is None


@pytest.mark.parametrize(
    ("flops", "said"),
    [
        (30e12, "3.00 → 3.75 PFLOP/s"),
        (12e9, "1.20 → 1.50 TFLOP/s"),
        (9e9, "0.90 → 1.12 TFLOP/s"),
        (0.5e6, "50.0 → 62.5 MFLOP/s"),
        (5e3, "0.50 → 0.62 MFLOP/s"),
    ],
)
def test_rates_have_the_unit_that_fits_the_larger_one(flops: float, said: str) -> None:
    work = (Products("cpu", "float32", int(flops)),)
    found = utilization(work, work, AT, CPU, {})
    assert found is not None
    assert words(found) == said
