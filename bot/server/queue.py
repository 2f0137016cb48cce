"""The durable queue: what came, what is to be done, and what could not be done, in SQLite.

One connection, which one thread uses (`writer.py`); every method is part of a transaction.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from ... import PerflintError
from .job import Commented, Job, lane_of, read_job, wait_of, write_job
from .quota import WINDOW_SECONDS, Allowed, Quotas, decide, spenders

# What each version changed:
# 1: the first.
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE deliveries (id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, at REAL NOT NULL)
    WITHOUT ROWID;
CREATE INDEX deliveries_at ON deliveries (at);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, delivery TEXT NOT NULL, lane TEXT NOT NULL,
    job TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL, at REAL NOT NULL, error TEXT NOT NULL DEFAULT '');
CREATE INDEX jobs_lane ON jobs (lane, id);
CREATE TABLE dead (
    id INTEGER PRIMARY KEY, delivery TEXT NOT NULL, lane TEXT NOT NULL, job TEXT NOT NULL,
    tries INTEGER NOT NULL, at REAL NOT NULL, ended REAL NOT NULL, error TEXT NOT NULL);
CREATE TABLE spent (who TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX spent_who ON spent (who, at);
CREATE INDEX spent_at ON spent (at);
"""
_PRUNED_AT_ONCE = 1000
_LONGEST_ERROR = 2000


class TransactionLostError(PerflintError):
    """SQLite has undone the whole transaction, as it does where the disk is full."""


