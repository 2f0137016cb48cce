"""Keeps runs, the series that their values make up, and the commits in their order."""

import gzip
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from .database import Database, engine_of
from .extract import of_test
from .readings import READINGS_VERSION, readings, series_of
from .record import Commit, Series, Source, Stock, StoredPoint, StoredRun, Value
from .rows import (
    count_rows,
    point_row,
    read_count,
    read_result,
    read_run,
    read_series,
    read_value,
    result_row,
    run_row,
)
from .tables import COMMIT, COUNT, LOOK, POINT, REPORT, RESULT, RUN, SERIES

_MAINLINE = RUN.outerjoin(
    COMMIT, sa.and_(COMMIT.c.repository == RUN.c.repository, COMMIT.c.sha == RUN.c.head)
)


class Store(Database):
    """A database of runs; made by `open_store`, used as a context manager."""

    def add(self, run: StoredRun, report: bytes | None = None) -> bool:
        """Store `run` as a whole or not at all; False where it was stored before.

        `report` is the whole report as JSON, for those who want to look at it later.
        """
        with self.transaction(write=True) as connection:
            known = sa.select(RUN.c.id).where(RUN.c.key.in_([run.key, run.first_key]))
            if connection.execute(known).first():
                return False
            number = self._number_of(connection, run)
            if number is None:
                return False  # another writer was faster
            for position, point in enumerate(run.points):
                connection.execute(RESULT.insert(), result_row(number, position, point))
                if rows := count_rows(number, point):
                    connection.execute(COUNT.insert(), rows)
            if report is not None:
                packed = gzip.compress(report, mtime=0)
                connection.execute(REPORT.insert(), {"run": number, "content": packed})
            self._add_points(connection, number, run)
        return True

    def place(self, repository: str, commits: Iterable[Commit]) -> int:
        """Say in which order the commits of a main branch are; return how many points that moved.

        `commits` reach to its tip without a gap. What was stored of a commit before it was known to
        be there gets its place now; commits that a forced push has taken off lose theirs.
        """
        rows = [
            {
                "repository": repository,
                "sha": one.sha,
                "position": one.position,
                "at": one.at,
                "subject": one.subject[:200],
            }
            for one in commits
        ]
        if not rows:
            return 0
        with self.transaction(write=True) as connection:
            gone = COMMIT.delete().where(COMMIT.c.repository == repository)
            connection.execute(gone.where(COMMIT.c.position >= rows[0]["position"]))
            for start in range(0, len(rows), 1000):
                adding = self._insert(COMMIT)
                changed = {name: adding.excluded[name] for name in ("position", "at", "subject")}
                key = [COMMIT.c.repository, COMMIT.c.sha]
                connection.execute(
                    adding.on_conflict_do_update(index_elements=key, set_=changed),
                    rows[start : start + 1000],
                )
            place = (
                sa.select(COMMIT.c.position)
                .select_from(_MAINLINE)
                .where(RUN.c.id == POINT.c.run)
                .scalar_subquery()
            )
            of_it = sa.select(RUN.c.id).where(RUN.c.repository == repository)
            moving = POINT.update().where(
                POINT.c.run.in_(of_it), sa.func.coalesce(place, 0) != POINT.c.position
            )
            moved = connection.execute(moving.values(position=sa.func.coalesce(place, 0)))
        return moved.rowcount

    def unplaced(self, repository: str) -> list[str]:
        """Return the commits with results that are not known to be on the main branch."""
        asked = sa.select(RUN.c.head).select_from(_MAINLINE).distinct()
        asked = asked.where(RUN.c.repository == repository, COMMIT.c.sha.is_(None))
        with self.transaction() as connection:
            return list(connection.execute(asked.order_by(RUN.c.head)).scalars())

    def measured(self, repository: str, source: Source) -> set[tuple[str, str]]:
        """Return base and head of the runs that come from there."""
        asked = sa.select(RUN.c.base, RUN.c.head).where(
            RUN.c.repository == repository, RUN.c.source == source.value
        )
        with self.transaction() as connection:
            return {(base, head) for base, head in connection.execute(asked)}

    def last_place(self, repository: str) -> int:
        """Return the place of the last known commit of a main branch, 0 where none is known."""
        asked = sa.select(sa.func.max(COMMIT.c.position)).where(COMMIT.c.repository == repository)
        with self.transaction() as connection:
            return connection.execute(asked).scalar() or 0

    def commits(self, repository: str, first: int = 1, last: int | None = None) -> list[Commit]:
        """Return the commits of a main branch from one place to another, in order."""
        asked = sa.select(COMMIT).where(
            COMMIT.c.repository == repository, COMMIT.c.position >= first
        )
        if last is not None:
            asked = asked.where(COMMIT.c.position <= last)
        with self.transaction() as connection:
            rows = connection.execute(asked.order_by(COMMIT.c.position)).mappings()
            return [Commit(row["sha"], row["position"], row["at"], row["subject"]) for row in rows]

    def series(self, *, test: str | None = None) -> dict[int, Series]:
        """Return all series by their numbers, or those of a perf test: its name or its node id."""
        asked = sa.select(SERIES).order_by(SERIES.c.id)
        if test is not None:
            asked = asked.where(of_test(test))
        with self.transaction() as connection:
            return {row["id"]: read_series(row) for row in connection.execute(asked).mappings()}

    def values(self, series: int, *, last: int | None = None) -> list[Value]:
        """Return the values of a series on the main branch, in its order, or the `last` of them."""
        asked = (
            sa.select(POINT, RUN.c.head, RUN.c.created)
            .join(RUN, RUN.c.id == POINT.c.run)
            .where(POINT.c.series == series, POINT.c.position > 0)
            .order_by(POINT.c.position.desc(), POINT.c.run.desc())
            .limit(last)
        )
        with self.transaction() as connection:
            return [read_value(row) for row in connection.execute(asked).mappings()][::-1]

    def runs(
        self, *, test: str | None = None, limit: int | None = None, head: str | None = None
    ) -> tuple[StoredRun, ...]:
        """Return the newest runs; with `test`, those that hold it, and of them only its points.

        With `head`, only those of that commit.
        """
        newest = sa.select(RUN).order_by(RUN.c.created.desc(), RUN.c.key).limit(limit)
        if head is not None:
            newest = newest.where(RUN.c.head == head)
        if test is not None:
            newest = newest.where(RUN.c.id.in_(sa.select(RESULT.c.run).where(_called(test))))
        with self.transaction() as connection:
            return tuple(
                read_run(row, _points(connection, row["id"], test))
                for row in connection.execute(newest).mappings().all()
            )

    def report(self, key: str) -> bytes | None:
        """Return the whole report of a run as JSON; None where it was not kept."""
        asked = sa.select(REPORT.c.content).join(RUN, RUN.c.id == REPORT.c.run)
        with self.transaction() as connection:
            found = connection.execute(asked.where(RUN.c.key == key)).scalar()
        return None if found is None else gzip.decompress(found)

    def stock(self) -> Stock:
        """Count what is stored."""
        raw = sa.select(sa.func.count(RESULT.c.run.distinct())).where(RESULT.c.segments != "[]")
        with self.transaction() as connection:
            runs, series, values = (
                connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (RUN, SERIES, POINT)
            )
            kept = connection.execute(raw).scalar_one()
            size = None
            if self.is_sqlite:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                size = pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return Stock(runs, series, values, kept, size)

    def forget(self, *, raw_before: str = "", runs_before: str = "", unplaced: str = "") -> Stock:
        """Delete raw times and reports, or whole runs, from before a moment (ISO 8601); "": none.

        `unplaced` is the moment for runs of commits that are not on the main branch. Returns what
        is stored then; `vacuum` gives the space back.
        """
        with self.transaction(write=True) as connection:
            gone = sa.select(RUN.c.id).select_from(_MAINLINE)
            whole = gone.where(
                sa.or_(
                    RUN.c.created < runs_before,
                    sa.and_(RUN.c.created < unplaced, COMMIT.c.sha.is_(None)),
                )
            ).scalar_subquery()
            # In this order: a database whose foreign keys are off keeps nothing that hangs loose.
            for table in (POINT, REPORT, COUNT, RESULT):
                connection.execute(table.delete().where(table.c.run.in_(whole)))
            connection.execute(RUN.delete().where(RUN.c.id.in_(whole)))
            old = sa.select(RUN.c.id).where(RUN.c.created < raw_before).scalar_subquery()
            connection.execute(RESULT.update().where(RESULT.c.run.in_(old)).values(segments="[]"))
            connection.execute(REPORT.delete().where(REPORT.c.run.in_(old)))
            used = sa.select(POINT.c.series).distinct().scalar_subquery()
            connection.execute(LOOK.delete().where(LOOK.c.series.not_in(used)))
            connection.execute(SERIES.delete().where(SERIES.c.id.not_in(used)))
        return self.stock()

    def refresh(self) -> int:
        """Make the points of runs anew whose readings are of an older version; return how many."""
        old = sa.select(RUN).where(RUN.c.readings < READINGS_VERSION)
        with self.transaction(write=True) as connection:
            rows = connection.execute(old).mappings().all()
            for row in rows:
                number = row["id"]
                connection.execute(POINT.delete().where(POINT.c.run == number))
                run = read_run(row, _points(connection, number, None))
                self._add_points(connection, number, run)
                done = RUN.update().where(RUN.c.id == number)
                connection.execute(done.values(readings=READINGS_VERSION))
        return len(rows)

    def _number_of(self, connection: sa.Connection, run: StoredRun) -> int | None:
        """Make the row of a run; None where another writer makes it, for whom this one waits."""
        row = run_row(run, READINGS_VERSION)
        if self.is_sqlite:  # nobody else writes meanwhile
            key = connection.execute(RUN.insert(), row).inserted_primary_key
            return int(key[0]) if key else None
        making = postgresql.insert(RUN).on_conflict_do_nothing().returning(RUN.c.id)
        made: int | None = connection.execute(making, row).scalar()
        return made

    def _add_points(self, connection: sa.Connection, number: int, run: StoredRun) -> None:
        place = sa.select(COMMIT.c.position).where(
            COMMIT.c.repository == run.repository, COMMIT.c.sha == run.head
        )
        position = connection.execute(place).scalar() or 0
        found = [
            (series_of(run, point, reading), reading)
            for point in run.points
            for reading in readings(point)
        ]
        numbers = self._series_numbers(connection, [series for series, _ in found])
        rows = {
            series.key: point_row(numbers[series.key], position, number, reading)
            for series, reading in found
        }
        if rows:
            connection.execute(POINT.insert(), list(rows.values()))

    def _series_numbers(
        self, connection: sa.Connection, wanted: Sequence[Series]
    ) -> dict[str, int]:
        by_key = {series.key: series for series in wanted}
        known = sa.select(SERIES.c.key, SERIES.c.id).where(SERIES.c.key.in_(by_key))
        numbers = dict([tuple(row) for row in connection.execute(known)])
        if missing := [one for key, one in by_key.items() if key not in numbers]:
            # Each writer in the same order, so that none of two waits for the other.
            missing.sort(key=lambda one: one.key)
            rows = [{"key": one.key, **_fields(one)} for one in missing]
            connection.execute(self._insert(SERIES).on_conflict_do_nothing(), rows)
            numbers = dict([tuple(row) for row in connection.execute(known)])
        return numbers

    def _insert(self, table: sa.Table) -> Any:
        return (sqlite if self.is_sqlite else postgresql).insert(table)


