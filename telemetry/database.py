"""Opens the history's database: an SQLite file by default, any SQLAlchemy URL on request."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from .. import PerflintError
from .upgrade import bring_up_to_date, is_current

# How long a writer waits for another one before it gives up.
BUSY_SECONDS = 30
# Any number, the same in all that upgrade: PostgreSQL lets one of them at a time.
_UPGRADES = 0x7065_7266


class Database:
    """An open database of ours; a context manager. `name` is how people know it."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.name = name
        self._engine = engine
        self.upgraded_from: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self._engine.dialect.name == "sqlite"

    def prepare(self, *, create: bool) -> bool:
        """Bring it to the newest schema where that is needed; whether that was so.

        With `create`, an empty database is made one of ours.
        """
        if not create:
            with self.transaction() as connection:
                if is_current(connection):
                    return False
        with self.transaction(write=True) as connection:
            if not self.is_sqlite:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_UPGRADES})"))
            if is_current(connection):
                return False
            self.upgraded_from = bring_up_to_date(connection, self.name, create=create)
        return True

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """One transaction; what the database has to say against it is the user's to mend."""
        try:
            engine = self._engine.execution_options(writes=write)
            with engine.begin() as connection:
                yield connection
        except sa.exc.IntegrityError:
            raise
        except sa.exc.DBAPIError as error:
            raise PerflintError(f"cannot use the history {self.name}: {error.orig}") from error

    def vacuum(self) -> None:
        """Give the space of what was deleted back to the disk."""
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("VACUUM")
        except sa.exc.DBAPIError as error:
            raise PerflintError(f"cannot vacuum the history {self.name}: {error.orig}") from error


def engine_of(where: str, *, create: bool) -> tuple[sa.Engine, str]:
    """Make the engine for a path or SQLAlchemy URL, and the name that shows no password."""
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
    elif engine.dialect.name != "postgresql":
        raise PerflintError(
            f"cannot use the history {name}: SQLite and PostgreSQL are what it can be kept in"
        )
    return engine, name or where


def _url(where: str) -> sa.URL:
    if "://" not in where:
        return sa.URL.create("sqlite", database=where)
    try:
        url = sa.make_url(where)
    except sa.exc.ArgumentError as error:
        # The text itself is left out: it may hold a password.
        raise PerflintError(
            "the store is neither a path nor a URL such as "
            "`postgresql+psycopg://user:password@host/database`"
        ) from error
    # What others call it, with the driver that our extra brings.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


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
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return
        if not connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        # IMMEDIATE: two writers that both read first would otherwise lock each other out.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