class Taken(Enum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # GitHub delivers it again
    REPLAYED = "replayed"  # the same body under another id, which GitHub never sends
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job as it stands in the queue: `tries` counts the one that begins now."""

    id: int
    delivery: str
    lane: str
    job: str
    tries: int
    at: float


@dataclass(frozen=True, slots=True)
class Dead:
    """A job that was given up, and why."""

    id: int
    delivery: str
    lane: str
    job: str
    tries: int
    at: float
    ended: float
    error: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a delivery, and how many jobs were left out since somebody asks too often."""

    taken: Taken
    jobs: int = 0
    over_quota: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits: `oldest` is the time at which the oldest open job came, None for none."""

    open: int
    running: int
    dead: int
    oldest: float | None


class Queue:
    """The queue's tables. `largest` is how many jobs may be open."""

    def __init__(self, path: Path, largest: int, quotas: Quotas) -> None:
        self._quotas = quotas
        self._largest = largest
        self._database = _open(path)
        self._open = self._one("SELECT count(*) FROM jobs")

    def close(self) -> None:
        """Close the file. What is committed stays."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens within durable when it ends: as a whole, or not at all."""
        self._database.execute("BEGIN IMMEDIATE")
        before = self._open
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            self._open = before
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def part(self) -> Iterator[None]:
        """Undo what happens within where it fails, and nothing else of the transaction."""
        before = self._open
        self._database.execute("SAVEPOINT part")
        try:
            yield
        except BaseException as error:
            self._open = before
            if not self._database.in_transaction:
                raise TransactionLostError(f"nothing was written: {error}") from error
            self._database.execute("ROLLBACK TO part")
            self._database.execute("RELEASE part")
            raise
        self._database.execute("RELEASE part")

    def accept(self, delivery: str, digest: bytes, jobs: Sequence[Job], now: float) -> Accepted:
        """Take a delivery in, once."""
        if self._one("SELECT count(*) FROM deliveries WHERE id = ?", delivery):
            return Accepted(Taken.KNOWN)
        if self._one("SELECT count(*) FROM deliveries WHERE digest = ?", digest):
            return Accepted(Taken.REPLAYED)
        if self._open + len(jobs) > self._largest:
            return Accepted(Taken.FULL)
        self._do("INSERT INTO deliveries VALUES (?, ?, ?)", delivery, digest, now)
        allowed = [job for job in (self._allowed(job, now) for job in jobs) if job is not None]
        for job in allowed:
            self._add(delivery, job, now)
        return Accepted(Taken.ACCEPTED, len(allowed), len(jobs) - len(allowed))

    def take(self, now: float) -> Waiting | None:
        """Begin the oldest job that is due and the first of its lane; None where there is none.

        What was begun before keeps its place while it waits for another try; what is to be done
        later, and was not begun, lets others pass.
        """
        found = self._row(
            "SELECT id, delivery, lane, job, tries, at FROM jobs AS one "
            "WHERE due <= ? AND running = 0 AND NOT EXISTS "
            "(SELECT 1 FROM jobs AS two WHERE two.lane = one.lane AND two.id != one.id "
            "AND (two.running = 1 OR two.id < one.id AND (two.due <= ? OR two.tries > 0))) "
            "ORDER BY id LIMIT 1",
            now,
            now,
        )
        if found is None:
            return None
        number, delivery, lane, job, tries, at = found
        # Counted before it is done: a job that takes the process with it must come to an end.
        self._do("UPDATE jobs SET running = 1, tries = tries + 1 WHERE id = ?", number)
        return Waiting(number, delivery, lane, job, tries + 1, at)

    def finish(self, job: Waiting, further: Iterable[Job], now: float) -> None:
        """Take out what is done, and put in what is to be done now, in one step."""
        self._remove(job.id)
        for one in further:
            self._add(job.delivery, one, now)

    def retry(self, job: Waiting, due: float, error: str) -> None:
        """Put a job back until it is due; what waits in its lane waits with it."""
        update = "UPDATE jobs SET running = 0, due = ?, error = ? WHERE id = ?"
        self._do(update, due, error[:_LONGEST_ERROR], job.id)

    def give_back(self, job: Waiting) -> None:
        """Put a job back at once: the server stops. A part of it may have been done."""
        self._do("UPDATE jobs SET running = 0 WHERE id = ?", job.id)

    def bury(self, job: Waiting, now: float, error: str) -> None:
        """Give a job up, for an operator to look at."""
        self._do(
            "INSERT INTO dead SELECT id, delivery, lane, job, tries, at, ?, ? FROM jobs "
            "WHERE id = ?",
            now,
            error[:_LONGEST_ERROR],
            job.id,
        )
        self._remove(job.id)

    def recover(self) -> int:
        """Put back what was being done when the last server ended; returns how much that was."""
        return self._do("UPDATE jobs SET running = 0 WHERE running = 1")

    def dead(self) -> list[Dead]:
        """List what was given up, the oldest first."""
        return [Dead(*row) for row in self._database.execute("SELECT * FROM dead ORDER BY id")]

    def revive(self, number: int, now: float) -> bool:
        """Put a dead job back, at the end of its lane."""
        found = self._row("SELECT delivery, job FROM dead WHERE id = ?", number)
        if found is None:
            return False
        self._add(found[0], read_job(found[1]), now)
        return self.drop(number)

    def drop(self, number: int) -> bool:
        """Forget a dead job."""
        return bool(self._do("DELETE FROM dead WHERE id = ?", number))

    def depth(self) -> Depth:
        """Count what waits."""
        row = self._row(
            "SELECT count(*), coalesce(sum(running), 0), min(at), "
            "(SELECT count(*) FROM dead) FROM jobs"
        )
        assert row is not None
        waiting, running, oldest, dead = row
        self._open = waiting  # an operator may have put dead ones back
        return Depth(waiting, running, dead, oldest)

    def prune(self, now: float, keep_seconds: float) -> int:
        """Forget old deliveries and what was spent long ago, a part of it; returns how many."""
        forgotten = 0
        for table, key, before in (
            ("deliveries", "id", now - keep_seconds),
            ("spent", "rowid", now - WINDOW_SECONDS),
        ):
            forgotten += self._do(
                f"DELETE FROM {table} WHERE {key} IN "
                f"(SELECT {key} FROM {table} WHERE at < ? LIMIT {_PRUNED_AT_ONCE})",
                before,
            )
        return forgotten

    def _allowed(self, job: Job, now: float) -> Job | None:
        """Count a job for those who asked; None where they ask too often."""
        count = "SELECT count(*) FROM spent WHERE who = ? AND at > ?"
        limits = spenders(job, self._quotas)
        spent = [(self._one(count, who, now - WINDOW_SECONDS), most) for who, most in limits]
        allowed = decide(spent)
        if allowed is Allowed.NO:
            return None
        for who, _ in limits:
            self._do("INSERT INTO spent VALUES (?, ?)", who, now)
        if allowed is Allowed.YES:
            return job
        return replace(job, over_quota=True) if isinstance(job, Commented) else None

    def _add(self, delivery: str, job: Job, now: float) -> None:
        self._do(
            "INSERT INTO jobs (delivery, lane, job, due, at) VALUES (?, ?, ?, ?, ?)",
            delivery,
            lane_of(job),
            write_job(job),
            now + wait_of(job),
            now,
        )
        self._open += 1

    def _remove(self, number: int) -> None:
        self._open -= self._do("DELETE FROM jobs WHERE id = ?", number)

    def _do(self, statement: str, *values: object) -> int:
        return self._database.execute(statement, values).rowcount

    def _row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
        return row

    def _one(self, statement: str, *values: object) -> int:
        row = self._row(statement, *values)
        assert row is not None and isinstance(row[0], int)
        return row[0]


def _open(path: Path) -> sqlite3.Connection:
    """Open the file, or make it. Raises PerflintError where it cannot be a queue."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Others on this machine must not read what people wrote in private repositories.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise PerflintError(f"cannot write the queue {path}: {error.strerror}") from error
    database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        [mode] = database.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise PerflintError(
                f"the file system of {path} cannot keep a queue (SQLite's journal is {mode!r}, not "
                "'wal'): use a local disk, no network share"
            )
        # With WAL this is what makes a commit wait until its bytes are on the disk.
        database.execute("PRAGMA synchronous = FULL")
        [version] = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            database.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
        elif version != SCHEMA_VERSION:
            raise PerflintError(
                f"the queue {path} has version {version}, this perflint has {SCHEMA_VERSION}: "
                "run the perflint that wrote it until it is empty"
            )
    except sqlite3.Error as error:
        database.close()
        raise PerflintError(f"{path} is no queue of perflint: {error}") from error
    except PerflintError:
        database.close()
        raise
    return database


def now() -> float:
    """Return the time that the queue has: seconds since 1970, that a restart understands."""
    return time.time()
