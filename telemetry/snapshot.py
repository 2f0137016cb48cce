"""Reads a history as it is at one moment, a series at a time: for those who show all of it."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from .database import Database
from .record import Commit, Series
from .rows import read_series
from .tables import COMMIT, REPORT, RUN, SERIES

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Columns:
    """The values of a series on the main branch, in its order; all of one length.

    `runs` are numbers of runs; `lows` and `highs` are None where no interval is known.
    """

    positions: tuple[int, ...]
    runs: tuple[int, ...]
    values: tuple[float, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a run without its results; `has_report`: the whole report is kept."""

    number: int
    key: str
    repository: str
    base: str
    head: str
    created: str
    status: int
    link: str
    source: str
    has_report: bool


_NAMES = ("id", "key", "repository", "base", "head", "created", "status", "link", "source")
_HEADS = sa.select(*(RUN.c[name] for name in _NAMES), REPORT.c.run.is_not(None)).select_from(
    RUN.outerjoin(REPORT, REPORT.c.run == RUN.c.id)
)


_COLUMNS = (
    "SELECT position, run, value, low, high FROM point "
    "WHERE series = %d AND position > 0 ORDER BY position, run"
)


class Snapshot:
    """A history that nobody else's writing changes; made by `snapshot`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def series(self) -> dict[int, Series]:
        """Return all series by their numbers."""
        rows = self._connection.execute(sa.select(SERIES).order_by(SERIES.c.id)).mappings()
        return {row["id"]: read_series(row) for row in rows}

    def columns(self, series: int) -> Columns:
        """Return the values of a series."""
        # The driver's own rows: millions of SQLAlchemy's take as long again.
        cursor = self._connection.exec_driver_sql(_COLUMNS % series).cursor
        rows = cursor.fetchall() if cursor is not None else []
        return Columns(*zip(*rows, strict=True)) if rows else Columns((), (), (), (), ())

    def commits(self, repository: str) -> Iterator[Commit]:
        """Yield the commits of a main branch in order."""
        asked = sa.select(COMMIT.c.sha, COMMIT.c.position, COMMIT.c.at, COMMIT.c.subject)
        asked = asked.where(COMMIT.c.repository == repository).order_by(COMMIT.c.position)
        for row in self._connection.execute(asked.execution_options(yield_per=_ROWS_AT_ONCE)):
            yield Commit(*row)

    def last_places(self) -> dict[str, int]:
        """Return the place of the last known commit of each repository's main branch."""
        asked = sa.select(COMMIT.c.repository, sa.func.max(COMMIT.c.position))
        rows = self._connection.execute(asked.group_by(COMMIT.c.repository))
        return dict([tuple(row) for row in rows])

    def heads(self) -> Iterator[Head]:
        """Yield the runs in the order of their numbers."""
        asked = _HEADS.order_by(RUN.c.id)
        for row in self._connection.execute(asked.execution_options(yield_per=_ROWS_AT_ONCE)):
            yield Head(*tuple(row))

    def newest(self, limit: int) -> list[Head]:
        """Return the newest runs, the newest first."""
        asked = _HEADS.order_by(RUN.c.created.desc(), RUN.c.key).limit(limit)
        return [Head(*tuple(row)) for row in self._connection.execute(asked)]

    def report(self, run: int) -> bytes | None:
        """Return the whole report of a run as JSON; None where it was not kept."""
        asked = sa.select(REPORT.c.content).where(REPORT.c.run == run)
        found = self._connection.execute(asked).scalar()
        return None if found is None else gzip.decompress(found)


@contextmanager
def snapshot(store: Database) -> Iterator[Snapshot]:
    """Open a history for reading: all that is asked of it is of the same moment."""
    with store.transaction() as connection:
        if not store.is_sqlite:  # SQLite reads so by itself
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield Snapshot(connection)
