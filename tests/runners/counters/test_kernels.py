"""Launches of the same side that chose other kernels."""

from torch_perflint.runners.counters.kernels import kernel_notes
from torch_perflint.runners.gpu.gpu import GpuRecord
from torch_perflint.runners.sample import Pair, Segment


def segment(launch: int, base: dict[str, int], head: dict[str, int]) -> Segment:
    return Segment(launch, (Pair(1.0, 1.0),), gpu=GpuRecord((), base, head))


FAST, SLOW = {"gemm_128x128": 3, "relu": 2}, {"gemm_64x64": 3, "relu": 2}


def test_launches_with_the_same_kernels_need_no_word() -> None:
    assert kernel_notes([segment(1, FAST, SLOW), segment(2, FAST, SLOW)]) == ()
    assert kernel_notes([segment(1, FAST, SLOW)]) == ()
    assert kernel_notes([Segment(1, (Pair(1.0, 1.0),))]) == ()


def test_a_difference_between_launches_of_one_side_is_told_with_its_kernels() -> None:
    (note,) = kernel_notes([segment(1, FAST, SLOW), segment(2, FAST, FAST), segment(3, FAST, SLOW)])
    assert note.startswith("head ran other GPU kernels in launch 2 than in launch 1")
    assert "-3 gemm_64x64, +3 gemm_128x128" in note
    assert "relu" not in note


def test_a_kernel_that_runs_more_often_counts() -> None:
    (note,) = kernel_notes([segment(1, {"a": 1}, {}), segment(2, {"a": 2}, {})])
    assert note.startswith("base") and "+1 a" in note


def test_many_and_long_names_are_cut() -> None:
    many = {f"{number}_{'x' * 100}": 1 for number in range(10)}
    (note,) = kernel_notes([segment(1, many, {}), segment(2, {"other": 1}, {})])
    assert "and 5 more" in note
    assert len(note) < 700


def test_a_segment_without_kernels_says_nothing_of_its_launch() -> None:
    assert kernel_notes([segment(1, FAST, {}), segment(2, {}, {}), segment(2, FAST, {})]) == ()
