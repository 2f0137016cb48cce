"""When a benchmark series changed for good, by how much, and between which points.

Pure: arrays in, frozen dataclasses out. docs/changes.md has the method and what it was measured on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import PerflintError
from .look import BETWEEN, LIGHT, STRICT, Found, Least, exact, look, sudden
from .noise import Array
from .scan import SURE
from .sizes import Size, Trend, size_of, trend_of
from .window import Series

# Fewer values tell nothing.
FEWEST = 6
# Larger values, infinite ones among them, are no measurement, and their squares no numbers.
LARGEST = 1e100
# Lengths of the series at which a look may confirm, and a pattern is sought: multiples of these.
_GRID, _PATTERN = 2, 64
# A confirmed change has so many values after it; so many where the place is not yet narrow.
_SETTLED, _NARROW, _LONG = 5, 4, 40


class State(Enum):
    """Whether the next points have borne a change out."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Which changes are worth telling.

    `smallest`: relative, 0.005 is 0.5 %. `of_noise`: as a part of the noise's own standard
    deviation. The larger of both holds. Exact counts are told by any change.
    """

    smallest: float = 0.005
    of_noise: float = 0.5


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change for good.

    `index`: the first value after it. `first` and `last`: it lies between them (both included) with
    95 % likelihood. `before`, `after`: the level on each side, in the unit of the series; `change`
    is after over before minus one, `low` to `high` its 95 % interval (infinite where `before` is
    zero). `score`: the size over its standard error, as a quantile of the normal distribution; `p`:
    how often noise alone would score that high at any of the places looked at, at most
    (Bonferroni). A confirmed change keeps its index, score and p whatever values are added; its
    levels and interval become more exact. A suspected one may move, or go.
    """

    index: int
    first: int
    last: int
    before: float
    after: float
    change: float
    low: float
    high: float
    score: float
    p: float
    state: State


@dataclass(frozen=True, slots=True)
class Changes:
    """What is told of a series.

    `points` by index. `trend`: a slope beside the steps, or None. `period`: after how many measured
    values the noise repeats, or 0. `seen`: how many values were looked at.
    """

    points: tuple[ChangePoint, ...]
    trend: Trend | None
    period: int
    seen: int


def find_changes(
    values: ArrayLike,
    *,
    settings: ChangeSettings = ChangeSettings(),
    earlier: Changes | None = None,
) -> Changes:
    """Tell the changes of a series, oldest first.

    `values`: shape (n,), in any unit, one for each commit in their order (of several runs at one
    commit give the median). NaN is a value that is missing: it is left out, and indices count it.
    Spacing in time does not matter.

    `earlier`: what was told of the first values of the same series, with the same settings. Then
    only what came since is looked at, and the answer is the same as without it.

    Raises PerflintError where `values` has another shape, is not of numbers, or holds a value
    beyond 1e100 (an infinite one), and where `earlier` has seen more values than there are.
    """
    data, places, total = _checked(values)
    if earlier is not None and earlier.seen > total:
        raise PerflintError(
            f"the earlier answer has seen {earlier.seen} values, and here are {total}: "
            "give it the same series, with newer values added"
        )
    if len(data) < FEWEST:
        return Changes((), None, 0, total)
    series = Series(data)
    least = Least(settings.smallest, settings.of_noise)
    known, seen, repeats = _resumed(earlier, places)
    repeats = _confirm(series, known, seen, repeats, least)
    told = [*known]
    while (found := _newest(series, told, repeats, least)) is not None:
        told.append(found)
    told += _between(series, told, repeats, least)
    told.sort(key=lambda found: found.index)
    indices = [found.index for found in told]
    trend = trend_of(series, indices, repeats, settings.smallest)
    points = tuple(
        _point(
            found,
            size_of(series, indices, number, repeats, trend is not None),
            State.CONFIRMED if found in known else State.SUSPECTED,
            places,
        )
        for number, found in enumerate(told)
    )
    if trend is not None:
        trend = replace(trend, first=int(places[trend.first]))
    return Changes(points, trend, repeats, total)


