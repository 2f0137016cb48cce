"""How large a change is, and whether the series slopes beside its steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .noise import Array, correlation
from .scan import Effect, effect, t_quantile, whiten, without
from .window import Series, Window

# So many values on each side of a change say how large it is, and so many its level.
_REACH, _LEVEL = 200, 30
# A trend is sought in so many of the newest values, needs so many, and this score.
_TREND_REACH, _TREND_FEWEST, _TREND_SCORE = 1_000, 30, 4.5


@dataclass(frozen=True, slots=True)
class Size:
    """Levels in the unit of the series; `change` relative, with its 95 % interval."""

    before: float
    after: float
    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A slow leak: a straight slope that no step explains.

    `change`: relative, from index `first` to the newest value, `low` to `high` its 95 % interval;
    `each`: the same per measured value. `score`: over its standard error, as a normal quantile.
    """

    first: int
    change: float
    low: float
    high: float
    each: float
    score: float


def size_of(
    series: Series, indices: Sequence[int], number: int, repeats: int, sloped: bool
) -> Size:
    """The size of the change `indices[number]`, from the values between its neighbours.

    Generalised least squares of a step, on values with outliers pulled in.
    """
    at = indices[number]
    start = max(indices[number - 1] if number else 0, at - _REACH)
    stops = (*indices, len(series.values))
    end = min(stops[number + 1], at + _REACH)
    seen = series.window((), end, repeats, end - start)
    middle = at - start
    before = float(np.median(seen.values[max(0, middle - _LEVEL) : middle]))
    robust = seen.robust.copy()
    if end - at < 4:
        robust[middle:] = seen.values[middle:]
    step = (np.arange(end - start) >= middle).astype(float)
    slopes = sloped and min(middle, end - at) >= _LEVEL
    columns = np.vstack((seen.columns, seen.line)) if slopes else seen.columns
    told = _effect(robust, columns, step)
    if told is None:
        size, wide = float(np.median(seen.values[middle:])) - before, math.inf
    else:
        size, wide = told.size, t_quantile(0.975, told.free) * told.error
    change, low, high = (_relative(seen, before, size + by) for by in (0.0, -wide, wide))
    level = math.exp(before) if seen.logs else before
    after = level * (1 + change) if math.isfinite(change) else level + size
    return Size(level, after, change, min(low, high), max(low, high))


def trend_of(series: Series, indices: Sequence[int], repeats: int, smallest: float) -> Trend | None:
    """The slope of the newest 1,000 values beside the changes, where it is more than noise.

    It is told from a score of 4.5 on, and where it sums up to twice the smallest change.
    """
    n = len(series.values)
    seen = series.window(indices, n, repeats, _TREND_REACH)
    if n - seen.start < _TREND_FEWEST or len(seen.columns) > (n - seen.start) // 3:
        return None
    told = _effect(seen.robust, seen.columns, seen.line)
    if told is None or told.score < _TREND_SCORE:
        return None
    size, wide = 2 * told.size, 2 * told.error * t_quantile(0.975, told.free)
    level = float(np.median(seen.values))
    change, low, high = (_relative(seen, level, size + by) for by in (0.0, -wide, wide))
    if not math.isfinite(change) or abs(change) < 2 * smallest:
        return None
    each = change / (n - 1 - seen.start)
    return Trend(seen.start, change, min(low, high), max(low, high), each, told.score)


def _effect(values: Array, columns: Array, column: Array) -> Effect | None:
    """The weight of one column beside others, under the correlation that the rest shows."""
    n = len(values)
    if n - len(columns) < 4:
        return None
    rest = without(whiten(values, columns, 0.0), column).rest
    phi = correlation(rest)
    return effect(whiten(values, columns, phi if phi > 1.3 / math.sqrt(n) else 0.0), column)


def _relative(seen: Window, before: float, size: float) -> float:
    if seen.logs:
        return math.expm1(size) if size < 700 else math.inf
    return size / before if before else math.copysign(math.inf, size)
