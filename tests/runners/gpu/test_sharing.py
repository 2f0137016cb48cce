"""Which card it is, and with whom it is shared."""

from dataclasses import replace

import pytest
from torch_perflint.runners.gpu.gpu import Card, GpuSample, MigSlice
from torch_perflint.runners.gpu.sharing import (
    identity,
    is_card,
    sharing_notes,
    tenants,
    uses_mps,
    why_incomparable,
)

WHOLE = Card("NVIDIA H100", "GPU-1234-ABCD", "570.1")
PART = replace(WHOLE, mig=MigSlice("MIG-77", "1g.10gb"))
BIGGER = replace(WHOLE, mig=MigSlice("MIG-88", "3g.40gb"))
SISTER = replace(WHOLE, mig=MigSlice("MIG-99", "1g.10gb"))


def test_a_card_goes_by_its_uuid_and_a_slice_by_its_own() -> None:
    assert is_card(WHOLE, "GPU-1234-abcd") and is_card(WHOLE, "1234-abcd")
    assert is_card(PART, "77") and is_card(PART, "MIG-77")
    assert not is_card(PART, "GPU-1234-ABCD")
    assert len({identity(card) for card in (WHOLE, PART, BIGGER, SISTER)}) == 4


@pytest.mark.parametrize(
    ("base", "head", "words"),
    [
        (WHOLE, WHOLE, None),
        (PART, PART, None),
        (PART, BIGGER, "1g.10gb"),
        (PART, SISTER, "MIG-99"),
        (WHOLE, PART, "slice 1g.10gb"),
        (WHOLE, replace(WHOLE, uuid="GPU-2"), "GPU-2"),
        (WHOLE, replace(WHOLE, driver="580.2"), "580.2"),
    ],
)
def test_only_the_same_card_and_slice_may_be_compared(
    base: Card, head: Card, words: str | None
) -> None:
    said = why_incomparable(base, head)
    assert (said is None) if words is None else (said is not None and words in said)


@pytest.mark.parametrize(
    ("seen", "own", "expected", "others"),
    [
        ([10, 11], {10, 11}, 2, 0),
        ([10, 11, 50], {10, 11}, 2, 1),
        ([50, 51], (), 0, 2),
        ([9001, 9002], {10, 11}, 2, 0),  # a container: the host's numbers, two of them ours
        ([9001, 9002, 9003], {10, 11}, 2, 1),
        ([9001], {10, 11}, 2, 0),
        ([], {10, 11}, 2, None),  # not even our own are shown
        ([], (), 0, 0),
        (None, (), 0, None),
    ],
)
def test_our_own_processes_are_no_tenants(
    seen: list[int] | None, own: set[int], expected: int, others: int | None
) -> None:
    assert tenants(seen, own, expected) == others


def test_mps_is_known_by_its_clients_its_variable_or_its_pipe() -> None:
    assert not uses_mps(WHOLE, {}, daemon=False)
    assert uses_mps(replace(WHOLE, mps_clients=2), {}, daemon=False)
    assert uses_mps(WHOLE, {"CUDA_MPS_PIPE_DIRECTORY": "/tmp/mps"}, daemon=False)
    assert uses_mps(WHOLE, {}, daemon=True)


def test_mig_and_mps_are_told_apart() -> None:
    assert sharing_notes(WHOLE, mps=False) == ()
    (mig,) = sharing_notes(PART, mps=False)
    assert "MIG slice 1g.10gb" in mig and "MPS" not in mig
    (mps,) = sharing_notes(WHOLE, mps=True)
    assert "MPS" in mps and "MIG" not in mps
    assert len(sharing_notes(PART, mps=True)) == 2
    crowded = replace(WHOLE, now=GpuSample(tenants=3))
    assert sharing_notes(crowded, mps=False) == ("3 other processes are on the GPU",)
