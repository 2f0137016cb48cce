"""One look at the newest values of a series: whether there is one more change, and where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .noise import Array, correlation
from .scan import SURE, Fit, Whitened, best_step, normal, whiten, without
from .window import Series, Window

# How many values a change needs on each side; fewer after it are seen by `sudden`, fewer before it
# by `exact`. A first change needs more before it, since the noise has to be known.
_FEWEST = 4
_FIRST = 5
# How many of the newest values `sudden` asks of, and how many it needs before them.
_NEWEST = 8
_BEFORE = 8
# A quick look that scores less than this ends there.
_QUICK = 3.2


@dataclass(frozen=True, slots=True)
class Caution:
    """How much a look wants before it tells a change; scores are normal quantiles.

    `score`: for a change in the middle of what is seen; `edge`: how much more nearer to an end,
    where there are more places that noise may favour (Dümbgen and Spokoiny 2001), as a part of
    theirs. `margin`: by how much a step has to fit better than a straight slope, in squares over
    the variance. `errors`: how many standard errors of the correlation are added to it, with
    `prior` / n. `agreed`: whether the place has to be the same with and without a slope.
    """

    score: float
    edge: float
    margin: float
    errors: float
    prior: float
    agreed: bool


# For what is told and may be taken back: simulated series of 300 without a step are told one in
# less than 5 of 100, AR(1) noise of 0.6 among them.
LIGHT = Caution(score=3.6, edge=0.6, margin=0.0, errors=0.0, prior=0.0, agreed=False)
# The same in front of a clearer change, for which more looks are taken.
BETWEEN = replace(LIGHT, score=4.2)
# For what is told for good: asked anew of every length of a series.
STRICT = Caution(score=5.0, edge=0.6, margin=10.0, errors=1.0, prior=3.0, agreed=True)
# What a jump among the newest values needs.
SUDDEN = 4.0
# A slope beside the step has to explain so much more, in squares over the variance.
_SLOPE = 10.0
# A slope that is weaker than this may be noise: what is found beside it needs a higher score.
_WEAK, _HANDICAP = 30.0, 0.5
# The places with and without a slope may differ by so much, and a slope may explain so much more.
_APART, _HARDLY = 5, 3.0


@dataclass(frozen=True, slots=True)
class Least:
    """The smallest change worth telling: relative, and as a part of the noise's deviation."""

    relative: float
    of_noise: float


@dataclass(frozen=True, slots=True)
class Found:
    """A change that a look found.

    `index`: the first value after it; `first`, `last`: the places that fit nearly as well; `score`:
    its size over its standard error, as a quantile of the normal distribution; `p`: how often noise
    alone would score so high at any place that was tried, at most (Bonferroni).
    """

    index: int
    first: int
    last: int
    score: float
    p: float


@dataclass(frozen=True, slots=True)
class _Choice:
    """A step, the series without all but the step, and whether both models say the same place."""

    base: Whitened
    fit: Fit
    agreed: bool


def look(
    series: Series, known: Sequence[int], end: int, repeats: int, least: Least, caution: Caution
) -> Found | None:
    """The clearest change before `end` and after the last known one."""
    seen = series.window(known, end, repeats)
    n = len(seen.robust)
    begun = max(known[-1] - seen.start, 0) if known else 0
    first, last = begun + (_FEWEST if known else _FIRST), n - _FEWEST
    if last < first or len(seen.columns) > n // 2:
        return None
    plain = whiten(seen.robust, seen.columns, 0.0)
    quick = best_step(plain, first, last)
    if quick is None or quick.score < _QUICK:
        return None
    sloped = without(plain, seen.line)
    choice = _choose(plain, sloped, quick, first, last, caution)
    rest = without(choice.base, (np.arange(n) >= choice.fit.index).astype(float)).rest
    phi = correlation(rest)
    worse = min(phi + caution.errors / math.sqrt(n) + caution.prior / n, 0.97)
    if phi < 1.3 / math.sqrt(n):
        phi = 0.0
    else:
        white = whiten(seen.robust, seen.columns, phi)
        fit = best_step(white, first, last)
        if fit is None:
            return None
        choice = _choose(white, without(white, seen.line), fit, first, last, caution)
        # The place by plain least squares: under AR(1) it is as often right, and no lone pulse
        # of the innovations moves it.
        simple = best_step(
            plain if choice.base is white else sloped, choice.fit.first, choice.fit.last
        )
        if simple is not None:
            choice = replace(choice, fit=replace(choice.fit, index=simple.index))
    fit = choice.fit
    score = fit.score * math.sqrt((1 - worse) / (1 + worse) * (1 + phi) / (1 - phi))
    shorter = min(fit.index, n - fit.index)
    rare = math.sqrt(2 * (1 + math.log(n / (2 * shorter)))) - math.sqrt(2)
    smallest = max(least.relative * seen.level, least.of_noise * float(rest.std()))
    if score < caution.score + caution.edge * rare or abs(fit.size) < smallest:
        return None
    if caution.agreed and not choice.agreed:
        return None
    at = seen.start
    return Found(
        fit.index + at, fit.first + at, fit.last + at, score, _chance(score, last - first + 1)
    )


