"""Judges paired step times: slower, faster, same or unsure. Numbers in, a Comparison out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .compare import Comparison, Verdict
from .sample import Segment
from .stats import Estimate, combine

# Quantiles of the normal distribution: one-sided 1 %, one-sided 5 %, two-sided 5 %.
Z99, Z95, Z975 = 2.326, 1.645, 1.960

# What a launch keeps of its bias although the state is rebuilt for each segment: measured on
# identical code, and invisible to all data of that launch.
_LAUNCH_ERROR = 0.003


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a difference starts to matter, and how much data is wanted before anything is said.

    `min_effect` is relative to base's step time. "Same" needs the 90 % interval to lie within
    `same_within` times that effect, so that a true slowdown of that size passes in 5 % of runs.
    """

    min_effect: float = 0.02
    same_within: float = 1.5
    min_segments: int = 3
    min_pairs: int = 24


def judge(segments: Sequence[Segment], at: Thresholds) -> Comparison:
    """Compare the sides over all segments.

    The verdict here is that of the data given; "slower" and "faster" are only said aloud after
    fresh processes agreed (see `settle`). Thresholds apply to the log ratio of step times.
    """
    estimate = _estimate(segments)
    enough = (
        estimate.pairs >= at.min_pairs
        and len(segments) >= at.min_segments
        and math.isfinite(estimate.error)
    )
    if not enough:
        warnings = (f"only {estimate.pairs} pairs in {len(segments)} segments",)
        return _comparison(Verdict.UNSURE, estimate, segments, at, warnings)
    verdict = _verdict(estimate, at)
    ratios = np.concatenate([_log_ratios(segment) for segment in segments])
    heavy = heavy_turns(ratios, math.log1p(at.min_effect))
    if verdict is Verdict.SAME and heavy is not None:
        return _comparison(Verdict.UNSURE, estimate, segments, at, (heavy,))
    return _comparison(verdict, estimate, segments, at, ())


def heavy_turns(ratios: NDArray[np.float64], effect: float) -> str | None:
    """Say where the plain mean shows a difference that the trimmed one cannot; else None.

    `ratios` are paired log ratios (one dimension), `effect` is the log ratio that matters. Work
    that only some steps do, such as every fortieth, lies in the turns that trimming leaves out. A
    machine that disturbs turns hits both sides alike: that is asked by turning the signs of the
    deviations at random (Fisher's randomisation test, two-sided 1 %).
    """
    deviations = ratios - float(np.median(ratios))
    shift = float(np.mean(deviations))
    if abs(shift) < effect:
        return None
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(1000, len(deviations)))
    by_chance = np.abs(signs @ deviations / len(deviations))
    if float(np.mean(by_chance >= abs(shift))) > 0.01:
        return None
    side = "head" if shift > 0 else "base"
    return (
        f"some turns of {side} took far longer than the others, and move the plain mean by "
        f"{math.expm1(abs(shift)):.0%}: some steps may do much more work than others, which this "
        "method cannot time"
    )


def settle(launches: Sequence[Sequence[Segment]], at: Thresholds) -> Comparison:
    """Judge a test by all its launches, in their order; this is what is said aloud.

    "Slower" and "faster" need all data and each of the last two launches alone to say so: a
    difference that lives in one launch only is a property of that launch. "Same" needs all data, or
    two launches alone, or the only one.
    """
    alone = [judge(launch, at) for launch in launches if launch]
    total = judge([segment for launch in launches for segment in launch], at)
    verdicts = [comparison.verdict for comparison in alone]
    changed = total.verdict in (Verdict.SLOWER, Verdict.FASTER)
    if changed and len(alone) >= 2 and verdicts[-2:] == [total.verdict] * 2:
        return total
    same = total.verdict is Verdict.SAME or verdicts.count(Verdict.SAME) >= 2
    warnings = total.warnings
    if len(alone) > 1 and {Verdict.SLOWER, Verdict.FASTER} & set(verdicts):
        seen = ", ".join(f"{comparison.change:+.1%}" for comparison in alone)
        warnings = (*warnings, f"fresh processes did not confirm a difference: {seen}")
    return replace(total, verdict=Verdict.SAME if same else Verdict.UNSURE, warnings=warnings)


def wants_launch(launches: Sequence[Sequence[Segment]], at: Thresholds) -> bool:
    """Whether one more launch can settle what is still open.

    Always after the first; after the second only where at least one launch came to a verdict of
    its own. Two that saw nothing in the noise would not make a third see more.
    """
    if settle(launches, at).verdict is not Verdict.UNSURE:
        return False
    alone = [judge(launch, at).verdict for launch in launches]
    return len(alone) < 2 or (len(alone) == 2 and set(alone) != {Verdict.UNSURE})


def _estimate(segments: Sequence[Segment]) -> Estimate:
    estimate = combine([_log_ratios(segment) for segment in segments])
    launches = len({segment.launch for segment in segments})
    unseen = _LAUNCH_ERROR / math.sqrt(max(1, launches))
    return replace(estimate, error=math.hypot(estimate.error, unseen))


def _log_ratios(segment: Segment) -> NDArray[np.float64]:
    base = np.array([pair.base for pair in segment.pairs])
    head = np.array([pair.head for pair in segment.pairs])
    ratios: NDArray[np.float64] = np.log(head / base)
    return ratios


def _verdict(estimate: Estimate, at: Thresholds) -> Verdict:
    effect = math.log1p(at.min_effect)
    mean, error = estimate.mean, estimate.error
    if mean - Z99 * error > 0 and mean > effect:
        return Verdict.SLOWER
    if mean + Z99 * error < 0 and mean < -effect:
        return Verdict.FASTER
    if abs(mean) + Z95 * error < at.same_within * effect:
        return Verdict.SAME
    return Verdict.UNSURE


def _comparison(
    verdict: Verdict,
    estimate: Estimate,
    segments: Sequence[Segment],
    at: Thresholds,
    warnings: tuple[str, ...],
) -> Comparison:
    pairs = [pair for segment in segments for pair in segment.pairs]
    error = estimate.error if math.isfinite(estimate.error) else 10.0
    low, high = estimate.mean - Z975 * error, estimate.mean + Z975 * error
    return Comparison(
        verdict=verdict,
        # A longer step is a lower throughput: the signs and the ends of the interval turn round.
        change=math.expm1(-estimate.mean),
        low=math.expm1(-high),
        high=math.expm1(-low),
        base_seconds=float(np.median([pair.base for pair in pairs])) if pairs else 0.0,
        head_seconds=float(np.median([pair.head for pair in pairs])) if pairs else 0.0,
        detectable=_detectable(error, at),
        pairs=estimate.pairs,
        segments=len(segments),
        launches=len({segment.launch for segment in segments}),
        warnings=warnings,
    )


def _detectable(error: float, at: Thresholds) -> float:
    """Return the slowdown that data of this noise calls slower in 95 of 100 runs."""
    effect = math.log1p(at.min_effect)
    return math.expm1(max((Z99 + Z95) * error, effect + Z95 * error))
