"""`perflint history` stores reports and lists what is stored."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("msgspec")

from torch_perflint import PerflintError
from torch_perflint.bot.history import main
from torch_perflint.bot.past.listing import as_lines
from torch_perflint.bot.remember import remember
from torch_perflint.bot.report import LintResult, Report, Revision, write_report
from torch_perflint.runners.result import (
    CounterChange,
    PeakMemory,
    RunResult,
    Selection,
    TestResult,
)
from torch_perflint.runners.sample import Environment, Pair, PerfTest, Segment, SyncSite
from torch_perflint.runners.verdict.compare import Comparison, Verdict

GPT = TestResult(
    PerfTest("perf_tests/test_gpt.py::test_gpt_train", "perf_tests/test_gpt.py", 13, 256, "tokens"),
    Verdict.SLOWER,
    comparison=Comparison(
        Verdict.SLOWER, -0.263, -0.271, -0.255, 0.00771, 0.01047, 0.021, 60, 6, 2
    ),
    segments=(Segment(0, (Pair(0.0077, 0.0105),)),),
    counters=(
        CounterChange("operators", 470, 602),
        CounterChange("host_syncs", 0, 1, True, (SyncSite("minitrain/steps.py", 14, "item", 1),)),
        CounterChange("copies", 3, 3),
    ),
    peak=PeakMemory("cpu", 1000, 2000),
)
BROKEN = TestResult(
    PerfTest("perf_tests/test_b.py::test_b", "perf_tests/test_b.py", 3), Verdict.BROKEN
)
REPORT = Report(
    perflint="0.1.0",
    base=Revision("b" * 40, "main"),
    head=Revision("c" * 40, "HEAD"),
    created="2026-01-01T00:00:00Z",
    seconds=30.0,
    lint=LintResult(),
    run=RunResult(
        Selection(2, 2),
        (GPT, BROKEN),
        Environment("3.11.2", "2.13.0", "Linux", "a processor", 2, 1, "cpu"),
        seed=0,
    ),
    status=1,
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_report(REPORT, tmp_path / "report.json")
    return tmp_path


def test_remembering_keeps_verdict_times_counts_and_peak() -> None:
    run = remember(REPORT)
    assert (run.base, run.head, run.created, run.status) == ("b" * 40, "c" * 40, REPORT.created, 1)
    assert run.environment == REPORT.run.environment
    gpt, broken = run.points
    assert gpt.verdict is Verdict.SLOWER
    assert gpt.time is not None
    assert (gpt.time.change, gpt.time.low, gpt.time.high) == (-0.263, -0.271, -0.255)
    assert (gpt.time.base_seconds, gpt.time.head_seconds) == (0.00771, 0.01047)
    assert [(c.name, c.base, c.head, c.over_budget) for c in gpt.counts] == [
        ("copies", 3, 3, False),
        ("host_syncs", 0, 1, True),
        ("operators", 470, 602, False),
    ]
    assert gpt.peak is not None
    assert (gpt.peak.device, gpt.peak.base, gpt.peak.head) == ("cpu", 1000, 2000)
    assert gpt.segments == GPT.segments
    assert (broken.verdict, broken.time, broken.peak) == (Verdict.BROKEN, None, None)


def test_the_default_store_lies_in_the_folder_of_results(here: Path) -> None:
    assert main(["add", "report.json"]) == 0
    assert (here / ".perflint" / "history.sqlite").is_file()


def test_adding_twice_says_so_and_lists_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["add", "report.json", "report.json"]) == 0
    first, second, places = capsys.readouterr().out.splitlines()
    assert "report.json: stored (bbbbbbb..ccccccc, 2 perf tests)" in first
    assert "was stored before" in second
    assert "commits have no places on the main branch yet: " in places
    main(["list"])
    assert capsys.readouterr().out.count("test_gpt_train") == 1


def test_the_list_shows_verdict_change_step_and_changed_counts(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["add", "report.json"])
    capsys.readouterr()
    assert main(["list"]) == 0
    heading, gpt, broken = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["CREATED", "BASE", "HEAD", "VERDICT"]
    assert "slower" in gpt
    assert "−26.3% [−27.1, −25.5]" in gpt
    assert "24.5k tokens/s" in gpt
    assert "host syncs 0 → 1, operators 470 → 602" in gpt
    assert "copies" not in gpt
    assert broken.split()[3:] == ["broken", "perf_tests/test_b.py::test_b"]


def test_many_counts_and_a_long_name_fit_the_terminal() -> None:
    test = replace(GPT.test, id="perf_tests/test_gpt.py::test_" + "gpt_" * 40)
    counters = tuple(CounterChange(f"counter_{n}", n, n + 1) for n in range(9))
    more = replace(GPT, test=test, counters=(*counters, *GPT.counters))
    run = remember(replace(REPORT, run=replace(REPORT.run, tests=(more,))))
    lines = as_lines([run], 180)
    assert max(map(len, lines)) <= 180
    # What is over its budget comes first.
    assert "host syncs 0 → 1, counter 0 0 → 1 and 9 more" in lines[1]
    assert lines[1].endswith("gpt_gpt_")
    assert test.id in as_lines([run])[1]


def test_a_run_without_perf_tests_is_listed_too(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(replace(REPORT, run=replace(REPORT.run, tests=())), here / "report.json")
    main(["add", "report.json"])
    capsys.readouterr()
    main(["list"])
    assert capsys.readouterr().out.splitlines()[1].split()[1:] == ["bbbbbbb", "ccccccc", "-"]


def test_a_name_cannot_steer_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = replace(BROKEN, test=replace(BROKEN.test, id="t.py::a\x1b[2J\n\u202eb"))
    write_report(replace(REPORT, run=replace(REPORT.run, tests=(hostile,))), here / "report.json")
    main(["add", "report.json"])
    capsys.readouterr()
    main(["list"])
    assert capsys.readouterr().out.splitlines()[1].endswith("t.py::a\ufffd[2J \ufffdb")


def test_json_holds_everything_and_its_version(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["add", "report.json"])
    capsys.readouterr()
    assert main(["list", "--output-format", "json", "--test", "test_gpt_train"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema_version"] == 2
    (run,) = data["runs"]
    assert run["key"] == remember(REPORT).key
    (point,) = run["points"]
    assert point["verdict"] == "slower"
    (segment,) = point["segments"]
    assert (segment["launch"], segment["pairs"]) == (0, [{"base": 0.0077, "head": 0.0105}])


def test_a_limit_counts_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for minute in range(3):
        created = f"2026-01-01T00:0{minute}:00Z"
        write_report(replace(REPORT, created=created), here / f"{minute}.json")
    main(["add", "0.json", "1.json", "2.json"])
    capsys.readouterr()
    main(["list", "--limit", "2", "--test", "test_b"])
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0][14:16] for line in lines] == ["02", "01"]


def test_nothing_found_is_said_beside_an_empty_output(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["add", "report.json"])
    capsys.readouterr()
    assert main(["list", "--test", "test_c"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "no run with the perf test test_c" in said.err


def test_one_unreadable_report_stores_none(here: Path) -> None:
    (here / "broken.json").write_text("{")
    with pytest.raises(PerflintError, match=r"broken\.json"):
        main(["add", "report.json", "broken.json", "--store", "h.sqlite"])
    assert not (here / "h.sqlite").exists()


def test_listing_before_adding_says_how_to_start(here: Path) -> None:
    with pytest.raises(PerflintError, match="perflint history add"):
        main(["list"])


@pytest.mark.parametrize(("package", "extra"), [("sqlalchemy", "telemetry"), ("msgspec", "bot")])
def test_a_missing_package_names_the_extra_that_brings_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    for name in ("bot.report", "bot.remember", "telemetry.store"):
        monkeypatch.delitem(sys.modules, f"torch_perflint.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PerflintError, match=rf"pip install 'torch-perflint\[{extra}\]'"):
        main(["add", "report.json"])


@pytest.mark.parametrize("words", [[], ["list", "--limit", "0"], ["list", "--limit", "x"], ["add"]])
def test_wrong_words_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
