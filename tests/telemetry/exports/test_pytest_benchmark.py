"""pytest-benchmark itself compares what is written for it, and works out the same statistics."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.sample import Pair, Segment
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.telemetry.exports.pytest_benchmark import stats, text
from torch_perflint.telemetry.imports.pytest_benchmark import read
from torch_perflint.telemetry.record import (
    Reading,
    Source,
    StoredCount,
    StoredPoint,
    StoredRun,
    StoredTime,
)

from .entries import CARD, NASTY

# Apart from the rest: as a plug-in of pytest it would sit in every test run.
READERS = Path(sys.prefix) / "readers"
TIMES = (0.0105, 0.0107, 0.0101, 0.0110, 0.0300)
TIMED = StoredPoint(
    "perf_tests/test_gpt.py::test_gpt_train[8-bf16]",
    Verdict.SLOWER,
    256.0,
    "tokens",
    StoredTime(-0.26, -0.27, -0.25, 0.0077, 0.0107),
    counts=(StoredCount("host_syncs", 0, 1, True),),
    segments=(Segment(0, tuple(Pair(0.0077, one) for one in TIMES)),),
)
CLEARED = replace(TIMED, test=NASTY, segments=())
BROKEN = StoredPoint("perf_tests/test_b.py::test_b", Verdict.BROKEN, 1.0, "steps")
RUN = StoredRun(
    "b" * 40,
    "c" * 40,
    "2026-01-01T00:00:00+00:00",
    "0.1.0",
    1,
    CARD,
    (TIMED, CLEARED, BROKEN),
    "acme/train",
)


def tool(code: list[str], at: Path) -> str:
    if not READERS.exists():
        pytest.skip("pytest-benchmark is not in .venv/readers: `make .venv/developed`")
    environment = {**os.environ, "PYTHONPATH": str(READERS), "COLUMNS": "300", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *code], env=environment, cwd=at, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to load" not in done.stderr
    return done.stdout


def test_the_tool_compares_two_files(tmp_path: Path) -> None:
    slower = tuple(Pair(0.0077, 2 * one) for one in TIMES)
    later = replace(RUN, points=(replace(TIMED, segments=(Segment(0, slower),)),))
    (tmp_path / "0001_before.json").write_text(text(RUN))
    (tmp_path / "0002_after.json").write_text(text(later))
    words = ["-m", "pytest_benchmark", "compare", "0001_before.json", "0002_after.json"]
    told = tool([*words, "--columns=min,max,mean,stddev,median,iqr,outliers,ops,rounds"], tmp_path)
    rows = [line.split() for line in told.splitlines() if "test_gpt_train[8-bf16]" in line]
    assert len(rows) == 2
    assert [row[2] for row in rows] == ["10.1000", "20.2000"], told  # ms
    assert "\x1b" not in told


def test_statistics_are_those_of_the_tool(tmp_path: Path) -> None:
    draw = random.Random(1)
    samples = [[draw.lognormvariate(0, 0.7) for _ in range(count)] for count in range(1, 40)]
    samples.append([1.0] * 9)
    code = (
        "import json, sys; from pytest_benchmark.stats import Stats\n"
        "def of(data):\n"
        "    one = Stats(); one.data = data; return one.as_dict()\n"
        f"print(json.dumps([of(data) for data in {samples!r}]))"
    )
    theirs = json.loads(tool(["-c", code], tmp_path))
    for data, told in zip(samples, theirs, strict=True):
        ours = stats(data)
        assert ours.pop("outliers") == told.pop("outliers")
        assert ours == pytest.approx(told, rel=1e-12), data


def test_raw_times_are_kept_and_one_time_stands_where_they_are_gone() -> None:
    data = json.loads(text(RUN))
    first, second = data["benchmarks"]
    assert first["stats"]["data"] == list(TIMES)
    assert first["extra_info"]["host_syncs (per step)"] == 1.0
    assert (first["param"], first["name"]) == ("8-bf16", "test_gpt_train[8-bf16]")
    assert (second["stats"]["data"], second["stats"]["rounds"]) == ([0.0107], 1)
    assert data["commit_info"]["id"] == "c" * 40
    assert not data["commit_info"]["dirty"]


def test_what_it_writes_can_be_imported() -> None:
    taken = read(json.loads(text(replace(RUN, head="c" * 40 + "-dirty"))), "acme/train")
    assert (taken.run.head, taken.run.created) == ("c" * 40 + "-dirty", RUN.created)
    assert taken.run.source is Source.IMPORT
    at = taken.run.environment
    assert at is not None
    assert (at.torch, at.gpu, at.driver, at.cpu, at.cores) == (
        "2.13.0",
        "NVIDIA H200",
        "580.1",
        "a CPU",
        8,
    )
    first, _ = taken.run.points
    assert first.test == TIMED.test
    assert first.more == (Reading("time", "s", False, 0.0107),)
    again = json.loads(text(taken.run))
    assert [one["stats"]["data"] for one in again["benchmarks"]] == [[0.0107], [0.0107]]


def test_a_run_without_times_is_refused() -> None:
    with pytest.raises(PerflintError, match="no test of cccccccccccc was timed"):
        text(replace(RUN, points=(BROKEN,)))
