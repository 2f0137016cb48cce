"""Where a step fits a series best, under correlated noise: arrays in, numbers out."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The score of a change without noise around it.
SURE = 40.0
# Noise of less than this part of the values is what rounding leaves.
_ROUNDING = 1e-10
# Places whose fit is worse by less than this are told as possible: -2 log 0.05, the 95 % set of
# likelihood ratios for the place of a step (Siegmund 1988).
_NEARLY = 6.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The best single step in a series.

    `index`: the first value after it. `size`: in the unit of the series, with its standard `error`.
    `gain`: by how much it lowers the sum of squares, over the variance of what is left. `score`:
    the size over its error, as a quantile of the normal distribution. `noise`: the deviation of
    what is left. `first`, `last`: the places that fit nearly as well.
    """

    index: int
    size: float
    error: float
    gain: float
    score: float
    noise: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Whitened:
    """A series without what nuisance columns explain, and without correlation.

    `rest`: shape (n,). `basis`: orthonormal columns of the nuisance, shape (q, n). `phi`: how much
    of a value stays in the next. `scale`: the largest value there was.
    """

    rest: Array
    basis: Array
    phi: float
    scale: float

    @property
    def square(self) -> float:
        """The sum of squares that is left."""
        return float(self.rest @ self.rest)


def whiten(values: Array, columns: Array, phi: float) -> Whitened:
    """Take AR(1) correlation out of the series and of its nuisance columns, then project.

    `values`: shape (n,); `columns`: shape (q, n).
    """
    none = np.empty((0, len(values)))
    white = Whitened(_innovations(values, phi), none, phi, float(np.abs(values).max()))
    for column in columns:
        white = without(white, column)
    return white


@dataclass(frozen=True, slots=True)
class Effect:
    """How much of one column a series holds, with its standard error.

    `score`: their ratio as a normal quantile, from `free` degrees of freedom.
    """

    size: float
    error: float
    score: float
    free: int


def effect(white: Whitened, column: Array) -> Effect | None:
    """What one more column, shape (n,), explains; None where it is none of its own."""
    own = without(white, column).basis[-1]
    length = float(own @ _innovations(column, white.phi))
    free = len(own) - len(white.basis) - 1
    if free < 1 or length < 1e-6:
        return None
    along = float(own @ white.rest)
    variance = max((white.square - along**2) / free, (_ROUNDING * white.scale) ** 2)
    if variance == 0:
        return None
    size, error = along / length, math.sqrt(variance) / length
    return Effect(size, error, min(normal((size / error) ** 2, free), SURE), free)


def without(white: Whitened, column: Array) -> Whitened:
    """The series without what one more nuisance column explains, shape (n,)."""
    vector, basis = _innovations(column, white.phi), white.basis
    for _ in range(min(len(basis), 2)):  # twice is enough (Giraud et al. 2005)
        vector = vector - (basis @ vector) @ basis
    vector = vector / math.sqrt(float(vector @ vector))
    rest = white.rest - float(vector @ white.rest) * vector
    return Whitened(rest, np.concatenate((basis, vector[None])), white.phi, white.scale)


def _innovations(values: Array, phi: float) -> Array:
    if phi == 0:
        return values
    out = values.copy()
    out[1:] -= phi * values[:-1]
    out[0] *= math.sqrt(1 - phi * phi)
    return out


def best_step(white: Whitened, first: int, last: int) -> Fit | None:
    """The step among the indices `first` to `last` (within) that explains most.

    Generalised least squares: under AR(1) a step is a pulse of its size in the innovations, and
    1 - phi of it from then on. Every place is tried, in closed form, from two running sums.
    """
    q, n = white.basis.shape
    free = n - q - 2
    if last < first or free < 1:
        return None
    keep = 1 - white.phi
    places = slice(first, last + 1)
    steps, shadow = _from_here(white.rest)[places], _from_here(white.basis)[:, places]
    if white.phi:
        steps = keep * steps + white.phi * white.rest[places]
        shadow = keep * shadow + white.phi * white.basis[:, places]
    lengths = 1 + keep * keep * np.arange(n - 1 - first, n - 2 - last, -1.0)
    own = lengths - np.einsum("ij,ij->j", shadow, shadow)
    own[own < 1e-6 * lengths] = math.inf
    gains = steps * steps / own
    best = int(gains.argmax())
    gain = float(gains[best])
    if gain <= n * (_ROUNDING * white.scale) ** 2:
        return None
    variance = max((white.square - gain) / free, (_ROUNDING * white.scale) ** 2)
    near = np.flatnonzero(gains >= gain - _NEARLY * variance)
    t2 = gain / variance
    return Fit(
        first + best,
        float(steps[best] / own[best]),
        math.sqrt(variance / own[best]),
        t2,
        min(normal(t2, free), SURE),
        math.sqrt(variance),
        first + int(near[0]),
        first + int(near[-1]),
    )


def _from_here(values: Array) -> Array:
    return np.asarray(np.cumsum(values[..., ::-1], axis=-1)[..., ::-1])


def normal(t2: float, free: int) -> float:
    """The normal quantile that is as rare as Student's t (Wallace 1959), from t squared."""
    return (8 * free + 1) / (8 * free + 3) * math.sqrt(free * math.log1p(t2 / free))


def t_quantile(probability: float, free: int) -> float:
    """The quantile of Student's t, above one half, by the inverse of `normal`: to 1 % from 2 on."""
    z = NormalDist().inv_cdf(probability) * (8 * free + 3) / (8 * free + 1)
    return math.sqrt(free * math.expm1(z * z / free))
