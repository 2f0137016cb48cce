"""Arrays in, numbers out: a robust mean of paired log ratios and how far it can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
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
# Pairs beyond one for each build that have to be there before their spread stands for all builds.
_FEWEST_POOLED = 3
# Fewer builds than this, measured apart, say too little of how much such builds differ: with four,
# and builds that differ by 3 to 10 %, 1 to 2 % of simulated runs called identical code slower.
FEWEST_APART = 8


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


def trimmed_mean(values: NDArray[np.float64] | Sequence[float]) -> tuple[float, float]:
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
    told = _told(builds)
    if not told:
        mean = float(np.mean(np.concatenate([build.ratios for build in builds]))) if pairs else 0.0
        return Estimate(mean, math.inf, _PRIOR_WEIGHT, pairs)
    centres = np.array([one.mean for one in told])
    if any(build.apart for build in builds):
        return _of_apart(centres, pairs)
    variances = np.array([one.error**2 for one in told])
    freedom = _PRIOR_WEIGHT + len(told) - 1
    centre = float(np.average(centres, weights=1 / (variances + BUILD_SPREAD**2)))
    shown = float(np.sum((centres - centre) ** 2)) - (len(told) - 1) * float(np.mean(variances))
    between = (_PRIOR_WEIGHT * BUILD_SPREAD**2 + max(0.0, shown)) / freedom
    weights = 1 / (variances + between)
    mean = float(np.average(centres, weights=weights))
    launches = len({one.launch for one in told})
    of_launches = _launch_spread(builds) / math.sqrt(launches)
    error = math.sqrt(1 / float(np.sum(weights)) + of_launches**2)
    return Estimate(mean, error, freedom, pairs, of_launches)


def by_builds(builds: Sequence[Build]) -> Estimate:
    """Estimate the log ratio by what the builds and launches themselves show of their spread.

    A random effects model with Hartung and Knapp's error (Statistics in Medicine 20, 2001): how far
    the builds' means lie from each other, against what was expected of them, scales the error, and
    Student's t has a degree of freedom for each. What was expected weighs as one build more.
    `combine` trusts that for longer and so needs fewer builds, but where a test's builds differ by
    several percent it is too sure: at 3 %, 5 % of simulated runs called identical code slower.
    Launches count by as much as their means differ beyond what their builds explain, with
    `LAUNCH_SPREAD` as if two more of them had shown it.
    """
    pairs = sum(len(build.ratios) for build in builds)
    told = _told(builds)
    if not told:
        return Estimate(0.0, math.inf, 1, pairs)
    centres = np.array([one.mean for one in told])
    weights = 1 / (np.array([one.error**2 for one in told]) + BUILD_SPREAD**2)
    mean = float(np.average(centres, weights=weights))
    freedom = len(told)
    scale = (1 + float(np.sum(weights * (centres - mean) ** 2))) / freedom
    means, counts = _of_launches(told)
    shown = float(np.sum((means - np.mean(means)) ** 2))
    expected = scale / float(np.mean(weights)) * float(np.mean(1 / counts))
    shown = max(0.0, shown - (len(means) - 1) * expected)
    launch = (2 * _launch_spread(builds) ** 2 + shown) / (len(means) + 1)
    of_launches = math.sqrt(launch / len(means))
    error = math.sqrt(scale / float(np.sum(weights)) + of_launches**2)
    return Estimate(mean, error, freedom, pairs, of_launches)


def launches_agree(builds: Sequence[Build], error: float = 0.02) -> bool:
    """Whether the means of three launches or more are on one side of zero, by Student's t.

    They count by their number of builds. `error` is how often launches whose means have nothing in
    common would be said to agree. Two launches say nothing of their own spread: they always do.
    """
    means, counts = _of_launches(_told(builds))
    if len(means) < 3:
        return True
    mean = float(np.average(means, weights=counts))
    freedom = len(means) - 1
    variance = float(np.average((means - mean) ** 2, weights=counts)) / freedom
    return abs(mean) > t_quantile(1 - error, freedom) * math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class _Told:
    """What one build tells: a mean log ratio, and its standard error by its pairs alone."""

    mean: float
    error: float
    launch: int


def _told(builds: Sequence[Build]) -> list[_Told]:
    """Return what each build tells; those of which no error is known are left out.

    A build of fewer than four pairs, as of a step of seconds, borrows the spread of pairs from all
    builds together, where these have enough of them.
    """
    own = [trimmed_mean(build.ratios) for build in builds]
    rows = [build.ratios for build in builds if len(build.ratios)]
    freedom = sum(len(row) - 1 for row in rows)
    pooled = math.inf
    if freedom >= _FEWEST_POOLED:
        squares = sum(float(np.sum((row - np.mean(row)) ** 2)) for row in rows)
        pooled = math.sqrt(squares / freedom)
    told = []
    for (mean, error), build in zip(own, builds, strict=True):
        if not len(build.ratios):
            continue
        known = error if error < math.inf else pooled / math.sqrt(len(build.ratios))
        if known < math.inf:
            told.append(_Told(mean, known, build.launch))
    return told


def _of_launches(told: Sequence[_Told]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of each launch's builds, and how many builds that is."""
    numbers = dict.fromkeys(one.launch for one in told)
    rows = [[one.mean for one in told if one.launch == number] for number in numbers]
    return np.array([np.mean(row) for row in rows]), np.array([float(len(row)) for row in rows])


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
    if len(centres) < FEWEST_APART:
        return Estimate(mean, math.inf, max(freedom, _PRIOR_WEIGHT), pairs)
    error = float(np.std(centres, ddof=1)) / math.sqrt(len(centres))
    return Estimate(mean, error, freedom, pairs)


def _launch_spread(builds: Sequence[Build]) -> float:
    """Return by how much launches differ on a machine as noisy as this one."""
    noise = float(np.median([_noise(one) for one in builds if len(one.ratios)])) / _QUIET_NOISE
    return float(LAUNCH_SPREAD * max(1.0, noise))


def _noise(build: Build) -> float:
    """Return the spread of pairs (robust standard deviation), as if turns took 30 ms."""
    low, high = np.quantile(build.ratios, [0.25, 0.75])
    return float(high - low) / 1.349 * math.sqrt(build.turn_seconds / _QUIET_TURN)


@cache
def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution, for a probability of at least one half.

    By bisection of the distribution function, which for whole degrees of freedom is a finite sum
    (Abramowitz and Stegun 26.7.3 and 26.7.4).
    """
    low, high = 0.0, 1.0
    while _t_within(high, freedom) < 2 * probability - 1:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if _t_within(middle, freedom) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return high


def _t_within(t: float, freedom: int) -> float:
    """Return the probability that a value of Student's distribution lies within -t and t."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine2 = math.cos(angle) ** 2
    odd = freedom % 2
    # 1 + (1/2) cos² + (1*3)/(2*4) cos⁴ + ..., or cos (1 + (2/3) cos² + ...) where it is odd.
    term, total = 1.0, 0.0
    for number in range(1, (freedom - odd) // 2 + 1):
        total += term
        term *= cosine2 * (2 * number - 1 + odd) / (2 * number + odd)
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + math.sin(angle) * math.cos(angle) * total)
