"""Arrays in, numbers out: a robust mean of paired log ratios and how far it can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# One-sided 5 % of the normal distribution.
Z95 = 1.645
# Each end of the sorted ratios that the mean leaves out; a preempted turn lies there.
TRIM = 0.2

# What a build of a test's state keeps of its own (where its memory lies), as standard deviation of
# the log ratio on identical code: 0.3 to 0.8 % in quiet, 1.7 % under load. The data of a few builds
# cannot tell, so that this counts as if three builds had shown it.
BUILD_SPREAD = 0.009
_PRIOR_WEIGHT = 3
# What a launch keeps although the state is built anew, and no data of that launch shows: measured
# where turns of 30 ms differ by 6 % from pair to pair. A machine that disturbs turns more than that
# also favours one of two processes for longer, in proportion.
LAUNCH_SPREAD = 0.003
_QUIET_NOISE, _QUIET_TURN = 0.06, 0.030
# Fewer builds than this, measured apart, say too little of how much such builds differ: with four,
# and builds that differ by 3 to 10 %, 1 to 2 % of simulated runs called identical code slower.
_FEWEST_APART = 8


@dataclass(frozen=True, slots=True)
class Build:
    """What was timed on one build of a test's state.

    `ratios` are the log ratios of step times (head over base) of its pairs of turns, one dimension;
    `launch` numbers the life of both processes that it belongs to; a turn took `turn_seconds`.
    `apart`: the sides did not take turns, but were measured in processes that lived one after the
    other, so that a pair is no pair of neighbours.
    """

    ratios: NDArray[np.float64]
    launch: int = 1
    turn_seconds: float = _QUIET_TURN
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of log ratios of step times (head over base) and its standard error.

    `freedom`: the degrees of freedom of the error, for `t_quantile`. `of_launches`: the part of the
    error (a standard error too) that only more launches make smaller, not more builds.
    """

    mean: float
    error: float
    freedom: int
    pairs: int
    of_launches: float = 0.0


def trimmed_mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 20 %-trimmed mean of `values` (one dimension) and its standard error.

    The error is Yuen's (Biometrika 61, 1974): the winsorised standard deviation over
    (1 - 2 * trim) * sqrt(n). It is infinite for fewer than four values.
    """
    n = len(values)
    if n < 4:
        return float(np.mean(values)) if n else 0.0, math.inf
    ordered = np.sort(values)
    cut = int(TRIM * n)
    mean = float(np.mean(ordered[cut : n - cut]))
    winsorised = np.clip(ordered, ordered[cut], ordered[n - cut - 1])
    error = float(np.std(winsorised, ddof=1)) / ((1 - 2 * TRIM) * math.sqrt(n))
    return mean, error


def combine(builds: Sequence[Build]) -> Estimate:
    """Estimate the log ratio from several builds of the state.

    A model of random effects (DerSimonian and Laird, Controlled Clinical Trials 7, 1986): builds
    differ by more than their pairs tell, by as much as they show or, while there are few, by
    `BUILD_SPREAD`; launches differ by `LAUNCH_SPREAD`, or by more on a noisy machine. Of sides that
    were measured apart nothing is known beforehand: there the builds alone tell.
    """
    pairs = sum(len(build.ratios) for build in builds)
    means = [trimmed_mean(build.ratios) for build in builds]
    told = [(*one, build) for one, build in zip(means, builds, strict=True) if one[1] < math.inf]
    if not told:
        return Estimate(0.0, math.inf, _PRIOR_WEIGHT, pairs)
    centres = np.array([mean for mean, _, _ in told])
    if any(build.apart for build in builds):
        return _of_apart(centres, pairs)
    variances = np.array([error**2 for _, error, _ in told])
    freedom = _PRIOR_WEIGHT + len(told) - 1
    centre = float(np.average(centres, weights=1 / (variances + BUILD_SPREAD**2)))
    shown = float(np.sum((centres - centre) ** 2)) - (len(told) - 1) * float(np.mean(variances))
    between = (_PRIOR_WEIGHT * BUILD_SPREAD**2 + max(0.0, shown)) / freedom
    weights = 1 / (variances + between)
    mean = float(np.average(centres, weights=weights))
    launches = len({build.launch for _, _, build in told})
    of_launches = _launch_spread([build for _, _, build in told]) / math.sqrt(launches)
    error = math.sqrt(1 / float(np.sum(weights)) + of_launches**2)
    return Estimate(mean, error, freedom, pairs, of_launches)


def foreseen(estimate: Estimate, builds: tuple[int, int], launches: tuple[int, int]) -> Estimate:
    """Return what an estimate becomes with more builds and launches, each given as (now, then).

    Only its error changes: more of the same noise is what is foreseen. How much noise there is, few
    pairs tell badly, and those that let a run end early tell too little of it: what counts is its
    upper limit with 90 % confidence (chi-squared, by Wilson and Hilferty's approximation), as if
    the pairs that are not trimmed had a normal distribution.
    """
    freedom = max(3.0, (1 - 2 * TRIM) * estimate.pairs - 1)
    third = 2 / (9 * freedom)
    least = (1 - third + NormalDist().inv_cdf(0.1) * math.sqrt(third)) ** 3
    error, of_launches = (one / math.sqrt(least) for one in (estimate.error, estimate.of_launches))
    of_builds = max(0.0, error**2 - of_launches**2) * builds[0] / builds[1]
    of_launches *= math.sqrt(launches[0] / launches[1])
    return replace(
        estimate,
        error=math.sqrt(of_builds + of_launches**2),
        freedom=estimate.freedom + builds[1] - builds[0],
        of_launches=of_launches,
    )


def _of_apart(centres: NDArray[np.float64], pairs: int) -> Estimate:
    """Estimate by Student's t over the builds' means: each had fresh processes of its own."""
    mean, freedom = float(np.mean(centres)), len(centres) - 1
    if len(centres) < _FEWEST_APART:
        return Estimate(mean, math.inf, max(freedom, _PRIOR_WEIGHT), pairs)
    error = float(np.std(centres, ddof=1)) / math.sqrt(len(centres))
    return Estimate(mean, error, freedom, pairs)


def _launch_spread(builds: Sequence[Build]) -> float:
    """Return by how much launches differ on a machine as noisy as this one."""
    noise = float(np.median([_noise(build) for build in builds])) / _QUIET_NOISE
    return float(LAUNCH_SPREAD * max(1.0, noise))


def _noise(build: Build) -> float:
    """Return the spread of pairs (robust standard deviation), as if turns took 30 ms."""
    low, high = np.quantile(build.ratios, [0.25, 0.75])
    return float(high - low) / 1.349 * math.sqrt(build.turn_seconds / _QUIET_TURN)


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution, for three degrees of freedom or more.

    Abramowitz and Stegun 26.7.5: within 1.5 % of the true value up to a probability of 0.9995, and
    from five degrees of freedom on up to 0.99975; smaller than it beyond that.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / (4 * freedom),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * freedom**4),
    )
    return math.fsum(terms)
