"""Keeps runs in a database: an SQLite file by default, any SQLAlchemy URL on request."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from .. import PerflintError
from ..runners.sample import Environment
from ..runners.verdict.compare import Verdict
from .record import StoredCount, StoredPeak, StoredPoint, StoredRun, StoredTime, pack, unpack

# What each version changed:
# 1: the first.
SCHEMA_VERSION = 1

# How long a writer waits for another one before it gives up.
BUSY_SECONDS = 30

TABLES = sa.MetaData()

VERSION = sa.Table("schema_version", TABLES, sa.Column("version", sa.Integer, primary_key=True))

RUN = sa.Table(
    "run",
    TABLES,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("created", sa.String(40), nullable=False, index=True),
    sa.Column("base", sa.String(64), nullable=False),
    sa.Column("head", sa.String(64), nullable=False, index=True),
    sa.Column("perflint", sa.String(40), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("environment", sa.Text),  # JSON; None where nothing ran
)

POINT = sa.Table(
    "point",
    TABLES,
    sa.Column("run", sa.String(64), sa.ForeignKey("run.key"), primary_key=True),
    sa.Column("test", sa.String(500), primary_key=True),
    sa.Column("name", sa.String(500), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("items", sa.Double, nullable=False),
    sa.Column("unit", sa.String(100), nullable=False),
    sa.Column("change", sa.Double),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("base_seconds", sa.Double),
    sa.Column("head_seconds", sa.Double),
    sa.Column("peak_device", sa.String(40)),
    sa.Column("base_peak", sa.BigInteger),
    sa.Column("head_peak", sa.BigInteger),
    sa.Column("segments", sa.Text, nullable=False),  # JSON: [[launch, [[base, head], ...]], ...]
)

COUNT = sa.Table(
    "count",
    TABLES,
    sa.Column("run", sa.String(64), primary_key=True),
    sa.Column("test", sa.String(500), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("base", sa.BigInteger, nullable=False),
    sa.Column("head", sa.BigInteger, nullable=False),
    sa.Column("over_budget", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["run", "test"], ["point.run", "point.test"]),
)


class Store:
    """A database of runs; made by `open_store`, used as a context manager."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.name = name
        self._engine = engine

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._engine.dispose()

    def prepare(self, *, create: bool) -> None:
        """Check that the database is a history of ours; with `create`, make one of an empty one."""
        with self._transaction(write=create) as connection:
            names = sa.inspect(connection).get_table_names()
            if not names and create:
                TABLES.create_all(connection)
                connection.execute(VERSION.insert().values(version=SCHEMA_VERSION))
                return
            if VERSION.name not in names:
                raise PerflintError(
                    f"{self.name} is a database, but no history of perflint: name another one"
                )
            version = connection.execute(sa.select(VERSION.c.version)).scalar()
        if version != SCHEMA_VERSION:
            raise PerflintError(
                f"the history {self.name} has schema version {version}, this perflint reads and "
                f"writes {SCHEMA_VERSION}: use the perflint that made it, or name another store"
            )

    def add(self, run: StoredRun) -> bool:
        """Store `run` as a whole or not at all; False where it was stored before."""
        try:
            with self._transaction(write=True) as connection:
                stored = sa.select(RUN.c.key).where(RUN.c.key == run.key)
                if connection.execute(stored).first():
                    return False
                _insert(connection, run)
        except sa.exc.IntegrityError:
            # Where the database lets two writers in at once, the other one was faster.
            with self._transaction() as connection:
                if connection.execute(stored).first():
                    return False
            raise
        return True

    def runs(self, *, test: str | None = None, limit: int | None = None) -> tuple[StoredRun, ...]:
        """Return the newest runs; with `test`, those that hold it, and of them only its points."""
        newest = sa.select(RUN).order_by(RUN.c.created.desc(), RUN.c.key).limit(limit)
        if test is not None:
            newest = newest.where(RUN.c.key.in_(sa.select(POINT.c.run).where(_called(test))))
        with self._transaction() as connection:
            return tuple(
                _run(row, _points(connection, row["key"], test))
                for row in connection.execute(newest).mappings().all()
            )

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """One transaction; what the database has to say against it is the user's to mend."""
        try:
            engine = self._engine.execution_options(writes=write)
            with engine.begin() as connection:
                yield connection
        except sa.exc.IntegrityError:
            raise
        except sa.exc.DBAPIError as error:
            raise PerflintError(f"cannot use the history {self.name}: {error.orig}") from error


