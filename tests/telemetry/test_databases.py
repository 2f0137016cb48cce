"""What holds in an SQLite file and in PostgreSQL alike: many writers, order, age, copies."""

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from torch_perflint import PerflintError
from torch_perflint.runners.sample import Pair, Segment
from torch_perflint.telemetry.copying import copy_all
from torch_perflint.telemetry.database import engine_of
from torch_perflint.telemetry.readings import READINGS_VERSION
from torch_perflint.telemetry.record import Commit, StoredRun
from torch_perflint.telemetry.store import Store, open_store
from torch_perflint.telemetry.tables import RUN, SCHEMA_VERSION, TABLES

from .conftest import database
from .test_store import BARE, ENVIRONMENT, TIMED, make_run

# Fresh processes, but for what importing takes.
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["torch_perflint.telemetry.store", __name__])
HASHES = [f"{number:040x}" for number in range(1, 100)]


def commits(*positions: int) -> list[Commit]:
    return [Commit(HASHES[n - 1], n, f"2026-01-{n:02}", f"change {n}") for n in positions]


def run_at(number: int, seconds: float = 0.01, **more: object) -> StoredRun:
    time_ = replace(TIMED.time, head_seconds=seconds)  # type: ignore[type-var]
    point = replace(TIMED, time=time_)
    created = f"2026-01-{number:02}T00:00:00+00:00"
    made = StoredRun(
        "b" * 40, HASHES[number - 1], created, "0.1.0", 0, ENVIRONMENT, (point,), "a/b"
    )
    return replace(made, **more)  # type: ignore[arg-type]


def throughput(store: Store) -> int:
    [number] = [key for key, one in store.series().items() if one.metric == "throughput"]
    return number


def test_values_come_in_the_order_of_the_main_branch(where: str) -> None:
    with open_store(where, create=True) as store:
        for number in (3, 1, 2, 9):
            store.add(run_at(number, seconds=1 / number))
        series = throughput(store)
        assert store.values(series) == []
        assert store.place("a/b", commits(1, 2, 3)) > 0
        found = store.values(series)
        assert [one.position for one in found] == [1, 2, 3]
        assert [one.value for one in found] == [256 * n for n in (1, 2, 3)]
        assert store.unplaced("a/b") == [HASHES[8]]
        assert [one.position for one in store.values(series, last=2)] == [2, 3]
        # What comes later has its place at once; what a forced push takes off loses its own.
        store.place("a/b", commits(4))
        store.add(run_at(4))
        assert [one.position for one in store.values(series)] == [1, 2, 3, 4]
        store.place("a/b", [Commit("f" * 40, 3, "2026-02-01", "another third")])
        assert [one.position for one in store.values(series)] == [1, 2]
        assert store.last_place("a/b") == 3
        assert [one.subject for one in store.commits("a/b", 2)] == ["change 2", "another third"]


def test_only_what_is_equal_is_one_series(where: str) -> None:
    other = replace(ENVIRONMENT, torch="2.14.0")
    with open_store(where, create=True) as store:
        store.add(run_at(1))
        store.add(run_at(2))
        before = len(store.series())
        store.add(run_at(3, environment=replace(ENVIRONMENT, host="another", python="3.12.0")))
        assert len(store.series()) == before
        store.add(run_at(4, environment=other))
        assert len(store.series()) == 2 * before
        store.add(run_at(5, repository="c/d"))
        assert len(store.series()) == 3 * before


def test_two_machines_that_end_in_the_same_second_are_two_runs(where: str) -> None:
    with open_store(where, create=True) as store:
        assert store.add(run_at(1))
        assert store.add(run_at(1, environment=replace(ENVIRONMENT, host="other")))
        assert not store.add(run_at(1))


def test_a_whole_report_comes_back(where: str) -> None:
    with open_store(where, create=True) as store:
        store.add(run_at(1), b'{"a": 1}')
        store.add(run_at(2))
        assert store.report(run_at(1).key) == b'{"a": 1}'
        assert store.report(run_at(2).key) is None


