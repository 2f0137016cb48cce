"""`perflint history export` and `import`, from the command line to the file."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("msgspec")

from torch_perflint import PerflintError
from torch_perflint.bot.history import main
from torch_perflint.bot.past.options import FORMATS
from torch_perflint.runners.sample import Environment
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.telemetry.record import Commit, StoredPeak, StoredPoint, StoredRun, StoredTime
from torch_perflint.telemetry.store import open_store

HERE = Environment("3.11.2", "2.13.0", "Linux", "a processor", 2, 1, "cpu")
POINT = StoredPoint(
    "perf_tests/test_gpt.py::test_gpt",
    Verdict.SAME,
    256.0,
    "tokens",
    StoredTime(0.0, -0.01, 0.01, 0.01, 0.01),
    peak=StoredPeak("cpu", 1000, 2000),
)
RUN = StoredRun(
    "b" * 40, "c" * 40, "2026-01-01T00:00:00+00:00", "0.1.0", 0, HERE, (POINT,), "acme/train"
)
PULL = replace(RUN, head="d" * 40, points=(replace(POINT, items=512.0),))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with open_store(".perflint/history.sqlite", create=True) as store:
        store.add(RUN)
        store.add(PULL)
        store.place("acme/train", [Commit("c" * 40, 1, "", "")])
    return tmp_path


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["export", "--format", *words]) == 0
    return capsys.readouterr().out


def test_text_goes_to_standard_output_or_into_a_file(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = exported(capsys, "openmetrics")
    assert 'perflint_throughput_tokens_per_second{repository="acme/train"' in told
    assert "} 25600.0\n" in told
    assert told.endswith("# EOF\n")
    assert exported(capsys, "openmetrics", "--out", "made/perflint.prom") == ""
    assert (here / "made" / "perflint.prom").read_text() == told


def test_a_commit_and_a_metric_can_be_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(exported(capsys, "bencher", "--commit", "ddd", "--metric", "throughput"))
    assert data == {POINT.test: {"throughput-tokens-per-second": {"value": 51200.0}}}


def test_both_kinds_of_better_need_a_choice(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PerflintError, match="--better bigger"):
        main(["export", "--format", "github-action-benchmark"])
    (one,) = json.loads(exported(capsys, "github-action-benchmark", "--better", "smaller"))
    assert (one["unit"], one["value"]) == ("bytes", 2000.0)


def test_one_run_is_written_for_pytest_benchmark(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(exported(capsys, "pytest-benchmark"))
    assert data["commit_info"]["id"] == "c" * 40
    assert [one["fullname"] for one in data["benchmarks"]] == [POINT.test]


def test_of_two_machines_the_one_that_is_asked_for_is_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(".perflint/history.sqlite") as store:
        later = "2026-01-02T00:00:00+00:00"
        store.add(replace(RUN, environment=replace(HERE, cpu="another"), created=later))
    for cpu in ("a processor", "another"):
        words = ["pytest-benchmark", "--hardware", f"{cpu}, 2 cores, 1 thread"]
        told = json.loads(exported(capsys, *words))
        assert told["machine_info"]["cpu"]["brand_raw"] == cpu
    with pytest.raises(PerflintError, match="choose with --hardware"):
        main(["export", "--format", "bencher"])


def test_csv_has_all_values(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = exported(capsys, "csv").splitlines()
    assert len(lines) == 1 + 4
    assert len(exported(capsys, "csv", "--commit", "d" * 40).splitlines()) == 1 + 2


def test_series_that_the_main_branch_does_not_have_are_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(POINT, test="perf_tests/test_new.py::test_new")
    with open_store(".perflint/history.sqlite") as store:
        store.add(replace(PULL, points=(other,), created="2026-01-02T00:00:00+00:00"))
    assert main(["export", "--format", "bencher"]) == 0
    told = capsys.readouterr()
    assert "2 series left out" in told.err
    assert "test_new" not in told.out


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["csv", "--test", "test_none"], "is what was asked for"),
        (["bencher", "--metric", "none"], "is what was asked for"),
        (["bencher", "--commit", "eee"], "no commit with results in .* begin with eee"),
        (["parquet"], "say with --out"),
        (["csv", "--better", "bigger"], "--better means nothing to csv"),
        (["otlp", "--out", "x"], "--out means nothing to otlp"),
    ],
)
def test_nothing_to_write_is_an_error(here: Path, words: list[str], word: str) -> None:
    with pytest.raises(PerflintError, match=word):
        main(["export", "--format", *words])


def test_without_an_order_the_way_to_one_is_told(here: Path) -> None:
    with open_store("other.sqlite", create=True) as store:
        store.add(RUN)
    with pytest.raises(PerflintError, match=r"main branch \(2 series .*history order"):
        main(["export", "--format", "openmetrics", "--store", "other.sqlite"])


def test_an_extra_that_is_missing_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pyarrow", "opentelemetry.exporter.otlp.proto.http.metric_exporter"):
        monkeypatch.setitem(sys.modules, module, None)
    for name, extra in (("parquet", "parquet"), ("otlp", "otlp")):
        monkeypatch.delitem(sys.modules, f"torch_perflint.telemetry.exports.{name}", raising=False)
        with pytest.raises(PerflintError, match=rf"torch-perflint\[{extra}\]"):
            main(["export", "--format", name, *(["--out", "x"] if name == "parquet" else [])])


def test_every_format_is_named_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "history.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in page] == []


SAVED = {
    "machine_info": {"python_version": "3.12", "cpu": {"brand_raw": "A CPU", "count": 8}},
    "commit_info": {"id": "e" * 40, "dirty": False},
    "benchmarks": [{"fullname": "t.py::test_a", "stats": {"median": 0.5}}],
    "datetime": "2026-01-01T00:00:00+00:00",
    "version": "5.3.1",
}
RESULT = {
    "commit_hash": "e" * 40,
    "env_name": "conda-py3.11",
    "date": 1767225600000,
    "params": {"machine": "box"},
    "python": "3.11",
    "requirements": {},
    "result_columns": ["result", "params"],
    "results": {"bench.time_a": [[0.5], []]},
    "version": 2,
}


def git(at: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.check_output(["git", *who, *words], cwd=at, text=True).strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A repository of two commits on `main`; the working folder is in it."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for number in range(2):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", str(number))
    return git(tmp_path, "rev-list", "--reverse", "HEAD").split()


def test_saved_results_come_in_once_and_in_order(
    checkout: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ".benchmarks" / "Linux-CPython-3.12-64bit"
    folder.mkdir(parents=True)
    for number, commit in enumerate(checkout):
        one = {**SAVED, "commit_info": {"id": commit, "dirty": False}}
        (folder / f"000{number}_a.json").write_text(json.dumps(one))
    words = ["import", ".benchmarks", "--format", "pytest-benchmark"]
    assert main(words) == 0
    first, places = capsys.readouterr().out.splitlines()
    assert first.startswith(".benchmarks: 2 runs with 2 values stored in ")
    assert "main is known up to commit 2" in places
    assert main(words) == 0
    assert "0 runs with 0 values stored, 2 stored before" in capsys.readouterr().out
    with open_store(".perflint/history.sqlite") as store:
        ((number, series),) = store.series().items()
        assert (series.test, series.hardware) == ("t.py::test_a", "A CPU, 8 cores")
        assert [one.head for one in store.values(number)] == checkout


@pytest.mark.parametrize("below", ["", "results", ".asv/results"])
def test_results_of_asv_are_found_below_their_folder(
    checkout: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    machine = tmp_path / "past" / below / "box"
    machine.mkdir(parents=True)
    (machine / "machine.json").write_text('{"machine": "box", "version": 1}')
    listed = machine.parent / "benchmarks.json"
    listed.write_text('{"bench.time_a": {"type": "time"}, "version": 2}')
    for commit in checkout:
        one = {**RESULT, "commit_hash": commit}
        (machine / f"{commit[:8]}-conda-py3.11.json").write_text(json.dumps(one))
    (machine / "broken-conda-py3.11.json").write_text("{")
    (machine / "empty-conda-py3.11.json").write_text(json.dumps({**RESULT, "results": {}}))
    assert main(["import", "past", "--format", "asv", "--repository", "acme/train"]) == 2
    told = capsys.readouterr()
    assert "broken-conda-py3.11.json: it is no JSON: " in told.err
    assert (
        "past: 2 runs with 2 values stored, 1 file without a value, 1 file could not be read in "
        in told.out
    )
    with open_store(".perflint/history.sqlite") as store:
        (series,) = store.series().values()
    assert (series.repository, series.hardware) == ("acme/train", "box")
    assert series.parameters == "[@conda-py3.11]"
    one = machine / f"{checkout[0][:8]}-conda-py3.11.json"
    assert main(["import", str(one), "--format", "asv", "--repository", "acme/train"]) == 0
    assert "1 stored before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("format", "content", "word"),
    [
        ("pytest-benchmark", "{", "nothing in report.json was imported"),
        ("pytest-benchmark", "[" * 100_000, "nothing in report.json was imported"),
        ("asv", "{}", "benchmarks.json: it cannot be read: No such file"),
    ],
)
def test_a_file_of_something_else_is_named(
    checkout: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    format: str,
    content: str,
    word: str,
) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(PerflintError, match=word):
        main(["import", "report.json", "--format", format])
    if format == "pytest-benchmark":
        assert "perflint: report.json: it is no JSON" in capsys.readouterr().err


def test_a_folder_without_results_is_told(checkout: list[str], tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(PerflintError, match="nothing in none was imported"):
        main(["import", "none", "--format", "pytest-benchmark"])
    with pytest.raises(PerflintError, match="none is no folder of asv's results"):
        main(["import", "none", "--format", "asv"])