def open_store(where: str, *, create: bool = False) -> Store:
    """Open the history at a path or SQLAlchemy URL; with `create`, make it where there is none."""
    url = _url(where)
    name = url.database if url.drivername == "sqlite" else url.render_as_string(hide_password=True)
    if url.drivername == "sqlite" and url.database:
        _check_file(Path(url.database), create=create)
    try:
        engine = sa.create_engine(url)
    except sa.exc.ArgumentError as error:
        raise PerflintError(f"cannot use the history {name}: {error}") from error
    except ModuleNotFoundError as error:
        raise PerflintError(
            f"cannot use the history {name}: its driver is missing: pip install {error.name}"
        ) from error
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine)
    store = Store(engine, name or where)
    try:
        store.prepare(create=create)
    except BaseException:
        engine.dispose()
        raise
    return store


def _url(where: str) -> sa.URL:
    if "://" not in where:
        return sa.URL.create("sqlite", database=where)
    try:
        return sa.make_url(where)
    except sa.exc.ArgumentError as error:
        # The text itself is left out: it may hold a password.
        raise PerflintError(
            "the store is neither a path nor a URL such as "
            "`postgresql+psycopg://user:password@host/database`"
        ) from error


def _check_file(file: Path, *, create: bool) -> None:
    if file.is_dir():
        raise PerflintError(f"cannot use the history {file}: it is a folder; name a file in it")
    if create:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PerflintError(
                f"cannot make the folder {file.parent}: {error.strerror}"
            ) from error
    elif not file.exists():
        raise PerflintError(
            f"there is no history at {file}: `perflint history add REPORT.json` starts one"
        )


def _set_up_sqlite(engine: sa.Engine) -> None:
    """Let readers and one writer work at once, and begin transactions when we say so."""

    @sa.event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        # The driver would begin a transaction only before the first INSERT: too late for us.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_SECONDS}")
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        # IMMEDIATE: two writers that both read first would otherwise lock each other out.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _insert(connection: sa.Connection, run: StoredRun) -> None:
    environment = None if run.environment is None else json.dumps(asdict(run.environment))
    connection.execute(
        RUN.insert().values(
            key=run.key,
            created=run.created,
            base=run.base,
            head=run.head,
            perflint=run.perflint,
            status=run.status,
            environment=environment,
        )
    )
    for position, point in enumerate(run.points):
        connection.execute(POINT.insert().values(run=run.key, position=position, **_row(point)))
        for count in point.counts:
            connection.execute(COUNT.insert().values(run=run.key, test=point.test, **asdict(count)))


def _row(point: StoredPoint) -> dict[str, object]:
    time = {} if point.time is None else asdict(point.time)
    peak = {}
    if point.peak is not None:
        peak = {
            "peak_device": point.peak.device,
            "base_peak": point.peak.base,
            "head_peak": point.peak.head,
        }
    return {
        "test": point.test,
        "name": point.name,
        "verdict": point.verdict.value,
        "items": point.items,
        "unit": point.unit,
        "segments": pack(point.segments),
        **time,
        **peak,
    }


def _called(test: str) -> sa.ColumnElement[bool]:
    return sa.or_(POINT.c.test == test, POINT.c.name == test)


def _run(row: Any, points: tuple[StoredPoint, ...]) -> StoredRun:
    text = row["environment"]
    return StoredRun(
        base=row["base"],
        head=row["head"],
        created=row["created"],
        perflint=row["perflint"],
        status=row["status"],
        environment=None if text is None else Environment(**json.loads(text)),
        points=points,
    )


def _points(connection: sa.Connection, run: str, test: str | None) -> tuple[StoredPoint, ...]:
    of_run = sa.select(POINT).where(POINT.c.run == run).order_by(POINT.c.position)
    if test is not None:
        of_run = of_run.where(_called(test))
    counts: dict[str, list[StoredCount]] = {}
    of_counts = sa.select(COUNT).where(COUNT.c.run == run).order_by(COUNT.c.name)
    for row in connection.execute(of_counts).mappings():
        count = StoredCount(row["name"], row["base"], row["head"], row["over_budget"])
        counts.setdefault(row["test"], []).append(count)
    rows = connection.execute(of_run).mappings().all()
    return tuple(_point(row, tuple(counts.get(row["test"], ()))) for row in rows)


def _point(row: Any, counts: tuple[StoredCount, ...]) -> StoredPoint:
    time = [row[name] for name in ("change", "low", "high", "base_seconds", "head_seconds")]
    peak = [row[name] for name in ("peak_device", "base_peak", "head_peak")]
    return StoredPoint(
        test=row["test"],
        verdict=Verdict(row["verdict"]),
        items=row["items"],
        unit=row["unit"],
        time=None if None in time else StoredTime(*time),
        peak=None if None in peak else StoredPeak(*peak),
        counts=counts,
        segments=unpack(row["segments"]),
    )
