"""Judges paired step times: slower, faster, same or unsure. Numbers in, a Comparison out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..gpu.clocks import Rejected, rejected
from ..sample import Pair, Segment
from ..text.numbers import percent
from .compare import Comparison, Verdict
from .stats import (
    FEWEST_APART,
    Z95,
    Build,
    Estimate,
    by_builds,
    combine,
    foreseen,
    launches_agree,
    t_quantile,
)

# A difference is suspected from here on, in standard errors: fresh processes have to confirm it.
_SUSPICION = Z95

# Stands for a standard error (of a log ratio) that the data cannot tell: nothing is detectable.
_UNKNOWN_ERROR = 10.0
# Sides measured apart are looked at after each build without a further launch that has to agree:
# with this share of the error rate, less with each look after the first, a simulated run of
# identical code is called slower as rarely.
_APART_SHARE = 0.25
# By the builds alone a difference is hardly believed of fewer than these, and less with each look
# that follows. Simulated runs of identical code whose builds differ by 3 and 5 % are called slower
# in 0.6 and 1.8 % of runs this way; without it, in 5 and 7 %.
_ENOUGH_BUILDS, _SHARE_OF_FEWER = 6, 0.02


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a difference starts to matter, and how much data is wanted before anything is said.

    `min_effect` is relative to base's step time. A slowdown of `same_within` times that is what
    "same" has to rule out. `launches` have to agree on a difference, or two where it is
    `large_effect` times what matters or where there cannot be more. `min_pairs` are wanted for
    "same", `few_pairs` for a difference, which can be plain after few long steps. `tests` is how
    many verdicts the run gives in all: the more there are, the more evidence each of them needs
    (Bonferroni), so that the whole run keeps its error rate. `alarm_rate` is what one look at the
    data may call different by chance on identical code, `builds_alarm_rate` the same where the
    builds alone tell how far to trust them. `miss_odds` is how much likelier the data has to be
    without a slowdown than with one that matters (Wald's sequential test of the two, Annals of
    Mathematical Statistics 16, 1945); a speed-up may be missed more often, which lets runs without
    any end earlier.
    """

    min_effect: float = 0.02
    same_within: float = 1.5
    min_segments: int = 3
    min_pairs: int = 16
    few_pairs: int = 6
    launches: int = 3
    large_effect: float = 2.5
    tests: int = 1
    alarm_rate: float = 0.005
    builds_alarm_rate: float = 0.01
    miss_odds: float = 0.1
    miss_odds_faster: float = 0.45


def judge(segments: Sequence[Segment], at: Thresholds) -> Comparison:
    """Compare the sides over all segments: what the data says up to here, in any number of looks.

    "Slower" and "faster" need an estimate beyond `min_effect`, evidence against chance both by what
    is known of such machines and by what the builds show of themselves, and launches that agree,
    the last one alone too: a difference that lives in one launch is a property of that launch.
    Pairs that a GPU's clock has spoiled do not count. "Unsure" asks for more data.
    Thresholds apply to the log ratio of step times.
    """
    left, builds, usable, estimate = _read(segments)
    warnings = left.warnings
    if not usable:
        warnings = (*warnings, "some step times were not above zero: they do not count")
    verdict = Verdict.UNSURE if left.too_many else _verdict(estimate, builds, at)
    if verdict is Verdict.UNSURE and estimate.pairs < at.min_pairs:
        few = f"only {estimate.pairs} pairs in {len(segments)} segments: raise `max_seconds`"
        warnings = (*warnings, few)
    heavy = None if verdict is Verdict.UNSURE else _heavy(builds, at)
    if heavy is not None and heavy.contradicts(verdict):
        warnings = (*warnings, heavy.words)
        unsure = _comparison(Verdict.UNSURE, estimate, left.segments, builds, at, warnings)
        return replace(unsure, spoiled=True)
    told = _comparison(verdict, estimate, left.segments, builds, at, warnings)
    return replace(told, spoiled=left.too_many)


def settle(segments: Sequence[Segment], at: Thresholds) -> Comparison:
    """Judge a test when no more data comes; this is what is said aloud.

    What `judge` leaves open is "same" where the data rules out, with an error of 5 %, that a
    slowdown or a speed-up of `same_within` times `min_effect` is there.
    """
    so_far = judge(segments, at)
    if so_far.verdict is not Verdict.UNSURE:
        return so_far
    left, builds, _, estimate = _read(segments)
    within = abs(estimate.mean) + Z95 * estimate.error < _matters(at)
    enough = len(builds) >= at.min_segments and estimate.pairs >= at.min_pairs
    if within and enough and not left.too_many:
        if heavy := _heavy(builds, at):
            warnings = tuple(dict.fromkeys((*so_far.warnings, heavy.words)))
            return replace(so_far, warnings=warnings, spoiled=True)
        return replace(so_far, verdict=Verdict.SAME)
    alone = [combine(_of_launch(builds, number)) for number in launches_of(builds)]
    if len(alone) > 1 and any(_is_suspected(each, at) for each in alone):
        seen = ", ".join(percent(math.expm1(-each.mean)) for each in alone)
        suspected = [each.mean > 0 for each in alone if _is_suspected(each, at)]
        if len(suspected) == len(alone) and len(set(suspected)) == 1:
            warning = (
                f"fresh processes point the same way, {seen}, and that is too little to be sure: "
                "raise `max_seconds`"
            )
        else:
            warning = f"fresh processes did not confirm a difference: {seen}"
        return replace(so_far, warnings=(*so_far.warnings, warning))
    return so_far