def test_what_is_old_is_forgotten_and_the_rest_is_not(where: str) -> None:
    with open_store(where, create=True) as store:
        for number in range(1, 7):
            store.add(run_at(number), b"{}")
        store.place("a/b", commits(1, 2, 3, 4))
        full = store.stock()
        assert (full.runs, full.raw) == (6, 6)
        store.forget(raw_before="2026-01-03")
        assert (store.stock().runs, store.stock().raw) == (6, 4)
        assert store.report(run_at(2).key) is None and store.report(run_at(3).key) is not None
        # Its values stay.
        assert [one.position for one in store.values(throughput(store))] == [1, 2, 3, 4]
        store.forget(unplaced="2026-01-06")
        assert sorted(run.head for run in store.runs()) == [HASHES[n] for n in (0, 1, 2, 3, 5)]
        store.forget(runs_before="2026-02-01")
        store.vacuum()
        assert (store.stock().runs, store.stock().series, store.stock().values) == (0, 0, 0)


@pytest.mark.parametrize("there", ["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
@pytest.mark.parametrize("here", ["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def test_a_copy_is_the_same_and_goes_on(
    request: pytest.FixtureRequest, tmp_path: Path, here: str, there: str
) -> None:
    def place(kind: str, name: str) -> str:
        if kind == "sqlite":
            return str(tmp_path / name)
        return database(request.getfixturevalue("postgres"))

    with (
        open_store(place(here, "one"), create=True) as store,
        open_store(place(there, "two"), create=True) as other,
    ):
        for number in (1, 2, 3):
            store.add(run_at(number), b"{}")
        store.place("a/b", commits(1, 2, 3))
        assert copy_all(store, other) > 20
        assert other.runs() == store.runs() and other.series() == store.series()
        for series in store.series():
            assert other.values(series) == store.values(series)
        assert replace(other.stock(), size=None) == replace(store.stock(), size=None)
        # A copy takes new runs, and no second copy.
        assert not other.add(run_at(2)) and other.add(run_at(4))
        with pytest.raises(PerflintError, match="has something in it already"):
            copy_all(store, other)
        assert len(other.runs()) == 4


def _write(where: str, first: int, count: int, done: str) -> None:
    with open_store(where, create=True) as store:
        for number in range(first, first + count):
            store.add(make_run(number))
            with open(done, "a") as file:
                file.write(f"{make_run(number).created}\n")


def test_twenty_processes_lose_and_double_nothing_though_some_are_killed(
    where: str, tmp_path: Path
) -> None:
    """Each shares half of its runs with the next. What a killed one has said to be stored, is."""
    files = [tmp_path / f"done-{n}" for n in range(20)]
    jobs = []
    for n, file in enumerate(files):
        # Those that are killed have more to do than they will come to.
        first, count = (5 * n, 10) if n % 4 else (1000 * (n + 1), 1000)
        jobs.append(FRESH.Process(target=_write, args=(where, first, count, str(file))))
        jobs[-1].start()
    for job, file in list(zip(jobs, files, strict=True))[::4]:
        end = time.monotonic() + 60
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.005)
        os.kill(job.pid or 0, signal.SIGKILL)
    for job in jobs:
        job.join(120)
    assert {job.exitcode for job in jobs[1::4] + jobs[2::4] + jobs[3::4]} == {0}
    assert {job.exitcode for job in jobs[::4]} == {-signal.SIGKILL}
    said = {line for file in files for line in file.read_text().splitlines()}
    with open_store(where) as store:
        runs = store.runs()
        found = [run.created for run in runs]
        assert len(set(found)) == len(found) and said <= set(found)
        # Nothing of a run without the rest of it.
        assert all(run == replace(make_run(), created=run.created) for run in runs)
        assert store.stock().values == 4 * len(found)
        assert {make_run(number).created for number in range(5, 105)} <= set(found)


def _first_schema(where: str) -> sa.Engine:
    """A history as the first perflint made it, with two runs."""
    engine, _ = engine_of(where, create=True)
    with engine.execution_options(writes=True).begin() as connection:
        config = Config()
        config.set_main_option("script_location", "torch_perflint.telemetry:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql("INSERT INTO schema_version VALUES (1)")
        for number in (1, 2):
            run = make_run(number)
            values = (run.first_key, run.created, run.base, run.head, "0.1.0", 1, "NULL")
            said = ", ".join(str(v) if v in (1, "NULL") else f"'{v}'" for v in values)
            connection.exec_driver_sql(f"INSERT INTO run VALUES ({said})")
            connection.exec_driver_sql(
                f"INSERT INTO point VALUES ('{run.first_key}', '{TIMED.test}', '{TIMED.name}', 0, "
                "'slower', 256.0, 'tokens', -0.26, -0.27, -0.25, 0.0077, 0.0106, 'cpu', 1, 2, '[]')"
            )
            true = "true" if engine.dialect.name == "postgresql" else "1"
            connection.exec_driver_sql(
                f"INSERT INTO count VALUES ('{run.first_key}', '{TIMED.test}', 'host_syncs', 0, 1, "
                f"{true})"
            )
    return engine


def test_an_older_history_is_upgraded_and_keeps_all(where: str) -> None:
    _first_schema(where).dispose()
    with open_store(where) as store:
        assert store.upgraded_from == "0001"
        [second, first] = store.runs()
        assert (first.created, second.created) == (make_run(1).created, make_run(2).created)
        [point] = first.points
        assert (point.time, point.counts) == (TIMED.time, TIMED.counts[:1])
        assert sorted(one.metric for one in store.series().values()) == [
            "host_syncs",
            "peak_bytes",
            "throughput",
        ]
        # The same report once more is the same run, though its key was another one then.
        assert not store.add(make_run(1))
    with open_store(where) as store:
        assert store.upgraded_from is None


def test_an_upgrade_that_fails_changes_nothing(where: str) -> None:
    engine = _first_schema(where)
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE series (mine INTEGER)")
    names = set(sa.inspect(engine).get_table_names())
    with pytest.raises(PerflintError, match="series"):
        open_store(where)
    assert set(sa.inspect(engine).get_table_names()) == names
    with engine.execution_options(writes=True).begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM point").scalar() == 2
        connection.exec_driver_sql("DROP TABLE series")
    engine.dispose()
    with open_store(where) as store:
        assert len(store.runs()) == 2


def test_migrations_end_where_new_histories_begin(where: str) -> None:
    _first_schema(where).dispose()
    with open_store(where):
        pass
    engine, _ = engine_of(where, create=False)
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "include_name": lambda name, kind, of: name != "alembic_version",
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, TABLES) == []
        assert context.get_current_revision() == SCHEMA_VERSION
    engine.dispose()


def test_readings_of_an_older_version_are_made_anew(where: str) -> None:
    with open_store(where, create=True) as store:
        store.add(run_at(1))
        store.add(replace(run_at(2), points=(BARE,)))
        with store.transaction(write=True) as connection:
            connection.execute(RUN.update().values(readings=READINGS_VERSION - 1))
            connection.exec_driver_sql("UPDATE point SET value = 0")
        assert store.refresh() == 2
        assert store.refresh() == 0
        store.place("a/b", commits(1))
        [value] = store.values(throughput(store))
        assert value.value == pytest.approx(25600)


def test_an_interval_needs_three_builds(where: str) -> None:
    segments = tuple(Segment(0, (Pair(0.1, 0.01 + n / 1000),)) for n in range(4))
    point = replace(TIMED, segments=segments)
    with open_store(where, create=True) as store:
        store.add(run_at(1))
        store.add(replace(run_at(2), points=(point,)))
        store.place("a/b", commits(1, 2))
        none, some = store.values(throughput(store))
    assert none.low is None and none.samples == 2
    assert some.samples == 4 and some.low is not None and some.high is not None
    # By hand: the mean of log(256 / seconds) over builds, with Student's t of 3 degrees.
    assert (some.low, some.high) == pytest.approx((18688.7, 26769.7), rel=1e-5)
