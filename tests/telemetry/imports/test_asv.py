"""Results of asv become runs: both versions of its format, with all their parameters."""

import math
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.telemetry.imports.asv import read
from torch_perflint.telemetry.readings import readings, series_of
from torch_perflint.telemetry.record import Reading, Source

BENCHMARKS = {
    "bench.Step.time_step": {"type": "time", "unit": "seconds", "version": "v1"},
    "bench.peakmem_step": {"type": "peakmemory", "unit": "bytes"},
    "bench.track_loss": {"type": "track", "unit": "nats"},
    "version": 2,
}
COLUMNS = [
    "result",
    "params",
    "version",
    "started_at",
    "duration",
    "stats_ci_99_a",
    "stats_ci_99_b",
]
SECOND: dict[str, Any] = {
    "commit_hash": "c" * 40,
    "env_name": "conda-py3.11-torch2.3",
    "date": 1767225600000,
    "params": {"machine": "box", "cpu": "A CPU", "num_cpu": "8", "os": "Linux 6.1", "ram": "1"},
    "python": "3.11",
    "requirements": {"torch": "2.3"},
    "env_vars": {},
    "result_columns": COLUMNS,
    "results": {
        "bench.Step.time_step": [
            [0.5, None, math.nan, 0.75],
            [["8", "16"], ["'bf16'", "'fp32'"]],
            "v1",
            1767229200000,
            1.5,
            [0.4, None, None, None],
            [0.6, None, None, math.inf],
        ],
        "bench.peakmem_step": [[2**33], []],
        "bench.track_loss": [[-1.5], [], None, 1767225900000],
        "bench.time_failed": [None, [], None, 1767225900000],
    },
    "durations": {},
    "version": 2,
}
FIRST: dict[str, Any] = {
    "commit_hash": "c" * 40,
    "date": 1767225600000,
    "params": {"machine": "box", "cpu": "Intel i5 @ 2.50GHz (4 cores)", "os": "Fedora"},
    "python": "2.7",
    "requirements": {"numpy": "1.8", "Cython": ""},
    "results": {
        "bench.Step.time_step": {
            "params": [["8", "16"]],
            "result": [0.5, 0.75],
            "stats": [{"ci_99": [0.4, 0.6]}, None],
        },
        "bench.peakmem_step": 728,
        "bench.track_loss": None,
    },
    "version": 1,
}


def told(saved: Any) -> dict[str, Reading]:
    return {one.test: one.more[0] for one in read(saved, BENCHMARKS, "acme/train").run.points}


def test_parameters_are_spread_the_last_one_fastest() -> None:
    at = "@conda-py3.11-torch2.3"
    assert told(SECOND) == {
        f"bench.Step.time_step[8-'bf16'{at}]": Reading("time", "s", False, 0.5, 0.4, 0.6),
        f"bench.Step.time_step[16-'fp32'{at}]": Reading("time", "s", False, 0.75),
        f"bench.peakmem_step[{at}]": Reading("peak_memory", "bytes", False, 2.0**33),
        f"bench.track_loss[{at}]": Reading("value", "nats", False, -1.5),
    }
    assert read(SECOND, BENCHMARKS, "").left == {"failed or skipped": 3}


def test_the_run_is_the_commits_on_its_machine() -> None:
    run = read(SECOND, BENCHMARKS, "acme/train").run
    assert (run.base, run.head, run.repository, run.source) == (
        "",
        "c" * 40,
        "acme/train",
        Source.IMPORT,
    )
    assert run.created == "2026-01-01T01:00:00+00:00"  # when the last of it began
    at = run.environment
    assert at is not None
    assert (at.python, at.torch, at.cpu, at.cores, at.host) == ("3.11", "2.3", "A CPU", 8, "box")
    (reading,) = readings(run.points[0])
    series = series_of(run, run.points[0], reading)
    assert (series.test, series.parameters) == (
        "bench.Step.time_step",
        "[8-'bf16'@conda-py3.11-torch2.3]",
    )
    assert (series.hardware, series.torch) == ("A CPU, 8 cores", "2.3")


