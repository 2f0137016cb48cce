"""Changes are told of stored series, at their commits; what is stored already is not looked at."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("numpy")

from torch_perflint.runners.sample import Environment
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.telemetry import looks as module
from torch_perflint.telemetry.changes import State
from torch_perflint.telemetry.looks import Looked, look_again, looks
from torch_perflint.telemetry.record import (
    Commit,
    StoredCount,
    StoredPoint,
    StoredRun,
    StoredTime,
)
from torch_perflint.telemetry.store import Store, open_store

AT = Environment("3.11.2", "2.13.0", "Linux", "a processor", 2, 1, "cpu")
DRAW = random.Random(7)
# Ten commits apart are measured; from the 25th measured one on a step takes 5 % longer.
SECONDS = [0.01 * (1.05 if n >= 25 else 1.0) * DRAW.gauss(1, 0.005) for n in range(50)]


def run(place: int, seconds: float, syncs: int = 0, created: str = "") -> StoredRun:
    point = StoredPoint(
        "test_a.py::test_a",
        Verdict.SAME,
        1.0,
        "steps",
        time=StoredTime(0.0, 0.0, 0.0, seconds, seconds),
        counts=(StoredCount("host_syncs", syncs, syncs, False),),
    )
    created = created or f"2026-01-01T{place // 60:02}:{place % 60:02}:00+00:00"
    return StoredRun("b" * 40, f"{place:040x}", created, "0.1.0", 0, AT, (point,), "a/b")


def fill(store: Store, first: int, last: int) -> None:
    for number in range(first, last):
        store.add(run(10 * number + 10, SECONDS[number], syncs=int(number >= 40)))
    store.place(
        "a/b",
        [Commit(f"{n:040x}", n, "2026-01-01", f"change {n}") for n in range(1, 10 * last + 1)],
    )


def of(found: list[Looked] | dict[int, Looked], metric: str) -> Looked:
    every = found.values() if isinstance(found, dict) else found
    [one] = [one for one in every if one.series.metric == metric]
    return one


def test_a_change_is_told_at_its_commits(where: str) -> None:
    with open_store(where, create=True) as store:
        fill(store, 0, 50)
        found = look_again(store)
        [slower] = of(found, "throughput").changes
        assert (slower.after_place, slower.place) == (250, 260)
        assert slower.state is State.CONFIRMED
        assert slower.low < 1 / 1.05 - 1 < slower.high and slower.change < -0.04
        [more] = of(found, "host_syncs").changes
        assert (more.before, more.after, more.place) == (0, pytest.approx(1), 410)
        assert looks(store) == {one.number: one for one in found}


def test_only_what_is_new_is_looked_at(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[int, bool]] = []
    find = module.find_changes

    def watched(values: list[float], **more: object) -> object:
        looked.append((len(values), more["earlier"] is not None))
        return find(values, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "find_changes", watched)
    with open_store(where, create=True) as store:
        fill(store, 0, 45)
        look_again(store)
        assert looked == [(45, False)] * 2
        assert look_again(store) == [] and len(looked) == 2
        fill(store, 45, 50)
        piecewise = look_again(store)
        assert looked[2:] == [(50, True)] * 2
        # A commit between, measured later, is news of what was thought to be known.
        store.add(run(15, SECONDS[0], created="2026-01-02T00:00:00+00:00"))
        look_again(store)
        assert looked[4:] == [(51, False)] * 2
    with open_store(str(tmp_path / "whole.sqlite"), create=True) as store:
        fill(store, 0, 50)
        whole = look_again(store)
    assert of(whole, "throughput").changes == of(piecewise, "throughput").changes


def test_of_several_runs_at_a_commit_the_median_counts(where: str) -> None:
    with open_store(where, create=True) as store:
        fill(store, 0, 50)
        for number, seconds in enumerate((SECONDS[10], 1.0)):
            again = run(110, seconds, created=f"2026-02-0{number + 1}T00:00:00+00:00")
            store.add(replace(again, perflint=f"0.1.{number}"))
        assert len(of(look_again(store), "throughput").changes) == 1


def test_what_is_forgotten_is_told_no_more(where: str) -> None:
    with open_store(where, create=True) as store:
        fill(store, 0, 30)
        look_again(store)
        store.forget(runs_before="2027-01-01")
        look_again(store)
        assert looks(store) == {}
