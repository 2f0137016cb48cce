"""Arrays in, numbers out: a robust mean of paired log ratios and how far it can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# Each end of the sorted ratios that the mean leaves out; a preempted turn lies there.
TRIM = 0.2

# What a build of a test's state keeps of its own (where its memory lies), as standard deviation of
# the log ratio on identical code: 0.3 to 0.8 % in quiet, 1.7 % under load. The data of a few builds
# cannot tell, so that this counts as if three builds had shown it.
BUILD_SPREAD = 0.010
_PRIOR_WEIGHT = 3
# What a launch keeps although the state is built anew, and no data of that launch shows.
LAUNCH_SPREAD = 0.003


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of log ratios of step times (head over base) and its standard error.

    `freedom`: the degrees of freedom of the error, for `t_quantile`.
    """

    mean: float
    error: float
    freedom: int
    pairs: int


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


def combine(builds: Sequence[NDArray[np.float64]], launches: Sequence[int]) -> Estimate:
    """Estimate the log ratio from several builds, one array of paired log ratios each.

    `launches` says for each build in which life of the processes it was. A model of random effects
    (DerSimonian and Laird, Controlled Clinical Trials 7, 1986): builds differ by more than their
    pairs tell, by as much as they show or, while there are few, by `BUILD_SPREAD`; so do launches.
    """
    told = [(trimmed_mean(build), launch) for build, launch in zip(builds, launches, strict=True)]
    told = [((mean, error), launch) for (mean, error), launch in told if math.isfinite(error)]
    pairs = sum(map(len, builds))
    if not told:
        return Estimate(0.0, math.inf, 1, pairs)
    means = np.array([mean for (mean, _), _ in told])
    variances = np.array([error**2 for (_, error), _ in told])
    freedom = _PRIOR_WEIGHT + len(means) - 1
    centre = float(np.average(means, weights=1 / (variances + BUILD_SPREAD**2)))
    shown = float(np.sum((means - centre) ** 2)) - (len(means) - 1) * float(np.mean(variances))
    between = (_PRIOR_WEIGHT * BUILD_SPREAD**2 + max(0.0, shown)) / freedom
    weights = 1 / (variances + between)
    mean = float(np.average(means, weights=weights))
    lives = len({launch for _, launch in told})
    error = math.sqrt(1 / float(np.sum(weights)) + LAUNCH_SPREAD**2 / lives)
    return Estimate(mean, error, freedom, pairs)


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution, for three degrees of freedom or more.

    Abramowitz and Stegun 26.7.5, within 3 % of the true value up to a probability of 0.9995.
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
