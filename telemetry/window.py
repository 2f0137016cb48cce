"""The newest values of a series, as one look at it sees them: robust, and without what is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import CLIP, HALF, Array, period, pulled_in, robust_scale, running_median
from .scan import whiten

# So many values back reaches a look. More would find smaller steps, and mix in older noise.
WINDOW = 400
# Scales of the noise are taken anew after so many values.
_BLOCK = 32
# Lengths of what is compared with the values before it, to see whether a closer look is due.
_LENGTHS = (3, 5, 8, 12, 18, 27, 40, 60, 90, 128)
_ODD = 3.2
# Stands for what has no logarithm where only the size of a jump matters.
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Window:
    """Values `start` to `end` (without) of a series.

    `values`, shape (n,): as logarithms where `logs`, which all positive values are; `robust`: the
    same, with outliers pulled in. `columns`, shape (q, n): a constant, a column for each known
    change, and the repeated pattern.
    """

    start: int
    end: int
    values: Array
    robust: Array
    columns: Array
    logs: bool

    @property
    def level(self) -> float:
        """What a relative change is relative to, in the unit of `values`."""
        return 1.0 if self.logs else abs(float(np.median(self.values)))

    @property
    def line(self) -> Array:
        """A straight slope from -1 to 1, shape (n,)."""
        return np.linspace(-1, 1, self.end - self.start)


class Series:
    """All values of a series, with what every look at them shares."""

    def __init__(self, values: Array) -> None:
        self.values = values
        self.logs = np.log(np.maximum(values, _TINY))
        self._medians = running_median(values)
        self._log_medians = running_median(self.logs)

    def window(self, known: Sequence[int], end: int, repeats: int, most: int = WINDOW) -> Window:
        """The newest values before `end`, at most `most`.

        `known`: indices of changes. `repeats`: the period of a pattern, or 0. Nothing hangs on
        values from `end` on.
        """
        start = max(0, end - most)
        logs = bool((self.values[start:end] > 0).all())
        values = (self.logs if logs else self.values)[start:end]
        medians = (self._log_medians if logs else self._medians)[start:end].copy()
        if len(values) > 2 * HALF:
            medians[:HALF] = np.sort(values[: 2 * HALF + 1])[HALF]
            medians[-HALF:] = np.sort(values[-2 * HALF - 1 :])[HALF]
        else:
            medians[:] = np.median(values)
        columns = _columns(start, end, known, repeats)
        return Window(start, end, values, pulled_in(values, medians), columns, logs)

    def period(self, known: Sequence[int], end: int) -> int:
        """After how many values the noise before `end` repeats itself, or 0."""
        seen = self.window(known, end, 0)
        return period(whiten(seen.robust, np.vstack((seen.columns, seen.line)), 0.0).rest)

    def odd(self) -> NDArray[np.bool_]:
        """Whether a closer look is due when the series has this length, shape (n + 1,).

        Means of the newest 3 to 128 values against the mean of those before them; each looks at
        values before that length alone, so that more values change nothing.
        """
        n = len(self.values)
        rest = self.logs - running_median(self.logs)
        scale = np.full(n, math.inf)
        for start in range(_BLOCK, n, _BLOCK):
            past = rest[max(0, start - WINDOW) : start - HALF]
            scale[start : start + _BLOCK] = robust_scale(past)
        limit = CLIP * scale
        sums = np.concatenate(([0.0], np.cumsum(self.logs - rest + np.clip(rest, -limit, limit))))
        ends = np.arange(2 * _BLOCK, n + 1)
        last = ends - HALF
        odd = np.zeros(len(ends), dtype=bool)
        for length in _LENGTHS:
            cut = np.maximum(last - length, 1)
            start = np.minimum(np.maximum(ends - WINDOW, 0), cut - 1)
            after = (sums[last] - sums[cut]) / (last - cut)
            before = (sums[cut] - sums[start]) / (cut - start)
            error = scale[ends - 1] * np.sqrt(1 / (last - cut) + 1 / (cut - start))
            odd |= np.abs(after - before) > _ODD * error
        return np.concatenate((np.ones(min(2 * _BLOCK, n + 1), dtype=bool), odd))


def _columns(start: int, end: int, known: Sequence[int], repeats: int) -> Array:
    places = np.arange(start, end)
    parts = [np.ones(end - start)]
    parts += [(places >= index).astype(float) for index in known if start < index < end]
    if repeats and end - start >= 3 * repeats:
        parts += [(places % repeats == phase).astype(float) for phase in range(1, repeats)]
    return np.stack(parts)