def _choose(
    plain: Whitened, sloped: Whitened, step: Fit, first: int, last: int, caution: Caution
) -> _Choice:
    """The best step with or without a slope beside it, whichever the data ask for."""
    beside = best_step(sloped, first, last)
    if beside is None:
        return _Choice(plain, step, True)
    unit = beside.noise**2
    slope = plain.square - sloped.square
    alone = step.gain * step.noise**2
    more = slope + beside.gain * unit - alone
    agreed = abs(step.index - beside.index) <= _APART or more < _HARDLY * unit
    if more > _SLOPE * unit or slope > alone - caution.margin * unit:
        handicap = _HANDICAP if slope < _WEAK * unit else 0.0
        beside = replace(beside, score=max(beside.score - handicap, 0.0))
        return _Choice(sloped, beside, more > _SLOPE * unit or agreed)
    return _Choice(plain, step, agreed)


def sudden(
    series: Series, known: Sequence[int], end: int, repeats: int, least: Least
) -> Found | None:
    """A change among the newest values, such as no noise before it was like.

    Of one to eight values together: larger than 4 standard errors, larger by a tenth than as many
    neighbours ever were, and most of the values far on the same side.
    """
    seen = series.window(known, end, repeats)
    n = len(seen.values)
    begun = max(known[-1] - seen.start, 0) if known else 0
    newest = min(_NEWEST, n - begun - _BEFORE, n // 4)
    old = n - newest
    free = old - len(seen.columns)
    if newest < 1 or free < old // 2:
        return None
    fitted = _fitted(seen, old)
    rest = seen.values - fitted
    phi, noise = _past(seen.robust[:old] - fitted[:old], free)
    smallest = least.relative * seen.level
    best = None
    for count in range(1, newest + 1):
        sizes = _sizes(rest, phi, count)
        size = float(sizes[-1])
        same = rest[-count:] * math.copysign(1, size)
        before = np.abs(sizes[: old - count])
        if (
            size == 0.0
            or abs(size) < max(1.1 * float(before.max()), smallest)
            or float(np.median(same)) < 0.6 * abs(size)
            or float(same.min()) < 0.2 * abs(size)
        ):
            continue
        own = 1 + (count - 1) * (1 - phi) ** 2
        sure = noise <= 1e-9 * abs(size)
        score = SURE if sure else normal(size * size * own / noise**2, free)
        if score >= SUDDEN and (best is None or score >= best.score):
            best = Found(end - count, end - count, end - count, score, _chance(score, newest))
    return best


def _fitted(seen: Window, old: int) -> Array:
    """What the columns say of every value, fitted to the first `old` of them."""
    weights = np.linalg.lstsq(seen.columns[:, :old].T, seen.robust[:old], rcond=None)[0]
    return np.asarray(weights @ seen.columns)


def _past(rest: Array, free: int) -> tuple[float, float]:
    """The correlation of residuals, and the deviation of their innovations."""
    phi = correlation(rest)
    inner = rest[1:] - phi * rest[:-1]
    return phi, math.sqrt(float(inner @ inner) / free)


def _sizes(rest: Array, phi: float, count: int) -> Array:
    """The step at each place that fits the next `count` residuals best, shape (n - count,)."""
    inner = rest[1:] - phi * rest[:-1]
    pulse = inner[: len(inner) - count + 1]
    sums = np.concatenate(([0.0], np.cumsum(inner)))
    after = sums[count:] - sums[: len(sums) - count] - pulse
    return np.asarray((pulse + (1 - phi) * after) / (1 + (count - 1) * (1 - phi) ** 2))


def exact(series: Series, known: Sequence[int], end: int) -> Found | None:
    """A change of a count that had no noise so far: whole numbers, equal since the last change.

    `first` is `last`, and the score that of certainty; where only one value tells it, or few
    values lie before it, the score is lower.
    """
    begun = known[-1] if known else 0
    values = series.values[begun:end]
    if len(values) < 4 or values[0] != math.floor(values[0]) or values[0] != values[2]:
        return None
    others = np.flatnonzero(values != values[0])
    if not len(others) or others[0] < 3:
        return None
    before, after = int(others[0]), len(values) - int(others[0])
    new = values[before]
    if new != math.floor(new) or (values[before : before + 3] != new).any():
        return None
    settled = after >= 3 or (after == 2 and before >= 5)
    index = begun + before
    score = SURE if settled else SUDDEN
    return Found(index, index, index, score, _chance(score, 1))


def _chance(score: float, places: int) -> float:
    """Both tails of the normal distribution beyond `score`, for so many places."""
    return min(1.0, places * math.erfc(score / math.sqrt(2)))
