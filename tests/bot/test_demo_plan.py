"""The demo tells what was planted from what was found, and does what is said of it."""

import ast
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("msgspec")

from torch_perflint.bot.demo import FILES, PLANTED, compare_with_plan, main, make_demo
from torch_perflint.bot.report import Report
from torch_perflint.lints.finding import Finding
from torch_perflint.runners.profiling.profile import LineChange, ProfileChange
from torch_perflint.runners.result import CounterChange, TestResult
from torch_perflint.runners.sample import SyncSite
from torch_perflint.runners.verdict.compare import Verdict

from .reports import finding, report, timed
from .test_demo import git

LINE = LineChange("minitrain/gpt.py", 41, "projected = …", 1.0, 4.0, touched=True)
SITE = SyncSite("minitrain/steps.py", 14, "aten::_local_scalar_dense", 1)
SYNC = CounterChange("host_syncs", 0, 1, over_budget=True, sites=(SITE,))
READ = finding("minitrain/steps.py", 14, "PFL101")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def _profile(*lines: LineChange) -> ProfileChange:
    return ProfileChange((), lines)


SLOWER = timed("test_gpt_train", Verdict.SLOWER, -0.25, profile=_profile(LINE))
WAITS = timed("test_convnet_train", Verdict.SAME, 0.0, counters=(SYNC,))
CALM = timed("test_loader_train", Verdict.SAME, 0.0)
AS_PLANTED = {result.test.name: result for result in (SLOWER, WAITS, CALM)}
TOLD = report(*AS_PLANTED.values(), findings=(READ,))


def _told(*results: TestResult, findings: tuple[Finding, ...] = (READ,)) -> Report:
    """What is told as planted, but for these results and findings."""
    tests = {**AS_PLANTED, **{result.test.name: result for result in results}}
    return report(*tests.values(), findings=findings)


def _words(lines: list[str]) -> dict[str, str]:
    """The first word of each line, by the perf test that it speaks of."""
    return {line.split()[1].rstrip(":"): line.split()[0] for line in lines}


def test_all_that_was_planted_is_found() -> None:
    found, lines = compare_with_plan(TOLD)
    assert found
    assert set(_words(lines).values()) == {"found"}
    assert "host_syncs 0 → 1" in lines[1]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SLOWER, verdict=Verdict.SAME),
        replace(SLOWER, verdict=Verdict.UNSURE),
        replace(SLOWER, verdict=Verdict.FAILED),
        replace(SLOWER, profile=None),
        replace(SLOWER, profile=_profile()),
        replace(SLOWER, profile=_profile(replace(LINE, touched=False))),
        replace(SLOWER, profile=_profile(replace(LINE, path="minitrain/data.py"))),
        replace(SLOWER, profile=_profile(replace(LINE, head_ms=0.5))),
        replace(WAITS, verdict=Verdict.SLOWER),
        replace(WAITS, verdict=Verdict.FASTER),
        replace(WAITS, counters=()),
        replace(WAITS, counters=(), verdict=Verdict.UNSURE),
        replace(WAITS, counters=(replace(SYNC, over_budget=False),)),
        replace(WAITS, counters=(replace(SYNC, base=1, head=2),)),
        replace(WAITS, counters=(replace(SYNC, sites=()),)),
        replace(WAITS, counters=(replace(SYNC, sites=(replace(SITE, path="minitrain/a.py"),)),)),
        replace(WAITS, counters=(replace(SYNC, sites=(replace(SITE, line=13),)),)),
        replace(WAITS, counters=(SYNC, CounterChange("operators", 1, 2, over_budget=True))),
        replace(CALM, verdict=Verdict.SLOWER),
        replace(CALM, verdict=Verdict.FASTER),
        replace(CALM, comparison=None),
        replace(CALM, comparison=None, verdict=Verdict.UNSURE),
        replace(CALM, counters=(SYNC,)),
    ],
)
def test_a_plant_that_was_missed_or_a_false_alarm_is_named(wrong: TestResult) -> None:
    found, lines = compare_with_plan(_told(wrong))
    assert not found
    missed = [test for test, word in _words(lines).items() if word == "MISSED"]
    assert missed == [wrong.test.name]


@pytest.mark.parametrize(
    "findings",
    [(), (replace(READ, code="PFL102"),), (replace(READ, path="minitrain/gpt.py"),)],
    ids=["none", "another rule", "another file"],
)
def test_a_host_sync_that_the_linter_does_not_name_is_missed(
    findings: tuple[Finding, ...],
) -> None:
    found, lines = compare_with_plan(_told(findings=findings))
    assert not found
    assert _words(lines)["test_convnet_train"] == "MISSED"
    assert "no finding PFL101 on the line that waits" in lines[1]


def test_time_that_the_machine_leaves_open_is_unsure_and_no_failed_demo() -> None:
    unsure = [replace(result, verdict=Verdict.UNSURE) for result in (WAITS, CALM)]
    found, lines = compare_with_plan(_told(*unsure))
    assert found
    assert list(_words(lines).values()) == ["found", "unsure", "unsure"]
    assert all(line.endswith("the machine was too noisy to say") for line in lines[1:])


