"""What the noise of a series is like: arrays in, numbers out. None is misled by a step."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Neighbours on each side of the running median: fewer than four odd values in a row never move it.
HALF = 3
# Values are pulled in to so many standard deviations from the running median.
CLIP = 2.5
# What a running median of seven leaves of the deviation of independent normal noise.
_LEFT_BY_MEDIAN = 0.88
# A pattern has to repeat three times, and to stand out by so much of the variance.
_REPEATS = 3
_STANDS_OUT = 0.25
_ERRORS = 6.0


def running_median(values: Array) -> Array:
    """The median of each value and three neighbours on each side, shape as `values`.

    At the ends, where neighbours are missing, the median of the outermost seven stands.
    """
    width = 2 * HALF + 1
    if len(values) < width:
        return np.full_like(values, np.median(values))
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    inner = np.sort(windows, axis=1)[:, HALF]
    return np.concatenate((np.full(HALF, inner[0]), inner, np.full(HALF, inner[-1])))


def robust_scale(rest: Array) -> float:
    """The standard deviation of noise, from what a running median leaves of it.

    1.4826 times the median of absolute values, which a half of wild values cannot move; where more
    than half are zero (a coarse clock), 1.2533 times their mean, the same for normal noise.
    """
    sizes = np.abs(rest)
    middle = float(np.partition(sizes, len(sizes) // 2)[len(sizes) // 2])
    scale = 1.4826 * middle if middle > 0 else 1.2533 * float(sizes.mean())
    return scale / _LEFT_BY_MEDIAN


def pulled_in(values: Array, medians: Array) -> Array:
    """`values` with outliers pulled in towards their running medians (Winsorised).

    A step stays what it is once four values show it; a lone spike keeps the weight of 2.5 standard
    deviations. Of normal noise 1.2 % of the values are touched.
    """
    rest = values - medians
    limit = CLIP * robust_scale(rest)
    return np.asarray(medians + np.clip(rest, -limit, limit))


def correlation(rest: Array) -> float:
    """How much a value keeps of the one before it: phi of AR(1) noise, within 0 and 0.95.

    The lag-1 correlation of residuals, with the bias of a short series given back, (1 + 4 phi) / n
    (Marriott and Pope 1954).
    """
    n = len(rest)
    power = float(rest @ rest)
    if n < 4 or power == 0:
        return 0.0
    phi = float(rest[1:] @ rest[:-1]) / power
    return min(max(phi + (1 + 4 * phi) / n, 0.0), 0.95)


def period(rest: Array) -> int:
    """After how many values the pattern in residuals repeats; 0 where none stands out.

    The first high peak of the autocorrelation, above the lowest lag before it by six of Bartlett's
    standard errors, and once more at twice the lag.
    """
    n = len(rest)
    longest = n // _REPEATS
    power = float(rest @ rest)
    if longest < 3 or power == 0:
        return 0
    spectrum = np.fft.rfft(rest, 1 << (2 * n - 1).bit_length())
    lags = np.fft.irfft(spectrum * spectrum.conj())[: 2 * longest + 1] / power
    lags *= n / (n - np.arange(len(lags)))
    near = min(float(lags[1]) ** 2, 0.9)
    least = max(_STANDS_OUT, _ERRORS * ((1 + near) / (1 - near) / n) ** 0.5)
    tried = lags[2 : longest + 1]
    lowest = np.minimum.accumulate(lags)[2 : longest + 1]
    high = (tried > np.maximum(least / 2, lowest + least)) & (
        tried >= np.maximum(lags[1:longest], lags[3 : longest + 2])
    )
    peaks = [
        lag
        for lag in (2 + np.flatnonzero(high)).tolist()
        if lags[2 * lag] > lags[lag : 2 * lag].min() + least
    ]
    highest = max((float(lags[lag]) for lag in peaks), default=0.0)
    return next((lag for lag in peaks if lags[lag] > 0.85 * highest), 0)
