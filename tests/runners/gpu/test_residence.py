"""Whether both sides may be on the GPU at once."""

import pytest
from torch_perflint.runners.gpu.residence import CONTEXT_BYTES, fit_together, is_out_of_memory
from torch_perflint.runners.result import Failure

GB = 1 << 30


@pytest.mark.parametrize(
    ("base", "head", "free", "fits"),
    [
        (1 * GB, 1 * GB, 16 * GB, True),
        (6 * GB, 7 * GB, 16 * GB, True),  # 14 of 14.4 GiB
        (7 * GB, 7 * GB, 16 * GB, False),
        (0, 0, 1 * GB, False),  # the contexts alone
    ],
)
def test_two_peaks_and_two_contexts_have_to_fit(
    base: int, head: int, free: int, fits: bool
) -> None:
    assert fit_together(base, head, free) is fits


def test_the_limit_itself_is_too_much() -> None:
    peak = 4 * GB
    need = 2 * peak + 2 * CONTEXT_BYTES
    assert not fit_together(peak, peak, int(need / 0.9))
    assert fit_together(peak, peak, int(need / 0.9) + 16)


@pytest.mark.parametrize(
    ("summary", "details", "short"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "", True),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling", "", True),
        ("ValueError: wrong", "E   RuntimeError: CUDA error: out of memory\n", True),
        ("MemoryError", "", False),
    ],
)
def test_a_lack_of_the_gpu_s_memory_is_known_by_its_words(
    summary: str, details: str, short: bool
) -> None:
    assert is_out_of_memory(Failure(summary, details)) is short