def test_the_first_version_is_read_too() -> None:
    at = "@py2.7-Cython-numpy1.8"
    assert told(FIRST) == {
        f"bench.Step.time_step[8{at}]": Reading("time", "s", False, 0.5, 0.4, 0.6),
        f"bench.Step.time_step[16{at}]": Reading("time", "s", False, 0.75),
        f"bench.peakmem_step[{at}]": Reading("peak_memory", "bytes", False, 728.0),
    }
    run = read(FIRST, BENCHMARKS, "").run
    assert run.created == "2026-01-01T00:00:00+00:00"  # the commit's, where no start is told
    assert run.environment is not None
    assert (run.environment.cpu, run.environment.cores) == ("Intel i5 @ 2.50GHz", 4)


def test_a_machine_that_tells_nothing_is_known_by_its_name() -> None:
    run = read({**SECOND, "params": {"machine": "box"}}, BENCHMARKS, "").run
    assert run.environment is not None
    assert (run.environment.cpu, run.environment.cores) == ("box", 0)


def test_results_of_another_version_or_of_nothing_known_are_left_out() -> None:
    newer = {**BENCHMARKS, "bench.Step.time_step": {"type": "time", "version": "v2"}}
    del newer["bench.track_loss"]
    taken = read(SECOND, newer, "")
    assert [point.more[0].metric for point in taken.run.points] == ["peak_memory"]
    assert taken.left == {
        "failed or skipped": 1,
        "not in benchmarks.json": 1,
        "of another version of the benchmark": 4,
    }


def test_the_same_file_is_the_same_run() -> None:
    assert read(SECOND, BENCHMARKS, "").run.key == read(SECOND, BENCHMARKS, "").run.key
    other = {**SECOND, "commit_hash": "d" * 40}
    assert read(other, BENCHMARKS, "").run.key != read(SECOND, BENCHMARKS, "").run.key


def test_long_and_odd_words_are_made_to_fit() -> None:
    row = [[1.0, 2.0], [["x" * 600, "x" * 599 + "y"]]]
    odd = {**SECOND, "env_name": "e\0\ud800", "results": {"bench.peakmem_step": row}}
    names = [point.test for point in read(odd, BENCHMARKS, "").run.points]
    assert len(set(names)) == 2
    assert {len(name) for name in names} == {500}
    short = {**odd, "results": {"bench.peakmem_step": [[1.0], []]}}
    assert read(short, BENCHMARKS, "").run.points[0].test == "bench.peakmem_step[@e\ufffd?]"


@pytest.mark.parametrize(
    ("saved", "word"),
    [
        ([], "no object"),
        ({"results": [], "version": 2}, "no object"),
        ({**SECOND, "version": 3}, "version 3 of asv's format"),
        ({**SECOND, "commit_hash": None}, "None stands where a name belongs"),
        ({**SECOND, "date": "x", "results": {}}, "TypeError"),
        ({key: SECOND[key] for key in SECOND if key != "commit_hash"}, "'commit_hash'"),
        ({**SECOND, "result_columns": None}, "TypeError"),
        ({**SECOND, "date": 1e300, "results": {}}, "is no moment"),
        ({**SECOND, "params": []}, "AttributeError"),
        ({**SECOND, "results": {"bench.peakmem_step": [[1.0, 2.0], []]}}, "2 values for its"),
        ({**SECOND, "results": {"bench.peakmem_step": 3}}, "TypeError"),
        ({**SECOND, "results": {"bench.peakmem_step": [[1.0], 7]}}, "TypeError"),
    ],
)
def test_what_is_no_such_file_is_told(saved: Any, word: str) -> None:
    with pytest.raises(PerflintError, match=word):
        read(saved, BENCHMARKS, "")
