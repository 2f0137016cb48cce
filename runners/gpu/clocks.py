"""Decides which pairs of turns a GPU's clock has spoiled, and when too many are. Pure."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..sample import Segment
from ..text.numbers import percent
from .gpu import GpuPair, GpuSample, GpuTurn

# Two turns of a pair may differ by so much in clock; step times follow it one to one.
MOST_CLOCK_DIFFERENCE = 0.03
# Above this share of rejected pairs there is no verdict: what is left was chosen by the weather.
MOST_REJECTED = 0.5

POWER_CAP = "power cap"

# nvmlClocksEventReason* of nvml.h. An idle card, and clocks that somebody set on purpose, are none.
_REASONS = {
    0x004: POWER_CAP,
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "power brake",
}


def reasons_of(bits: int) -> tuple[str, ...]:
    """Put NVML's bits for what holds the clock down into words."""
    return tuple(word for bit, word in _REASONS.items() if bits & bit)


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is left of the pairs, and why the others are not.

    `segments` hold the pairs to judge: those kept, or all where `too_many` were rejected, and then
    the verdict has to be unsure. `reasons` count the rejected pairs; `warnings` are for people.
    """

    segments: tuple[Segment, ...]
    pairs: int
    rejected: int
    reasons: Mapping[str, int]
    too_many: bool
    warnings: tuple[str, ...]


def rejected(segments: Sequence[Segment]) -> Rejected:
    """Leave out the pairs in which the card was throttled or the clocks of the turns differ.

    A pair goes as a whole: to drop one of its turns would favour a side. Segments measured without
    NVML keep all their pairs.
    """
    kept, reasons = [], Counter[str]()
    for segment in segments:
        why = [why_rejected(pair) for pair in _seen(segment)]
        reasons.update(reason for reason in why if reason is not None)
        kept.append(_without(segment, why) if any(why) else segment)
    pairs = sum(len(segment.pairs) for segment in segments)
    gone = reasons.total()
    too_many = gone > MOST_REJECTED * pairs
    words = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    warnings = []
    if gone:
        warnings.append(f"{gone} of {pairs} pairs left out for the GPU's clock: {words}")
    if too_many:
        warnings[0] = (
            f"{gone} of {pairs} pairs were spoiled by the GPU's clock, too many to judge by the "
            f"rest: {words}; lock a clock that the card can hold (nvidia-smi --lock-gpu-clocks)"
        )
    left = tuple(segments) if too_many else tuple(one for one in kept if one.pairs)
    return Rejected(left, pairs, gone, dict(reasons), too_many, tuple(warnings))


def why_rejected(pair: GpuPair) -> str | None:
    """Say why this pair is no fair comparison; None where it is one, or nobody can know.

    Many cards are at their power cap whenever they work. Where both turns were, and their clocks
    are known to be alike, the pair is as fair as one without a cap.
    """
    for reason in _REASONS.values():
        if reason in _held(pair.base) | _held(pair.head) and not (
            reason == POWER_CAP and _capped_alike(pair)
        ):
            return reason
    base, head = _clock(pair.base), _clock(pair.head)
    if base is None or head is None:
        return None
    return "clocks differ" if abs(base - head) > MOST_CLOCK_DIFFERENCE * max(base, head) else None


def clock_notes(segments: Sequence[Segment]) -> tuple[str, ...]:
    """Say what the clocks did over a whole test that no single pair shows.

    A drift hits both sides alike, since they take turns. A side whose clock is lower all the time
    is told: a step that draws more power slows its own clock down.
    """
    pairs = [pair for segment in segments for pair in _seen(segment)]
    clocks = [
        (base, head)
        for pair in pairs
        if (base := _clock(pair.base)) is not None and (head := _clock(pair.head)) is not None
    ]
    notes = []
    if capped := sum(map(_capped_alike, pairs)):
        share = f"{capped} of {len(pairs)} pairs"
        notes.append(f"the GPU was at its power cap on both sides in {share}")
    if pairs and not clocks:
        notes.append("the GPU's clock could not be read: no pair was checked for throttling")
    if len(clocks) >= 8:
        part = len(clocks) // 4
        first, last = (
            statistics.median(map(sum, some)) / 2 for some in (clocks[:part], clocks[-part:])
        )
        if abs(last / first - 1) > MOST_CLOCK_DIFFERENCE:
            notes.append(f"the GPU's clock drifted from {first:.0f} to {last:.0f} MHz")
        apart = statistics.median(head / base - 1 for base, head in clocks)
        if abs(apart) > 0.005:
            notes.append(f"head ran at a GPU clock {percent(apart)} from base's all the time")
    turns = [turn for pair in pairs for turn in (pair.base, pair.head)]
    most = max((sample.tenants or 0 for turn in turns for sample in _samples(turn)), default=0)
    if most:
        notes.append(f"up to {most} other processes were on the GPU while it was measured")
    return tuple(notes)


def _seen(segment: Segment) -> tuple[GpuPair, ...]:
    return segment.gpu.pairs if segment.gpu is not None else ()


def _without(segment: Segment, why: Sequence[str | None]) -> Segment:
    assert segment.gpu is not None
    chosen = [number for number, reason in enumerate(why) if reason is None]
    record = replace(segment.gpu, pairs=tuple(segment.gpu.pairs[number] for number in chosen))
    return replace(segment, pairs=tuple(segment.pairs[number] for number in chosen), gpu=record)


def _samples(turn: GpuTurn) -> Iterator[GpuSample]:
    """What was read around a turn."""
    yield from (sample for sample in (turn.before, turn.after) if sample is not None)


def _held(turn: GpuTurn) -> set[str]:
    return {reason for sample in _samples(turn) for reason in sample.reasons or ()}


def _capped_alike(pair: GpuPair) -> bool:
    turns = (pair.base, pair.head)
    return all(POWER_CAP in _held(turn) and _clock(turn) is not None for turn in turns)


def _clock(turn: GpuTurn) -> int | None:
    # Before the turn the card may still be idle, and its clock low.
    return turn.after.mhz if turn.after is not None else None
