"""Reads of the history what exports write: the newest value of each series, or all values."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ..runners.sample import Environment
from .database import Database
from .record import Entry, Wanted
from .rows import read_series, read_value
from .tables import POINT, RUN, SERIES

_ROWS_AT_ONCE = 2000
_COLUMNS = (
    *(column for column in SERIES.c if column.name not in ("id", "key")),
    *(column for column in POINT.c if column.name not in ("series", "run")),
    RUN.c.head,
    RUN.c.created,
    RUN.c.link,
    RUN.c.environment,
)


def newest(database: Database, wanted: Wanted) -> list[Entry]:
    """Return the newest value of each series on the main branch, in the order of tests.

    With a commit, its newest values, wherever it is.
    """
    places, later = POINT.alias(), POINT.alias()
    of_run = sa.select(later.c.run).where(later.c.series == SERIES.c.id)
    if wanted.commit:
        its = RUN.alias()
        at_commit = of_run.join(its, its.c.id == later.c.run).where(its.c.head == wanted.commit)
        picked = POINT.c.run == _largest(at_commit, later.c.run)
    else:
        place = sa.select(places.c.position).where(places.c.series == SERIES.c.id)
        at_place = of_run.where(later.c.position == POINT.c.position)
        picked = sa.and_(
            POINT.c.position > 0,
            POINT.c.position == _largest(place, places.c.position),
            POINT.c.run == _largest(at_place, later.c.run),
        )
    asked = _asked(wanted).where(picked)
    order = (SERIES.c.repository, SERIES.c.test, SERIES.c.parameters, SERIES.c.metric, SERIES.c.id)
    with database.transaction() as connection:
        return [_entry(row) for row in connection.execute(asked.order_by(*order)).mappings()]


def everything(database: Database, wanted: Wanted) -> Iterator[Entry]:
    """Yield all values, series by series in the order of the main branch; few rows at a time.

    Those of commits that are not on it come first of their series.
    """
    asked = _asked(wanted).order_by(SERIES.c.id, POINT.c.position, POINT.c.run)
    with database.transaction() as connection:
        rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(asked)
        for row in rows.mappings():
            yield _entry(row)


def unplaced(database: Database, wanted: Wanted) -> int:
    """Count the series of which no value is on the main branch."""
    places = POINT.alias()
    on_it = sa.select(places.c.series).where(places.c.series == SERIES.c.id, places.c.position > 0)
    asked = _narrowed(sa.select(sa.func.count()).select_from(SERIES), wanted)
    with database.transaction() as connection:
        return int(connection.execute(asked.where(~on_it.exists())).scalar_one())


def commits_like(database: Database, start: str) -> list[str]:
    """Return the commits with runs whose hash begins so."""
    asked = sa.select(RUN.c.head).where(RUN.c.head.startswith(start, autoescape=True)).distinct()
    with database.transaction() as connection:
        return list(connection.execute(asked.order_by(RUN.c.head)).scalars())


def of_test(test: str) -> sa.ColumnElement[bool]:
    """Say which series are of a perf test: by its node id or its name, with parameters or not."""
    whole = SERIES.c.test + SERIES.c.parameters
    ends = whole.endswith(f"::{test}", autoescape=True)
    return sa.or_(whole == test, SERIES.c.test == test, ends)


def _asked(wanted: Wanted) -> sa.Select[Any]:
    of_all = sa.select(*_COLUMNS).select_from(
        SERIES.join(POINT, POINT.c.series == SERIES.c.id).join(RUN, RUN.c.id == POINT.c.run)
    )
    asked = _narrowed(of_all, wanted)
    return asked.where(RUN.c.head == wanted.commit) if wanted.commit else asked


def _narrowed(asked: sa.Select[Any], wanted: Wanted) -> sa.Select[Any]:
    if wanted.test:
        asked = asked.where(of_test(wanted.test))
    for column, value in (
        (SERIES.c.metric, wanted.metric),
        (SERIES.c.hardware, wanted.hardware),
        (SERIES.c.repository, wanted.repository),
    ):
        if value:
            asked = asked.where(column == value)
    return asked


def _largest(asked: sa.Select[Any], column: sa.ColumnElement[int]) -> sa.ScalarSelect[Any]:
    """The largest one found; both databases take it from the end of the points' key."""
    return asked.order_by(column.desc()).limit(1).scalar_subquery()


def _entry(row: Any) -> Entry:
    return Entry(read_series(row), read_value(row), row["link"], _environment(row["environment"]))


@lru_cache(maxsize=256)  # many values are of one run
def _environment(told: str | None) -> Environment | None:
    return None if told is None else Environment(**json.loads(told))