def is_suspected(segments: Sequence[Segment], at: Thresholds) -> bool:
    """Whether the data hints at a difference that fresh processes should now confirm."""
    return _is_suspected(_read(segments)[-1], at)


def detectable_with(
    segments: Sequence[Segment], at: Thresholds, builds: int, launches: int
) -> float:
    """Return the slowdown that a run of so many builds and launches calls slower in 95 of 100 runs.

    Their noise is taken to be that of `segments`. It is never below what a run may end early on as
    "same": Wald's test lets a slowdown of s (log ratio) pass with a probability of
    `miss_odds` ** (2 * s / m - 1) where m is what matters; that is 5 % at the slowdown told.
    """
    _, found, _, now = _read(segments)
    passed = _matters(at) / 2 * (1 + math.log(0.05) / math.log(at.miss_odds))
    if not math.isfinite(now.error):
        return _detectable(_UNKNOWN_ERROR, now.freedom, _alarm_rate(found, at), at)
    have = len(launches_of(found))
    then = foreseen(now, (len(found), max(len(found), builds)), (have, max(have, launches)))
    told = _detectable(
        then.error, max(3, then.freedom), _strictest(builds, _alarm_rate(found, at), at), at
    )
    return max(told, math.expm1(passed))


@dataclass(frozen=True, slots=True)
class Heavy:
    """Turns of one side that took far longer than the others, so that they move its plain mean."""

    on_head: bool
    words: str

    def contradicts(self, verdict: Verdict) -> bool:
        """Whether the trimmed mean's verdict leaves out what these turns say."""
        agreeing = Verdict.SLOWER if self.on_head else Verdict.FASTER
        return verdict is not agreeing


def heavy_turns(ratios: NDArray[np.float64], effect: float) -> Heavy | None:
    """Find where the plain mean shows a difference that the trimmed one cannot; else None.

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
    words = (
        f"some turns of {side} took far longer than the others, and move the plain mean by "
        f"{math.expm1(abs(shift)):.0%}: some steps may do much more work than others, which this "
        "method cannot time"
    )
    return Heavy(shift > 0, words)


def _heavy(builds: Sequence[Build], at: Thresholds) -> Heavy | None:
    ratios = np.concatenate([build.ratios for build in builds])
    return heavy_turns(ratios, math.log1p(at.min_effect))


def _verdict(estimate: Estimate, builds: Sequence[Build], at: Thresholds) -> Verdict:
    if not math.isfinite(estimate.error) or estimate.pairs < at.few_pairs:
        return Verdict.UNSURE
    matters = _matters(at)
    # Wald's bound for the likelihood ratio of "by `matters`" and "not at all" (normal errors).
    reach = estimate.error**2 / matters
    upper = matters / 2 + reach * math.log(at.miss_odds)
    lower = matters / 2 + reach * math.log(at.miss_odds_faster)
    if -lower < estimate.mean < upper:
        return Verdict.SAME if estimate.pairs >= at.min_pairs else Verdict.UNSURE
    quantile = t_quantile(1 - _alarm_rate(builds, at), estimate.freedom)
    sign = math.copysign(1.0, estimate.mean)
    beyond = abs(estimate.mean) > max(math.log1p(at.min_effect), quantile * estimate.error)
    if not beyond or not _is_confirmed(builds, sign, at):
        return Verdict.UNSURE
    return Verdict.SLOWER if sign > 0 else Verdict.FASTER


def _is_confirmed(builds: Sequence[Build], sign: float, at: Thresholds) -> bool:
    """Whether fresh processes say the same; sides measured apart have fresh ones in each build."""
    if _are_apart(builds):
        return True
    numbers = launches_of(builds)
    shown = by_builds(builds)
    large = sign * shown.mean > at.large_effect * _matters(at)
    if len(numbers) < (2 if large else at.launches) or len(builds) < at.min_segments:
        return False
    last = combine(_of_launch(builds, numbers[-1]))
    error = last.error
    if math.isinf(error):  # a few long steps: their launch alone does not tell how far they spread
        error = shown.error * math.sqrt(len(builds) / len(_of_launch(builds, numbers[-1])))
    chance = t_quantile(1 - _builds_alarm_rate(len(builds), at), shown.freedom)
    return (
        sign * last.mean > Z95 * error
        and sign * shown.mean > chance * shown.error
        and launches_agree(builds)
    )


def _alarm_rate(builds: Sequence[Build], at: Thresholds) -> float:
    """What one look at the data may call different by chance."""
    rate = at.alarm_rate / at.tests
    if _are_apart(builds):
        return rate * _APART_SHARE * min(1.0, FEWEST_APART / len(builds))
    return rate


def _builds_alarm_rate(builds: int, at: Thresholds) -> float:
    """The same by the builds alone: less for very few, and less again the more often one looks."""
    share = _SHARE_OF_FEWER if builds < _ENOUGH_BUILDS else _ENOUGH_BUILDS / builds
    return at.builds_alarm_rate / at.tests * share


def _strictest(builds: int, apart: float, at: Thresholds) -> float:
    """The rarer of the two chances that a difference has to be beyond."""
    return min(apart, _builds_alarm_rate(max(builds, _ENOUGH_BUILDS), at))


def _are_apart(builds: Sequence[Build]) -> bool:
    return any(build.apart for build in builds)


def _matters(at: Thresholds) -> float:
    """The log ratio that "same" has to rule out."""
    return math.log1p(at.same_within * at.min_effect)


def _is_suspected(estimate: Estimate, at: Thresholds) -> bool:
    beyond = max(math.log1p(at.min_effect), _SUSPICION * estimate.error)
    return abs(estimate.mean) > beyond


def _read(segments: Sequence[Segment]) -> tuple[Rejected, list[Build], bool, Estimate]:
    """Return what the GPU's clock has left, the builds, whether all pairs are usable, the mean."""
    left = rejected(segments)
    builds, usable = _usable(left.segments)
    return left, builds, usable, combine(builds)


