"""Looks for changes in series that have new values, and keeps what it told of each."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from .changes import ChangePoint, Changes, State, find_changes
from .database import Database
from .record import Series
from .rows import read_series
from .sizes import Trend
from .tables import LOOK, POINT, SERIES


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a series for good, at a place on the main branch.

    The commits after `after_place`, up to the one at `place`, can have made it. `before` and
    `after` are levels in the unit of the series, `change` is relative, with its 95 % interval.
    """

    place: int
    after_place: int
    before: float
    after: float
    change: float
    low: float
    high: float
    p: float
    state: State


@dataclass(frozen=True, slots=True)
class Leak:
    """A slope from the commit at `place` to the newest, relative, with its 95 % interval."""

    place: int
    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Looked:
    """What was told of a series, its number in the store first."""

    number: int
    series: Series
    changes: tuple[Change, ...]
    leak: Leak | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What tells whether a series is as it was: rows, its last place, and its newest run."""

    points: int
    last: int
    newest: int


def look_again(store: Database) -> list[Looked]:
    """Look at each series that has other values than at the last look; return these.

    Where only values behind those known were added, only these are looked at. A value between them
    (a commit measured later) makes it look at all again.
    """
    with store.transaction(write=True) as connection:
        return [
            _look(connection, number, seen, before) for number, seen, before in _changed(connection)
        ]


def looks(store: Database) -> dict[int, Looked]:
    """Return what was told of each series at the last look, by the series' number."""
    asked = sa.select(LOOK.c.told, SERIES).join(SERIES, SERIES.c.id == LOOK.c.series)
    with store.transaction() as connection:
        return {
            row["id"]: _looked(row["id"], read_series(row), json.loads(row["told"]))
            for row in connection.execute(asked).mappings()
        }


def _changed(connection: sa.Connection) -> Iterator[tuple[int, _Seen, Any]]:
    """Yield the series that are not as they were, with the row of their last look, if any."""
    known = {row["series"]: row for row in connection.execute(sa.select(LOOK)).mappings()}
    counted = (
        sa.select(
            POINT.c.series,
            sa.func.count(),
            sa.func.max(POINT.c.position),
            sa.func.max(POINT.c.run),
        )
        .where(POINT.c.position > 0)
        .group_by(POINT.c.series)
    )
    there = set()
    for number, points, last, newest in connection.execute(counted).all():
        there.add(number)
        seen, row = _Seen(points, last, newest), known.get(number)
        if row is None or seen != _Seen(row["points"], row["last"], row["newest"]):
            yield number, seen, row
    for number in known.keys() - there:
        connection.execute(LOOK.delete().where(LOOK.c.series == number))


def _look(connection: sa.Connection, number: int, seen: _Seen, before: Any) -> Looked:
    asked = sa.select(POINT.c.position, POINT.c.value).where(
        POINT.c.series == number, POINT.c.position > 0
    )
    rows = connection.execute(asked.order_by(POINT.c.position)).all()
    places, values = [], []
    for place, own in groupby(rows, key=itemgetter(0)):
        places.append(place)
        values.append(statistics.median(value for _, value in own))
    earlier = None
    if before is not None:
        told = json.loads(before["told"])
        if _digest(values[: told["seen"]]) == before["digest"]:
            earlier = _changes_from(told["changes"])
    changes = find_changes(values, earlier=earlier)
    placed = [asdict(_placed(point, places)) for point in changes.points]
    leak = changes.trend and Leak(
        places[changes.trend.first], changes.trend.change, changes.trend.low, changes.trend.high
    )
    told = {
        "seen": changes.seen,
        "changes": asdict(changes),
        "placed": placed,
        "leak": asdict(leak) if leak else None,
    }
    row = {
        **asdict(seen),
        "digest": _digest(values),
        "told": json.dumps(told, default=lambda state: state.value),
    }
    connection.execute(LOOK.delete().where(LOOK.c.series == number))
    connection.execute(LOOK.insert(), {"series": number, **row})
    of_it = connection.execute(sa.select(SERIES).where(SERIES.c.id == number)).mappings().one()
    return _looked(number, read_series(of_it), json.loads(row["told"]))


def _placed(point: ChangePoint, places: list[int]) -> Change:
    return Change(
        place=places[point.index],
        after_place=places[point.index - 1],
        before=point.before,
        after=point.after,
        change=point.change,
        low=point.low,
        high=point.high,
        p=point.p,
        state=point.state,
    )


def _looked(number: int, series: Series, told: dict[str, Any]) -> Looked:
    changes = (Change(**{**one, "state": State(one["state"])}) for one in told["placed"])
    leak = Leak(**told["leak"]) if told["leak"] else None
    return Looked(number, series, tuple(changes), leak)


def _changes_from(told: dict[str, Any]) -> Changes:
    points = [ChangePoint(**{**one, "state": State(one["state"])}) for one in told["points"]]
    trend = Trend(**told["trend"]) if told["trend"] else None
    return replace(Changes((), trend, told["period"], told["seen"]), points=tuple(points))


def _digest(values: list[float]) -> str:
    return sha256(json.dumps(values).encode()).hexdigest()
