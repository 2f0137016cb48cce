"""Arrays in, numbers out: a robust mean of paired log ratios and how far it can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Each end of the sorted ratios that the mean leaves out; a preempted turn lies there.
TRIM = 0.2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of log ratios of step times (head over base) and its standard error."""

    mean: float
    error: float
    pairs: int


def trimmed_mean(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 20 %-trimmed mean of `values` (one dimension) and its standard error.

    The error is Yuen's (Biometrika 61, 1974): the winsorised standard deviation over
    (1 - 2 * trim) * sqrt(n). It is infinite for fewer than four values.
    """
    n = len(values)
    if n < 4:
        return float(np.mean(values)) if n else 0.0, float("inf")
    ordered = np.sort(values)
    cut = int(TRIM * n)
    mean = float(np.mean(ordered[cut : n - cut]))
    winsorised = np.clip(ordered, ordered[cut], ordered[n - cut - 1])
    error = float(np.std(winsorised, ddof=1)) / ((1 - 2 * TRIM) * float(np.sqrt(n)))
    return mean, error


def combine(segments: Sequence[NDArray[np.float64]]) -> Estimate:
    """Estimate the log ratio from several segments, one array of paired log ratios each.

    The error is the larger of what the pairs say and what the segments say: a bias that lasts a
    whole segment is invisible to its pairs.
    """
    filled = [segment for segment in segments if len(segment)]
    if not filled:
        return Estimate(0.0, float("inf"), 0)
    mean, error = trimmed_mean(np.concatenate(filled))
    if len(filled) >= 3:
        means = np.array([trimmed_mean(segment)[0] for segment in filled])
        error = max(error, float(np.std(means, ddof=1) / np.sqrt(len(means))))
    return Estimate(mean, error, sum(len(segment) for segment in filled))