def _usable(segments: Sequence[Segment]) -> tuple[list[Build], bool]:
    """Return what each segment tells, and whether all its pairs could be used for that."""
    found = []
    usable = True
    for segment in segments:
        pairs = [(pair.base, pair.head) for pair in segment.pairs if _is_usable(pair)]
        usable = usable and len(pairs) == len(segment.pairs)
        times = np.array(pairs).reshape(-1, 2)
        ratios = np.log(times[:, 1] / times[:, 0])
        turns = segment.seconds / max(1, 2 * len(segment.pairs))
        build = Build(ratios, segment.launch, apart=segment.apart)
        found.append(replace(build, turn_seconds=turns) if turns else build)
    return found, usable


def _is_usable(pair: Pair) -> bool:
    return all(0 < seconds < math.inf for seconds in (pair.base, pair.head))


def launches_of(parts: Sequence[Segment] | Sequence[Build]) -> list[int]:
    """Return the numbers of the launches that there are, in their order."""
    return list(dict.fromkeys(part.launch for part in parts))


def _of_launch(builds: Sequence[Build], number: int) -> list[Build]:
    return [build for build in builds if build.launch == number]


def _comparison(
    verdict: Verdict,
    estimate: Estimate,
    segments: Sequence[Segment],
    builds: Sequence[Build],
    at: Thresholds,
    warnings: tuple[str, ...],
) -> Comparison:
    pairs = [pair for segment in segments for pair in segment.pairs if _is_usable(pair)]
    error = estimate.error if math.isfinite(estimate.error) else _UNKNOWN_ERROR
    half = t_quantile(0.975, max(3, estimate.freedom)) * error
    shown = by_builds(builds)
    if len(builds) >= at.min_segments and not _are_apart(builds) and math.isfinite(shown.error):
        # Whichever knows less of this test's builds.
        half = max(half, t_quantile(0.975, shown.freedom) * shown.error)
    return Comparison(
        verdict=verdict,
        # A longer step is a lower throughput: the signs and the ends of the interval turn round.
        change=math.expm1(-estimate.mean),
        low=math.expm1(-estimate.mean - half),
        high=math.expm1(-estimate.mean + half),
        base_seconds=float(np.median([pair.base for pair in pairs])) if pairs else 0.0,
        head_seconds=float(np.median([pair.head for pair in pairs])) if pairs else 0.0,
        detectable=_detectable(
            error,
            max(3, estimate.freedom),
            _strictest(len(builds), _alarm_rate(builds, at), at),
            at,
        ),
        pairs=estimate.pairs,
        segments=len(segments),
        launches=len(launches_of(segments)),
        warnings=warnings,
    )


def _detectable(error: float, freedom: int, rate: float, at: Thresholds) -> float:
    """Return the slowdown that data of this noise calls slower in 95 of 100 runs."""
    needed = t_quantile(1 - rate, freedom) * error
    return math.expm1(max(needed, math.log1p(at.min_effect)) + Z95 * error)
