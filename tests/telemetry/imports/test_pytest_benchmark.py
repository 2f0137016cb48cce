"""What pytest-benchmark saves becomes a run."""

import copy
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.telemetry.imports.pytest_benchmark import read
from torch_perflint.telemetry.record import Reading, Source

SAVED: dict[str, Any] = {
    "machine_info": {
        "node": "box",
        "processor": "x86_64",
        "machine": "x86_64",
        "python_version": "3.12.1",
        "release": "6.1",
        "system": "Linux",
        "cpu": {"brand_raw": "A CPU", "count": 8},
    },
    "commit_info": {"id": "c" * 40, "time": None, "dirty": False, "branch": "main"},
    "benchmarks": [
        {
            "name": "test_a[8]",
            "fullname": "tests/test_a.py::test_a[8]",
            "params": {"n": 8},
            "stats": {"min": 0.4, "median": 0.5, "mean": 0.6, "rounds": 5},
        },
        {"fullname": "tests/test_a.py::test_b", "stats": {"median": float("nan")}},
    ],
    "datetime": "2026-01-01T02:00:00.123456+02:00",
    "version": "5.1.0",
}


def changed(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SAVED), **parts}


def test_medians_become_times() -> None:
    taken = read(SAVED, "acme/train")
    run = taken.run
    (point,) = run.points
    assert (point.test, point.more) == (
        "tests/test_a.py::test_a[8]",
        (Reading("time", "s", False, 0.5),),
    )
    assert taken.left == {"no number": 1}
    assert (run.head, run.created) == ("c" * 40, "2026-01-01T00:00:00+00:00")
    assert (run.perflint, run.source) == ("pytest-benchmark 5.1.0", Source.IMPORT)
    assert run.repository == "acme/train"
    at = run.environment
    assert at is not None
    assert (at.python, at.cpu, at.cores, at.platform, at.device, at.host) == (
        "3.12.1",
        "A CPU",
        8,
        "Linux 6.1",
        "cpu",
        "box",
    )


def test_a_working_tree_with_changes_is_no_commit() -> None:
    assert read(changed(commit_info={"id": "c" * 40, "dirty": True}), "").run.head == (
        "c" * 40 + "-dirty"
    )


def test_an_old_file_is_in_utc_and_names_its_processor_otherwise() -> None:
    machine = {**SAVED["machine_info"], "cpu": {"brand": "An old CPU", "count": None}}
    run = read(changed(datetime="2016-01-01T00:00:00", machine_info=machine), "").run
    assert run.created == "2016-01-01T00:00:00+00:00"
    assert run.environment is not None
    assert (run.environment.cpu, run.environment.cores) == ("An old CPU", 0)


def test_the_same_file_is_the_same_run() -> None:
    assert read(SAVED, "").run.key == read(changed(), "").run.key


@pytest.mark.parametrize(
    ("saved", "word"),
    [
        ([], 'no list "benchmarks"'),
        ({}, 'no list "benchmarks"'),
        ({"benchmarks": []}, "'commit_info'"),
        (changed(datetime="yesterday"), "yesterday"),
        (changed(datetime=7), "TypeError"),
        (changed(commit_info=None), "AttributeError"),
        (changed(commit_info={"id": None}), "None stands where a name belongs"),
        (changed(benchmarks=[{"fullname": {}, "stats": {"median": 1}}]), "where a name belongs"),
        (changed(benchmarks=[{"fullname": "t"}]), "'stats'"),
        (changed(benchmarks=[SAVED["benchmarks"][0]] * 2), "is in it twice"),
        (changed(machine_info={"cpu": {"count": "many"}}), "ValueError"),
        (changed(machine_info={"cpu": 7}), "AttributeError"),
    ],
)
def test_what_is_no_such_file_is_told(saved: Any, word: str) -> None:
    with pytest.raises(PerflintError, match=word):
        read(saved, "")
