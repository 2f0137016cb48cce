"""Works out what a step achieves: FLOP/s, and their share of what the device can do. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..sample import Products
from ..text.numbers import ARROW
from ..verdict.compare import Comparison
from .peaks import peaks_of

_UNITS = (("PFLOP/s", 1e15), ("TFLOP/s", 1e12), ("GFLOP/s", 1e9), ("MFLOP/s", 1e6))


@dataclass(frozen=True, slots=True)
class Achieved:
    """What one side achieves.

    `flops` are the floating-point operations of one step by the type that they may be computed in.
    `mfu` is the time that the device would need for them at its peak over the time that it took;
    None where a peak is not known.
    """

    flops_per_second: float
    mfu: float | None = None
    flops: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Utilization:
    """What both sides achieve.

    `change`, with its 95 % interval from `low` to `high`, is head's FLOP/s over base's minus one.
    `peaks` are the device's, in FLOP/s by type, of the types that the steps use; `unknown` says why
    there is no MFU.
    """

    base: Achieved
    head: Achieved
    change: float
    low: float
    high: float
    peaks: Mapping[str, float] = field(default_factory=dict)
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """What the steps ran on: "cpu" or "cuda", and of a GPU its name and multiprocessors."""

    kind: str
    name: str | None = None
    multiprocessors: int | None = None

    @classmethod
    def of(cls, machine: Mapping[str, Any]) -> "Device":
        """Read what a worker said of its machine."""
        return cls(
            str(machine.get("device", "cpu")), machine.get("gpu"), machine.get("multiprocessors")
        )


def utilization(
    base: Sequence[Products],
    head: Sequence[Products],
    comparison: Comparison,
    device: Device,
    stated: Mapping[str, float],
) -> Utilization | None:
    """Return what both sides achieve; None where their work or their time is not known.

    `stated` are the peaks that the configuration has, in FLOP/s by type; they win.
    """
    works = _by_type(base), _by_type(head)
    totals = [sum(work.values()) for work in works]
    seconds = comparison.base_seconds, comparison.head_seconds
    if not all(totals) or not all(0 < one < math.inf for one in seconds):
        return None
    known = {**(peaks_of(device.name, device.multiprocessors) if device.name else {}), **stated}
    types = sorted({kind for work in works for kind in work})
    unknown = _unknown(types, {one.device for one in (*base, *head)}, device, known)
    peaks = {} if unknown else {kind: known[kind] for kind in types}
    achieved = [
        Achieved(
            total / time,
            sum(flops / peaks[kind] for kind, flops in work.items()) / time if peaks else None,
            work,
        )
        for work, total, time in zip(works, totals, seconds, strict=True)
    ]
    # The same steps in other units: the interval of throughput, times the ratio of exact counts.
    ratio = totals[1] / totals[0]
    change, low, high = (
        ratio * (1 + one) - 1 for one in (comparison.change, comparison.low, comparison.high)
    )
    return Utilization(achieved[0], achieved[1], change, low, high, peaks, unknown)


def words(at: Utilization) -> str:
    """Write both sides on one line: `1.21 → 1.18 TFLOP/s, MFU 38.1% → 37.2%`."""
    base, head = at.base, at.head
    rate = f"{_rate(base, head)} {ARROW} {_rate(head, base, unit=True)}"
    if base.mfu is None or head.mfu is None:
        return rate
    return f"{rate}, MFU {base.mfu:.1%} {ARROW} {head.mfu:.1%}"


def _rate(one: Achieved, other: Achieved, *, unit: bool = False) -> str:
    """Write three digits or more, in the unit that fits the larger of both."""
    most = max(one.flops_per_second, other.flops_per_second)
    name, scale = next((each for each in _UNITS if most >= each[1]), _UNITS[-1])
    value = one.flops_per_second / scale
    digits = f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
    return f"{digits} {name}" if unit else digits


def _by_type(products: Sequence[Products]) -> dict[str, int]:
    work: dict[str, int] = {}
    for one in products:
        if one.flops:
            work[one.type] = work.get(one.type, 0) + one.flops
    return work


def _unknown(
    types: Sequence[str], devices: set[str], device: Device, peaks: Mapping[str, float]
) -> str:
    """Say why no share of a peak can be told; "" where it can."""
    if devices != {device.kind}:
        return f"the products ran on {', '.join(sorted(devices))}, so that no one peak holds"
    missing = [kind for kind in types if kind not in peaks]
    if missing:
        name = device.name or "this CPU"
        return (
            f"the peak of {name} in {', '.join(missing)} is not known (`peak_flops` can state it)"
        )
    return ""