def open_store(where: str, *, create: bool = False) -> Store:
    """Open the history at a path or SQLAlchemy URL; with `create`, make it where there is none.

    One that an older perflint has made is brought to the newest schema, as a whole or not at all.
    """
    engine, name = engine_of(where, create=create)
    store = Store(engine, name)
    try:
        if store.prepare(create=create):
            store.refresh()
    except BaseException:
        engine.dispose()
        raise
    return store


def _fields(series: Series) -> dict[str, Any]:
    return {name: getattr(series, name) for name in Series.__dataclass_fields__}


def _called(test: str) -> sa.ColumnElement[bool]:
    return sa.or_(RESULT.c.test == test, RESULT.c.name == test)


def _points(connection: sa.Connection, run: int, test: str | None) -> tuple[StoredPoint, ...]:
    of_run = sa.select(RESULT).where(RESULT.c.run == run).order_by(RESULT.c.position)
    if test is not None:
        of_run = of_run.where(_called(test))
    counts: dict[str, list[Any]] = {}
    of_counts = sa.select(COUNT).where(COUNT.c.run == run).order_by(COUNT.c.name)
    for row in connection.execute(of_counts).mappings():
        counts.setdefault(row["test"], []).append(read_count(row))
    rows = connection.execute(of_run).mappings().all()
    return tuple(read_result(row, counts.get(row["test"], ())) for row in rows)