def test_a_perf_test_that_was_not_run_is_missed() -> None:
    found, lines = compare_with_plan(report(SLOWER))
    assert not found
    assert sum("it was not run" in line for line in lines) == 2


def test_the_plan_and_the_files_name_the_same_perf_tests() -> None:
    written = {
        node.name
        for file in (FILES / "base" / "perf_tests").glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert written == {planted.test for planted in PLANTED}


def _stand_in(
    monkeypatch: pytest.MonkeyPatch, status: int, told: Report
) -> list[tuple[Path, list[str]]]:
    """Put a `ci` that ends with `status` in place of ours; return where and how it was called."""
    calls: list[tuple[Path, list[str]]] = []

    def ci(words: list[str]) -> int:
        calls.append((Path.cwd(), words))
        if status in (0, 1):
            out = Path(words[words.index("--out") + 1])
            out.mkdir(exist_ok=True)
            (out / "comment.md").write_text("what is told\n")
            (out / "report.json").write_text("{}")
        return status

    module = ModuleType("torch_perflint.bot.ci")
    module.main = ci  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_perflint.bot.ci", module)
    reports = ModuleType("torch_perflint.bot.report")
    reports.read_report = lambda path: told  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_perflint.bot.report", reports)
    return calls


def test_ci_runs_inside_the_demo_on_its_two_commits(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Path.cwd()
    calls = _stand_in(monkeypatch, 1, TOLD)
    assert main(["--into", str(folder)]) == 0
    head, base = git(folder, "rev-list", "HEAD").split()
    out = str(folder / ".perflint")
    assert calls == [(folder, ["--base", base, "--head", head, "--out", out])]
    assert Path.cwd() == here
    said = capsys.readouterr().out
    assert "what is told" in said
    assert str(folder / ".perflint" / "comment.md") in said


@pytest.mark.parametrize(("status", "ends"), [(0, 1), (2, 2), (3, 3)])
def test_any_other_end_of_ci_is_a_failed_demo(
    folder: Path, monkeypatch: pytest.MonkeyPatch, status: int, ends: int
) -> None:
    _stand_in(monkeypatch, status, TOLD)
    assert main(["--into", str(folder)]) == ends


def test_a_missed_plant_is_a_failed_demo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, 1, report())
    assert main(["--into", str(folder)]) == 1


def test_a_comment_of_the_last_run_is_never_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_demo(folder)
    (folder / ".perflint").mkdir()
    (folder / ".perflint" / "comment.md").write_text("of yesterday")
    _stand_in(monkeypatch, 2, report())
    main(["--into", str(folder)])
    assert "of yesterday" not in capsys.readouterr().out
    assert not (folder / ".perflint" / "comment.md").exists()


def test_no_run_makes_the_repository_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    calls = _stand_in(monkeypatch, 1, report())
    assert main(["--no-run"]) == 0
    assert calls == []
    assert (tmp_path / "perflint-demo" / ".git").is_dir()
    assert "perflint ci --base" in capsys.readouterr().out


# Runs two steps of every perf test of the repository in the current folder, and counts operators.
COUNT_OPERATORS = """
import collections, importlib, json, sys
import torch
from torch.utils._python_dispatch import TorchDispatchMode

class Counting(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[str(function)] += 1
        return function(*args, **(kwargs or {}))

class Perf:
    device = "cpu"
    def __call__(self, step):
        step()
        self.counts = []
        for _ in range(2):
            with Counting() as counting:
                step()
            self.counts.append(counting.counts)

torch.set_num_threads(1)
sys.dont_write_bytecode = True
sys.path[:0] = [".", "perf_tests"]
told = {}
for name in ("gpt", "convnet", "loader"):
    perf = Perf()
    getattr(importlib.import_module(f"test_{name}"), f"test_{name}_train")(perf)
    told[name] = perf.counts
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_the_planted_changes_do_what_is_said_of_them(folder: Path) -> None:
    base, head = make_demo(folder)
    told = {}
    for side, commit in (("base", base), ("head", head)):
        git(folder, "checkout", "--quiet", commit)
        done = subprocess.run(
            [sys.executable, "-c", COUNT_OPERATORS], cwd=folder, capture_output=True, check=True
        )
        told[side] = json.loads(done.stdout)
    for side in told.values():
        for first, second in side.values():
            assert first == second, "a step that differs from the next cannot be counted"
    base_counts = {name: counts[0] for name, counts in told["base"].items()}
    head_counts = {name: counts[0] for name, counts in told["head"].items()}
    read = "aten._local_scalar_dense.default"
    assert not any(read in counts for counts in base_counts.values())
    assert head_counts["convnet"].pop(read) == 1
    # head no longer calls detach(); everything else is as before.
    for counts in (head_counts["convnet"], base_counts["convnet"]):
        counts.pop("aten.detach.default", None)
    assert head_counts["convnet"] == base_counts["convnet"]
    assert head_counts["loader"] == base_counts["loader"]
    extra = sum(head_counts["gpt"].values()) / sum(base_counts["gpt"].values())
    assert 1.1 < extra < 1.5
