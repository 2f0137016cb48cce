"""The store keeps what it is given, once, and says clearly what it cannot use."""

import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from torch_perflint import PerflintError
from torch_perflint.runners.sample import Environment, Pair, Segment
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.telemetry.record import (
    StoredCount,
    StoredPeak,
    StoredPoint,
    StoredRun,
    StoredTime,
)
from torch_perflint.telemetry.store import open_store

ENVIRONMENT = Environment("3.11.2", "2.13.0", "Linux", "a processor", 2, 1, "cpu")

TIMED = StoredPoint(
    test="perf_tests/test_gpt.py::test_gpt_train",
    verdict=Verdict.SLOWER,
    items=256.0,
    unit="tokens",
    time=StoredTime(-0.26, -0.27, -0.25, 0.0077, 0.0106),
    peak=StoredPeak("cpu", 2**33, 2**33 + 1),
    counts=(StoredCount("host_syncs", 0, 1, True), StoredCount("operators", 470, 602, False)),
    segments=(Segment(0, (Pair(0.1, 1 / 3), Pair(0.2, 0.3))), Segment(1, (Pair(5e-324, 1e300),))),
)
BARE = StoredPoint("perf_tests/test_new.py::test_new[a b]", Verdict.NEW, 1.0, "steps")


def make_run(number: int = 0) -> StoredRun:
    created = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    return StoredRun("b" * 40, "c" * 40, created, "0.1.0", 1, ENVIRONMENT, (TIMED, BARE))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a folder" / "history.sqlite")


def test_a_run_comes_back_as_it_went_in(path: str) -> None:
    with open_store(path, create=True) as store:
        assert store.add(make_run())
    with open_store(path) as store:
        assert store.runs() == (make_run(),)


def test_a_run_without_environment_and_points_comes_back(path: str) -> None:
    bare = replace(make_run(), environment=None, points=())
    with open_store(path, create=True) as store:
        store.add(bare)
        assert store.runs() == (bare,)


def test_the_same_run_twice_is_one_run(path: str) -> None:
    with open_store(path, create=True) as store:
        assert store.add(make_run())
        assert not store.add(make_run())
        assert len(store.runs()) == 1


@pytest.mark.parametrize("field", ["base", "head", "created"])
def test_runs_that_differ_in_a_part_of_the_key_are_two_runs(path: str, field: str) -> None:
    with open_store(path, create=True) as store:
        store.add(make_run())
        assert store.add(replace(make_run(), **{field: "another"}))
        assert len(store.runs()) == 2


def test_text_that_moves_between_parts_of_the_key_makes_another_key() -> None:
    one, two = replace(make_run(), base="ab", head="c"), replace(make_run(), base="a", head="bc")
    assert one.key != two.key


def test_the_newest_runs_come_first_and_a_limit_drops_the_oldest(path: str) -> None:
    with open_store(path, create=True) as store:
        for number in (2, 0, 3, 1):
            store.add(make_run(number))
        assert store.runs(limit=2) == (make_run(3), make_run(2))


@pytest.mark.parametrize("name", [TIMED.test, "test_gpt_train"])
def test_a_perf_test_is_found_by_its_name_and_by_its_id(path: str, name: str) -> None:
    other = replace(make_run(1), points=(BARE,))
    with open_store(path, create=True) as store:
        store.add(make_run())
        store.add(other)
        (found,) = store.runs(test=name)
        assert found.points == (TIMED,)


@pytest.mark.parametrize("name", ["test_gpt", "TEST_GPT_TRAIN", "test_%_train", "' OR 1=1 --"])
def test_a_part_or_pattern_of_a_name_finds_nothing(path: str, name: str) -> None:
    with open_store(path, create=True) as store:
        store.add(make_run())
        assert store.runs(test=name) == ()


def test_a_run_that_cannot_be_stored_whole_leaves_nothing_behind(path: str) -> None:
    doubled = replace(make_run(), points=(TIMED, TIMED))
    with open_store(path, create=True) as store:
        with pytest.raises(Exception, match="UNIQUE"):
            store.add(doubled)
        assert store.runs() == ()
        assert store.add(make_run())


def test_the_file_is_in_write_ahead_mode(path: str) -> None:
    open_store(path, create=True).__exit__(None, None, None)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_reader_is_not_stopped_by_a_writer(path: str) -> None:
    with open_store(path, create=True) as store:
        store.add(make_run())
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with open_store(path) as store:
            assert len(store.runs()) == 1


def _add_many(path: str, first: int, count: int) -> None:
    with open_store(path, create=True) as store:
        for number in range(first, first + count):
            store.add(make_run(number))


def test_writers_in_several_processes_lose_and_double_nothing(path: str) -> None:
    # Each overlaps with its neighbours, and all start from no file at all.
    starting = multiprocessing.get_context("spawn")
    jobs = [starting.Process(target=_add_many, args=(path, 5 * n, 10)) for n in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert [job.exitcode for job in jobs] == [0] * 4
    with open_store(path) as store:
        created = [run.created for run in store.runs()]
    assert created == sorted({make_run(number).created for number in range(25)}, reverse=True)


def test_a_url_opens_the_same_file_as_its_path(path: str) -> None:
    with open_store(path, create=True) as store:
        store.add(make_run())
    with open_store(f"sqlite:///{path}") as store:
        assert len(store.runs()) == 1


def test_a_history_that_does_not_exist_is_not_made_by_reading(path: str) -> None:
    with pytest.raises(PerflintError, match=r"there is no history at .* starts one"):
        open_store(path)
    assert not Path(path).parent.exists()


def test_a_file_that_is_no_database_is_refused_and_kept(path: str) -> None:
    file = Path(path)
    file.parent.mkdir()
    file.write_text("not a database, and longer than one hundred bytes " * 4)
    before = file.read_bytes()
    for create in (True, False):
        with pytest.raises(PerflintError, match=r"cannot use the history .*not a database"):
            open_store(path, create=create)
    assert file.read_bytes() == before


def test_a_database_of_something_else_is_refused_and_kept(path: str) -> None:
    Path(path).parent.mkdir()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    for create in (True, False):
        with pytest.raises(PerflintError, match="is a database, but no history of perflint"):
            open_store(path, create=create)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_another_schema_version_is_refused(path: str) -> None:
    open_store(path, create=True).__exit__(None, None, None)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0007'")
        raw.commit()
    for create in (True, False):
        with pytest.raises(
            PerflintError, match=r"has schema version 0007, .* a newer perflint has written it"
        ):
            open_store(path, create=create)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PerflintError, match="it is a folder"):
        open_store(str(tmp_path), create=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PerflintError, match=r"cannot make the folder .*file"):
        open_store(str(tmp_path / "file" / "history.sqlite"), create=True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("://", "neither a path nor a URL"),
        ("nosuch://host/x", "nosuch"),
        ("postgresql+nosuch://me:secret@host/x", "nosuch"),
        ("oracle+cx_oracle://me:secret@host/x", "pip install cx_Oracle"),
    ],
)
def test_a_url_that_nothing_answers_is_refused_without_its_password(url: str, message: str) -> None:
    with pytest.raises(PerflintError, match=message) as caught:
        open_store(url, create=True)
    assert "secret" not in str(caught.value)
