"""A snapshot has what the store has, in either database, and nothing that comes meanwhile."""

from dataclasses import replace

import pytest

pytest.importorskip("sqlalchemy")

from torch_perflint.telemetry.record import Commit
from torch_perflint.telemetry.snapshot import snapshot
from torch_perflint.telemetry.store import open_store

from .test_store import make_run

HEADS = ("c" * 40, "d" * 40, "e" * 40)
RUNS = [replace(make_run(number), head=head, repository="a/b") for number, head in enumerate(HEADS)]
COMMITS = [Commit(sha, place, "2026-01-01", "why") for place, sha in enumerate(HEADS, 7)]


def test_a_snapshot_has_series_values_commits_and_runs(where: str) -> None:
    with open_store(where, create=True) as store:
        for number, run in enumerate(RUNS):
            store.add(run, b"{}" if number else None)
        store.place("a/b", COMMITS)
        with snapshot(store) as past:
            assert past.series() == store.series()
            for number in store.series():
                at = past.columns(number)
                values = store.values(number)
                assert at.positions == tuple(one.position for one in values) == (7, 8, 9)
                assert at.values == tuple(one.value for one in values)
                assert at.lows == tuple(one.low for one in values)
                assert at.highs == tuple(one.high for one in values)
            assert list(past.commits("a/b")) == COMMITS
            assert past.last_places() == {"a/b": 9}
            heads = list(past.heads())
            assert [(one.key, one.head) for one in heads] == [(r.key, r.head) for r in RUNS]
            assert [one.has_report for one in heads] == [False, True, True]
            assert [one.number for one in past.newest(2)] == [heads[2].number, heads[1].number]
            assert past.report(heads[0].number) is None
            assert past.report(heads[1].number) == b"{}"


def test_values_without_a_place_are_left_out(where: str) -> None:
    with open_store(where, create=True) as store:
        store.add(RUNS[0])
        with snapshot(store) as past:
            assert {past.columns(number).values for number in past.series()} == {()}


def test_what_is_written_meanwhile_is_not_seen(where: str) -> None:
    with open_store(where, create=True) as store, open_store(where) as writer:
        store.add(RUNS[0])
        with snapshot(store) as past:
            assert len(list(past.heads())) == 1
            writer.add(RUNS[1])
            assert len(list(past.heads())) == 1
        with snapshot(store) as past:
            assert len(list(past.heads())) == 2
