"""The newest value of each series, and all of them, in either database."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("sqlalchemy")

from torch_perflint.runners.sample import Environment
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.telemetry.extract import commits_like, everything, newest, unplaced
from torch_perflint.telemetry.record import Commit, Reading, StoredPoint, StoredRun, Wanted
from torch_perflint.telemetry.store import Store, open_store

HERE = Environment("3.11.2", "2.13.0", "Linux", "a processor", 2, 1, "cpu")
ELSEWHERE = replace(HERE, cpu="another")
REPOSITORY = "acme/train"
TIMES = Wanted(metric="time")


def run(
    commit: int, value: float, *, again: int = 0, at: Environment = HERE, test: str = "t.py::test_a"
) -> StoredRun:
    points = tuple(
        StoredPoint(f"{test}{end}", Verdict.SAME, 1.0, "steps", more=(reading,))
        for end, reading in (
            ("[8]", Reading("time", "s", False, value)),
            ("[9]", Reading("mfu", "share", True, value / 2)),
        )
    )
    created = f"2026-01-{commit:02}T00:00:{again:02}+00:00"
    return StoredRun(
        "", sha(commit), created, "0.1.0", 0, at, points, REPOSITORY, link=f"/runs/{commit}"
    )


def sha(commit: int) -> str:
    return f"{commit:02x}" * 20


def place(store: Store, *commits: int) -> None:
    told = [Commit(sha(one), number, "", "") for number, one in enumerate(commits, 1)]
    store.place(REPOSITORY, told)


def numbers(store: Store, wanted: Wanted = TIMES) -> list[float]:
    return [entry.value.value for entry in newest(store, wanted)]


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with open_store(where, create=True) as opened:
        yield opened


def test_the_newest_is_the_last_on_the_main_branch_not_the_last_stored(store: Store) -> None:
    store.add(run(3, 3.0))
    store.add(run(1, 1.0))
    store.add(run(2, 2.0))
    store.add(run(9, 9.0))  # of a pull request
    place(store, 1, 3, 2)
    assert numbers(store) == [2.0]
    assert numbers(store, Wanted()) == [2.0, 1.0]
    (entry,) = newest(store, Wanted(metric="time"))
    assert (entry.value.position, entry.value.head, entry.link) == (3, sha(2), "/runs/2")
    assert entry.environment == HERE
    assert (entry.series.test, entry.series.parameters) == ("t.py::test_a", "[8]")


def test_of_a_commit_that_was_measured_twice_the_later_run_counts(store: Store) -> None:
    store.add(run(1, 1.0))
    store.add(run(1, 1.5, again=1))
    place(store, 1)
    assert numbers(store) == [1.5]


def test_a_commit_is_asked_for_wherever_it_is(store: Store) -> None:
    store.add(run(1, 1.0))
    store.add(run(9, 9.0))
    store.add(run(9, 9.5, again=1))
    place(store, 1)
    assert numbers(store, Wanted(metric="time", commit=sha(9))) == [9.5]
    assert numbers(store, Wanted(metric="time", commit=sha(1))) == [1.0]
    assert numbers(store, Wanted(commit=sha(7))) == []


def test_each_machine_and_test_is_a_series_of_its_own(store: Store) -> None:
    store.add(run(1, 1.0))
    store.add(run(1, 5.0, at=ELSEWHERE))
    store.add(run(1, 7.0, test="t.py::test_b", again=2))
    place(store, 1)
    assert sorted(numbers(store)) == [1.0, 5.0, 7.0]
    assert numbers(store, Wanted(metric="time", hardware="another, 2 cores, 1 thread")) == [5.0]
    assert numbers(store, Wanted(test="test_b[8]")) == [7.0]
    assert numbers(store, Wanted(test="t.py::test_b")) == [7.0, 3.5]
    assert numbers(store, Wanted(repository="acme/other")) == []


def test_series_without_a_place_are_counted(store: Store) -> None:
    store.add(run(1, 1.0))
    store.add(run(9, 9.0, test="t.py::test_new"))
    assert unplaced(store, Wanted()) == 4
    place(store, 1)
    assert unplaced(store, Wanted()) == 2
    assert numbers(store) == [1.0]
    assert unplaced(store, Wanted(metric="time", test="test_new[8]")) == 1


def test_everything_comes_series_by_series_in_the_order_of_the_branch(store: Store) -> None:
    for number in (2, 9, 3, 1):
        store.add(run(number, float(number)))
    place(store, 1, 2, 3)
    told = [one.value.value for one in everything(store, Wanted())]
    assert told == [9.0, 1.0, 2.0, 3.0, 4.5, 0.5, 1.0, 1.5]
    of_commit = everything(store, Wanted(metric="mfu", commit=sha(3)))
    assert [one.value.value for one in of_commit] == [1.5]


def test_a_commit_is_known_by_the_start_of_its_hash(store: Store) -> None:
    store.add(run(1, 1.0))
    store.add(replace(run(1, 1.0), head=sha(1) + "-dirty"))
    store.add(run(2, 1.0))
    assert commits_like(store, sha(1)[:6]) == [sha(1), sha(1) + "-dirty"]
    assert commits_like(store, "%") == []
