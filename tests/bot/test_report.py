"""Reports are written whole or not at all, and nothing is read that no run can have written."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("msgspec")

import msgspec
from torch_perflint import PerflintError
from torch_perflint.bot.disk import make_folder
from torch_perflint.bot.report import (
    Report,
    decode_report,
    read_report,
    write_report,
)
from torch_perflint.runners.counters.compiling import Compiling
from torch_perflint.runners.counters.utilization import Achieved, Utilization
from torch_perflint.runners.gpu.gpu import GpuPair, GpuRecord, GpuSample, GpuTurn
from torch_perflint.runners.sample import Pair, Segment

from .reports import GPT, REPORTS, report

TIMED = report(replace(GPT, segments=(Segment(1, (Pair(0.01, 0.012),)),)))


def _bent(where: str, key: str, value: object) -> bytes:
    """The timed report with one number replaced, in `test` or in the first pair."""
    made: dict[str, Any] = json.loads(msgspec.json.encode(TIMED))
    result = made["run"]["tests"][0]
    part = result["test"] if where == "test" else result["segments"][0]["pairs"][0]
    assert key in part
    part[key] = value
    return json.dumps(made).encode()


@pytest.mark.parametrize("made", [TIMED, *REPORTS.values()], ids=["timed", *REPORTS])
def test_what_is_written_is_read_as_it_was(made: Report, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    write_report(made, path)
    assert read_report(path) == made
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("test", "min_effect", -1),
        ("test", "min_effect", 0),
        ("test", "min_effect", 1),
        ("test", "items", 0),
        ("test", "items", -3.5),
        ("pair", "base", 0),
        ("pair", "head", -0.01),
        ("pair", "head", 0.0),
        ("pair", "base", 1e300),
        ("pair", "head", 5e-324),
    ],
)
def test_a_number_out_of_range_names_the_perf_test(where: str, key: str, value: float) -> None:
    with pytest.raises(PerflintError, match=r"x\.json is no report .*::test_gpt_train': ") as error:
        decode_report(_bent(where, key, value), "x.json")
    assert str(float(value)) in str(error.value)


def test_readings_of_the_gpu_for_other_pairs_than_there_are_are_refused() -> None:
    pair = GpuPair(GpuTurn(None, GpuSample(1500, ("power cap",))), GpuTurn())
    (segment,) = TIMED.run.tests[0].segments
    fits = report(replace(GPT, segments=(replace(segment, gpu=GpuRecord((pair,))),)))
    assert decode_report(msgspec.json.encode(fits), "x.json") == fits
    more = report(replace(GPT, segments=(replace(segment, gpu=GpuRecord((pair, pair))),)))
    with pytest.raises(PerflintError, match="another number of pairs"):
        decode_report(msgspec.json.encode(more), "x.json")


@pytest.mark.parametrize(
    ("strange", "words"),
    [
        (Utilization(Achieved(1e300), Achieved(1e12), 0, 0, 0), "no device does that"),
        (Utilization(Achieved(1e12), Achieved(1e12, 1e300), 0, 0, 0), "no device does that"),
        (Utilization(Achieved(-1.0), Achieved(1e12), 0, 0, 0), "no device does that"),
        (Compiling(head_warm=1e300), "no time at all"),
        (Compiling(base_cold=-1.0), "no time at all"),
    ],
)
def test_work_or_compiling_that_nothing_does_is_refused(
    strange: Utilization | Compiling, words: str
) -> None:
    key = "compiling" if isinstance(strange, Compiling) else "utilization"
    bad = report(replace(GPT, **{key: strange}))  # type: ignore[arg-type]
    with pytest.raises(PerflintError, match=words):
        decode_report(msgspec.json.encode(bad), "x.json")


def test_a_name_with_line_ends_does_not_end_the_line_of_the_message() -> None:
    made = json.loads(_bent("test", "items", 0))
    made["run"]["tests"][0]["test"]["id"] = "a.py::test_x\n::error::forged"
    with pytest.raises(PerflintError, match="forged") as error:
        decode_report(json.dumps(made).encode(), "x.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [("test", "min_effect", 0.5), ("test", "items", 0.25), ("pair", "base", 3600.0)],
)
def test_an_unusual_number_in_range_is_read(where: str, key: str, value: float) -> None:
    assert decode_report(_bent(where, key, value), "x.json") != TIMED


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for path in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(PerflintError, match=rf"{re.escape(str(path))}: a file is in the place"):
            make_folder(path)
        with pytest.raises(PerflintError, match=r"cannot write .*: a file is in the place"):
            write_report(TIMED, path / "report.json")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_in_the_place_of_the_report_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(PerflintError, match=r"cannot write .*report\.json: Is a directory"):
        write_report(TIMED, tmp_path / "report.json")
    with pytest.raises(PerflintError, match=r"cannot read the report .*: No such file"):
        read_report(tmp_path / "report.json")
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_full_disk_is_named_and_the_report_of_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(TIMED, path)
    (tmp_path / "report.json.part").symlink_to("/dev/full")
    with pytest.raises(PerflintError, match="No space left on device"):
        write_report(REPORTS["clear"], path)
    assert read_report(path) == TIMED
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="needs Linux's /proc")
def test_a_folder_that_takes_no_files_is_named_before_the_run() -> None:
    # Nobody may write there, root neither.
    with pytest.raises(PerflintError, match="cannot write into the folder /proc: "):
        make_folder(Path("/proc"))


def test_a_folder_is_made_with_those_above_it_and_left_empty(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_report_of_schema_version_1_is_still_read() -> None:
    made: dict[str, Any] = json.loads(msgspec.json.encode(TIMED))
    made["schema_version"] = 1
    for key in ("version", "other", "harness"):
        del made["run"]["tests"][0][key]
    del made["run"]["tests"][0]["test"]["reads"]
    del made["run"]["selection"]["tests"]
    for key in ("cuda", "gpu_uuid"):
        del made["run"]["environment"][key]
    assert decode_report(json.dumps(made).encode(), "old").run == TIMED.run
    made["schema_version"] = 3
    with pytest.raises(PerflintError, match="has schema version 3, this perflint reads 1 and 2"):
        decode_report(json.dumps(made).encode(), "new")


def test_the_other_version_of_a_test_is_checked_as_well() -> None:
    result = TIMED.run.tests[0]
    bad = replace(result, segments=(Segment(1, (Pair(0.01, 1e300),)),))
    for other, words in ((bad, "no step takes that long"), (replace(result, other=result), "two")):
        made = report(replace(result, other=other))
        with pytest.raises(PerflintError, match=words):
            decode_report(msgspec.json.encode(made), "strange")
