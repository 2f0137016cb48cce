"""The table of what NVIDIA's cards can do at most."""

import pytest
from torch_perflint.runners.counters.peaks import CARDS, TYPES, Card, peaks_of

# Cards whose multiprocessors do 64 operations in float32 at a time; the others do 128.
_SIXTY_FOUR = ("Tesla V100", "Tesla T4", "A100", "A30")


def cores(card: Card) -> int:
    return card.multiprocessors * (64 if card.names[0].startswith(_SIXTY_FOUR) else 128)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.names[0])
def test_the_peaks_of_a_card_agree_with_each_other(card: Card) -> None:
    assert set(card.flops) <= set(TYPES)
    assert all(peak > 0 for peak in card.flops.values())
    float32, float16 = card.flops["float32"], card.flops["float16"]
    assert float32 <= card.flops["tfloat32"] < float16
    assert card.flops.get("bfloat16", float16) == float16
    assert card.flops.get("float8", 2 * float16) == pytest.approx(2 * float16, rel=0.02)
    assert card.flops.get("float64", 0.0) <= float32
    # A multiplication and an addition per core and cycle: what is left is the clock, which is 1.4
    # to 2.5 GHz for all of them. A misplaced digit or a figure with sparsity would be seen.
    assert 1.35e9 < float32 / (2 * cores(card)) < 2.6e9


def test_no_name_means_two_cards() -> None:
    names = [name for card in CARDS for name in card.names]
    assert len(set(names)) == len(names)
    assert not any(name.startswith("NVIDIA") for name in names)


@pytest.mark.parametrize(
    ("name", "multiprocessors", "bfloat16"),
    [
        ("NVIDIA A100-SXM4-80GB", 108, 312e12),
        ("A100-SXM4-40GB", 108, 312e12),
        ("NVIDIA H100 80GB HBM3", 132, 989.4e12),
        ("NVIDIA H100 PCIe", 114, 756e12),
        ("NVIDIA H100 NVL", 132, 835.5e12),
        ("NVIDIA H200", 132, 989.4e12),
        ("NVIDIA B200", 148, 2250e12),
        ("NVIDIA L4", 58, 121e12),
    ],
)
def test_form_factors_are_told_apart(name: str, multiprocessors: int, bfloat16: float) -> None:
    assert peaks_of(name, multiprocessors)["bfloat16"] == bfloat16


@pytest.mark.parametrize(
    ("name", "multiprocessors"),
    [
        (None, None),
        ("", 108),
        ("NVIDIA H100", 132),
        ("NVIDIA GB200", 148),
        ("NVIDIA GeForce RTX 4090 D", 114),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 76),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 14),
        # What calls itself a whole card and has a part of it.
        ("NVIDIA A100-SXM4-40GB", 98),
        ("NVIDIA A100-SXM4-40GB", None),
        ("AMD Instinct MI300X", 304),
    ],
)
def test_what_is_not_known_for_certain_has_no_peak(
    name: str | None, multiprocessors: int | None
) -> None:
    assert peaks_of(name, multiprocessors) == {}


def test_a_card_without_bfloat16_or_tf32_has_no_peak_of_its_own_for_it() -> None:
    volta = peaks_of("Tesla V100-SXM2-16GB", 80)
    assert "bfloat16" not in volta
    assert volta["tfloat32"] == volta["float32"] == 15.7e12
