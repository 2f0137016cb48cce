"""Knows what NVIDIA's cards can do at most: dense floating-point operations per second by type."""

from collections.abc import Mapping
from dataclasses import dataclass

# The types that a peak can be stated for; "float8" is any of eight bits.
TYPES = ("float64", "float32", "tfloat32", "bfloat16", "float16", "float8")


@dataclass(frozen=True, slots=True)
class Card:
    """One kind of card, told by the names that PyTorch has for it, without "NVIDIA ".

    `flops` are NVIDIA's peaks without sparsity, products in 16 bits adding up in 32 as PyTorch's
    do. A card that has no TF32 computes it as float32. A type that is not there has no peak that
    NVIDIA publishes, or is not done by tensor cores. `multiprocessors` tells the whole card from a
    part of it: a MIG slice, a virtual GPU, or a share of MPS.
    """

    names: tuple[str, ...]
    multiprocessors: int
    flops: Mapping[str, float]


def _peaks(
    *,
    float32: float,
    half: float,
    tfloat32: float | None = None,
    bfloat16: bool = True,
    float64: float | None = None,
    float8: float | None = None,
) -> Mapping[str, float]:
    """Write a card's peaks, given in TFLOP/s; `half` are both types of 16 bits."""
    found = {
        "float64": float64,
        "float32": float32,
        "tfloat32": float32 if tfloat32 is None else tfloat32,
        "bfloat16": half if bfloat16 else None,
        "float16": half,
        "float8": float8,
    }
    return {name: tera * 1e12 for name, tera in found.items() if tera is not None}


# GH100 on an SXM board. Source: NVIDIA H100 Tensor Core GPU Architecture, V1.04, table 2; the data
# sheets of H200 and GH200 state the same.
_HOPPER = _peaks(float64=66.9, float32=66.9, tfloat32=494.7, half=989.4, float8=1978.9)
# Source: data sheets of H100 NVL and H200 NVL, per card; they state twice this, "with sparsity".
_HOPPER_NVL = _peaks(float64=60, float32=60, tfloat32=417.5, half=835.5, float8=1670.5)

CARDS = (
    # Source: NVIDIA V100 data sheet, January 2020. "Deep learning" is float16.
    Card(
        ("Tesla V100-SXM2-16GB", "Tesla V100-SXM2-32GB"),
        80,
        _peaks(float64=7.8, float32=15.7, half=125, bfloat16=False),
    ),
    Card(
        ("Tesla V100-PCIE-16GB", "Tesla V100-PCIE-32GB"),
        80,
        _peaks(float64=7, float32=14, half=112, bfloat16=False),
    ),
    Card(
        ("Tesla V100S-PCIE-32GB",),
        80,
        _peaks(float64=8.2, float32=16.4, half=130, bfloat16=False),
    ),
    # Source: NVIDIA T4 data sheet, "mixed-precision (FP16/FP32)".
    Card(("Tesla T4", "T4"), 40, _peaks(float32=8.1, half=65, bfloat16=False)),
    # Source: NVIDIA A100 data sheet (the same for SXM and PCIe); float64 on tensor cores.
    Card(
        (
            *("A100-SXM4-40GB", "A100-SXM4-80GB"),
            *("A100-PCIE-40GB", "A100 80GB PCIe"),
        ),
        108,
        _peaks(float64=19.5, float32=19.5, tfloat32=156, half=312),
    ),
    # Source: NVIDIA A30 data sheet; float64 on tensor cores.
    Card(("A30",), 56, _peaks(float64=10.3, float32=10.3, tfloat32=82, half=165)),
    # Source: NVIDIA A40 data sheet.
    Card(("A40",), 84, _peaks(float32=37.4, tfloat32=74.8, half=149.7)),
    # Source: NVIDIA A10 data sheet.
    Card(("A10",), 72, _peaks(float32=31.2, tfloat32=62.5, half=125)),
    # Source: the data sheet of A10G, a card that Amazon alone has; half of A10's tensor cores.
    Card(("A10G",), 80, _peaks(float32=31.52, tfloat32=35, half=70)),
    # Source: NVIDIA L4 data sheet, which states twice the tensor cores' peaks, "with sparsity".
    Card(("L4",), 58, _peaks(float32=30.3, tfloat32=60, half=121, float8=242.5)),
    # Source: NVIDIA L40 data sheet.
    Card(("L40",), 142, _peaks(float32=90.5, tfloat32=90.5, half=181.05, float8=362)),
    # Source: NVIDIA L40S data sheet.
    Card(("L40S",), 142, _peaks(float32=91.6, tfloat32=183, half=362.05, float8=733)),
    Card(("H100 80GB HBM3",), 132, _HOPPER),
    Card(("H200",), 132, _HOPPER),
    Card(("GH200 480GB", "GH200 144G HBM3e"), 132, _HOPPER),
    # Source: as for H100 SXM.
    Card(
        ("H100 PCIe",),
        114,
        _peaks(float64=51.2, float32=51.2, tfloat32=378, half=756, float8=1513),
    ),
    Card(("H100 NVL", "H200 NVL"), 132, _HOPPER_NVL),
    # Source: NVIDIA Blackwell data sheet, HGX B200, one GPU; it states twice the tensor cores'
    # peaks, "with sparsity".
    Card(("B200",), 148, _peaks(float64=37, float32=75, tfloat32=1100, half=2250, float8=4500)),
    # Source: NVIDIA Ampere GA102 GPU Architecture, V2.0: products in 16 bits that add up in 32 run
    # at half the rate of the others on GeForce cards.
    Card(("GeForce RTX 3090",), 82, _peaks(float32=35.6, tfloat32=35.6, half=71)),
    Card(("RTX A6000",), 84, _peaks(float32=38.7, tfloat32=77.4, half=154.8)),
    # Source: NVIDIA Ada GPU Architecture, V2.01, appendix A; products in 16 bits as above.
    Card(("GeForce RTX 4090",), 128, _peaks(float32=82.6, tfloat32=82.6, half=165.2)),
)


def peaks_of(name: str | None, multiprocessors: int | None) -> Mapping[str, float]:
    """Return a card's peaks by type, in FLOP/s; {} for one that is not known for certain.

    `name` is PyTorch's. It has to be a known one to the letter: what it adds ("Laptop GPU", "MIG
    1g.5gb", "D") makes another card. `multiprocessors` has to be what the whole card has.
    """
    plain = (name or "").removeprefix("NVIDIA ")
    for card in CARDS:
        if plain in card.names and multiprocessors == card.multiprocessors:
            return card.flops
    return {}