def _checked(values: ArrayLike) -> tuple[Array, NDArray[np.intp], int]:
    """The measured values, their indices, and how many there are with those that are missing."""
    try:
        data = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PerflintError(f"a series has to be of numbers: {error}") from error
    if data.ndim != 1:
        raise PerflintError(f"a series has one dimension, and this has {data.ndim}")
    beyond = np.flatnonzero(np.abs(data) > LARGEST)
    if len(beyond):
        at = int(beyond[0])
        raise PerflintError(f"value {at} of the series is {data[at]:g}: leave it out, or write NaN")
    places = np.flatnonzero(~np.isnan(data))
    return data[places], places, len(data)


def _resumed(earlier: Changes | None, places: NDArray[np.intp]) -> tuple[list[Found], int, int]:
    """What was confirmed, how many measured values were seen, and the period found in them."""
    if earlier is None:
        return [], 0, 0

    def measured(index: int) -> int:
        return int(np.searchsorted(places, index))

    known = [
        Found(
            measured(point.index), measured(point.first), measured(point.last), point.score, point.p
        )
        for point in earlier.points
        if point.state is State.CONFIRMED
    ]
    return known, measured(earlier.seen), earlier.period


def _confirm(series: Series, known: list[Found], seen: int, repeats: int, least: Least) -> int:
    """Add to `known` what the values from `seen` on confirm; return the period of the noise.

    Each length of the series is asked once, in order, and by the values before it alone: this is
    why an answer may be gone on from, and why what is confirmed stays.
    """
    odd = series.odd()
    indices = [found.index for found in known]
    for end in range(seen + 1, len(series.values) + 1):
        if end % _PATTERN == 0:
            repeats = series.period(indices, end)
        near = bool(odd[end]) and end % _GRID == 0
        while (found := _borne_out(series, indices, end, repeats, least, near)) is not None:
            known.append(found)
            indices.append(found.index)
    return repeats


def _borne_out(
    series: Series, known: Sequence[int], end: int, repeats: int, least: Least, near: bool
) -> Found | None:
    """The next change that the values before `end` confirm; `near`: whether to look closely."""
    found = exact(series, known, end)
    if found is not None:
        return found if found.score >= SURE else None
    if near:
        found = look(series, known, end, repeats, least, STRICT)
    if found is None or not _settled(found, end):
        return None
    # A smaller change may lie in front of it; the values up to this one have to tell it.
    smaller = look(series, known, found.index, repeats, least, STRICT)
    return smaller if smaller is not None and _settled(smaller, found.index) else found


def _settled(found: Found, end: int) -> bool:
    after = end - found.index
    return after >= _SETTLED and (found.last - found.first <= _NARROW or after >= _LONG)


def _newest(series: Series, told: Sequence[Found], repeats: int, least: Least) -> Found | None:
    """The next change after those told, on weaker grounds."""
    indices, end = [found.index for found in told], len(series.values)
    return (
        exact(series, indices, end)
        or look(series, indices, end, repeats, least, LIGHT)
        or sudden(series, indices, end, repeats, least)
    )


def _between(series: Series, told: Sequence[Found], repeats: int, least: Least) -> list[Found]:
    """Weaker changes in front of those told, which the values up to these tell."""
    indices = [found.index for found in told]
    return [
        found
        for number, index in enumerate(indices)
        if (found := look(series, indices[:number], index, repeats, least, BETWEEN)) is not None
    ]


def _point(found: Found, size: Size, state: State, places: NDArray[np.intp]) -> ChangePoint:
    return ChangePoint(
        index=int(places[found.index]),
        first=int(places[found.first]),
        last=int(places[found.last]),
        before=size.before,
        after=size.after,
        change=size.change,
        low=size.low,
        high=size.high,
        score=found.score,
        p=found.p,
        state=state,
    )
