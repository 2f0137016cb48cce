"""Each condition is reported where it holds, and not where it does not."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.machine.doctor import (
    Check,
    Level,
    SelfComparison,
    diagnose,
    judge_self,
)
from torch_perflint.runners.machine.doctor_output import as_json, as_text
from torch_perflint.runners.machine.machine_cgroup import MemoryLimit, Quota
from torch_perflint.runners.machine.machine_cpu import ClockRules, Memory
from torch_perflint.runners.machine.machine_state import MachineState, Span

GIB = 1 << 30
QUIET = MachineState(
    system="Linux",
    cpu="a processor",
    online=8,
    usable=8,
    threads=1,
    load=0.1,
    clock=ClockRules(("performance",), False, False),
    quota=Quota(math.inf, 0, 0),
    memory=Memory(32 * GIB, 30 * GIB, 0),
    memory_limit=MemoryLimit(math.inf),
    waiting=Span(2.0, 0.05, 0.0, 0, 0),
)


def found(state: MachineState, name: str) -> Check:
    (check,) = [check for check in diagnose(state) if check.name == name]
    return check


def test_a_quiet_machine_is_fine_throughout() -> None:
    names = "other work, steal, governor, turbo, throttling, quota, memory, swap, threads"
    assert ", ".join(check.name for check in diagnose(QUIET)) == names
    assert {check.level for check in diagnose(QUIET)} == {Level.FINE}


def waiting(**values: Any) -> dict[str, Any]:
    return {"waiting": replace(QUIET.waiting, **values)}


def quota(cores: float | None) -> dict[str, Any]:
    return {"quota": Quota(cores, 10, 0)}


def clock(**values: Any) -> dict[str, Any]:
    return {"clock": replace(QUIET.clock, **values)}


@pytest.mark.parametrize(
    ("name", "level", "changes"),
    [
        ("other work", Level.DOUBTFUL, waiting(busy=1.0)),
        ("other work", Level.BAD, waiting(busy=7.5)),
        ("other work", Level.BAD, {**waiting(busy=5.0), "threads": 4}),
        ("other work", Level.UNKNOWN, waiting(busy=None)),
        ("steal", Level.DOUBTFUL, waiting(stolen=0.02)),
        ("steal", Level.BAD, waiting(stolen=0.06)),
        ("steal", Level.BAD, {"measuring": Span(60.0, 1.0, 0.10, 0, 0)}),
        ("steal", Level.UNKNOWN, waiting(stolen=None)),
        ("steal", Level.UNKNOWN, {**clock(virtual=True), "steal_told": False}),
        ("steal", Level.FINE, {**clock(virtual=True), "steal_told": True}),
        ("governor", Level.DOUBTFUL, clock(governors=("performance", "schedutil"))),
        ("governor", Level.UNKNOWN, clock(governors=None)),
        ("turbo", Level.DOUBTFUL, clock(boost=True)),
        ("turbo", Level.UNKNOWN, clock(boost=None)),
        ("throttling", Level.BAD, waiting(heat_events=1)),
        ("throttling", Level.BAD, {"measuring": Span(60.0, 1.0, 0.0, 0, 2)}),
        ("throttling", Level.UNKNOWN, waiting(heat_events=None)),
        ("quota", Level.BAD, quota(0.5)),
        ("quota", Level.BAD, {**quota(4.0), "measuring": Span(60.0, 1.0, 0.0, 3, 0)}),
        ("quota", Level.DOUBTFUL, quota(1.5)),
        ("quota", Level.FINE, quota(4.0)),
        ("quota", Level.UNKNOWN, quota(None)),
        ("memory", Level.BAD, {"memory": Memory(32 * GIB, GIB // 2, 0)}),
        ("memory", Level.DOUBTFUL, {"memory": Memory(32 * GIB, 2 * GIB, 0)}),
        ("memory", Level.DOUBTFUL, {"memory_limit": MemoryLimit(4 * GIB, 2 * GIB)}),
        ("memory", Level.UNKNOWN, {"memory_limit": MemoryLimit(None)}),
        ("memory", Level.UNKNOWN, {"memory": Memory(None, None, None)}),
        ("swap", Level.DOUBTFUL, {"memory": Memory(32 * GIB, 30 * GIB, GIB)}),
        ("swap", Level.UNKNOWN, {"memory": Memory(32 * GIB, 30 * GIB, None)}),
        ("threads", Level.BAD, {"threads": 9}),
        ("threads", Level.DOUBTFUL, {"usable": 1}),
        ("threads", Level.DOUBTFUL, {"variables": {"OMP_NUM_THREADS": "8"}}),
        ("threads", Level.FINE, {"variables": {"OMP_NUM_THREADS": "1"}}),
    ],
)
def test_a_condition_is_told_by_its_name(name: str, level: Level, changes: dict[str, Any]) -> None:
    check = found(replace(QUIET, **changes), name)
    assert check.level is level
    says_more = level in (Level.BAD, Level.DOUBTFUL)
    assert bool(check.effect) is says_more and bool(check.remedy) is says_more


def test_what_a_container_hides_is_said_to_be_unknown() -> None:
    nothing = replace(
        QUIET,
        clock=ClockRules(None, None, None),
        quota=Quota(),
        memory=Memory(None, None, None),
        memory_limit=MemoryLimit(),
        waiting=Span(2.0, None, None, None, None),
    )
    levels = {check.name: check.level for check in diagnose(nothing)}
    assert levels.pop("threads") is Level.FINE
    assert set(levels.values()) == {Level.UNKNOWN}


SAME = SelfComparison("same", 0.001, -0.004, 0.006, 0.021, 0.012, 120, 1, 0.02, 31.0)


@pytest.mark.parametrize(
    ("level", "changes"),
    [
        (Level.FINE, {}),
        (Level.DOUBTFUL, {"detectable": 0.05}),
        (Level.DOUBTFUL, {"verdict": "unsure"}),
        (Level.BAD, {"detectable": 0.2}),
        (Level.BAD, {"verdict": "slower", "change": -0.05}),
        (Level.BAD, {"verdict": "faster"}),
    ],
)
def test_the_same_code_is_judged_by_what_could_be_caught(
    level: Level, changes: dict[str, Any]
) -> None:
    check = judge_self(replace(SAME, **changes))
    assert check.level is level
    assert f"{replace(SAME, **changes).detectable:.1%}" in check.found


def test_once_is_chance_and_twice_is_the_machine() -> None:
    faster = replace(SAME, verdict="faster", change=0.026)
    once = judge_self(replace(faster, again=SAME))
    assert once.level is Level.DOUBTFUL
    assert "a second time called same (+0.1%)" in once.found
    twice = judge_self(replace(faster, again=faster))
    assert (twice.level, judge_self(faster).level) == (Level.BAD, Level.BAD)


def test_what_to_mend_is_named_where_there_is_something() -> None:
    unsure = replace(SAME, verdict="unsure", warnings=("only 8 pairs in 2 segments",))
    assert judge_self(unsure).remedy.startswith("Run `perflint doctor` again")
    assert judge_self(unsure, ["steal", "threads"]).remedy.startswith(
        "Mend steal and threads first"
    )
    assert "Only 8 pairs in 2 segments." in judge_self(unsure).effect


def test_the_text_is_aligned_and_folded() -> None:
    checks = (
        Check("a", Level.BAD, "found " * 30, "an effect", "run --this-option"),
        Check("longer", Level.FINE, "nothing"),
    )
    assert as_text("a machine", checks).splitlines() == [
        "a machine",
        "",
        "bad   a       " + ("found " * 14).strip(),
        "              " + ("found " * 14).strip(),
        "              found found",
        "              an effect",
        "              -> run --this-option",
        "fine  longer  nothing",
        "",
        "1 bad, 1 fine",
    ]


def test_the_json_has_everything() -> None:
    document = json.loads(as_json("a machine", [judge_self(SAME)], SAME, ["a note"]))
    assert document["schema_version"] == 1
    assert document["checks"][0]["level"] == "fine"
    assert document["same_code"]["detectable"] == 0.021
    assert document["notes"] == ["a note"]


def doctor(folder: Path, *words: str, code: str = "") -> "subprocess.CompletedProcess[str]":
    call = f"from torch_perflint.__main__ import main; sys.exit(main({['doctor', *words]!r}))"
    return subprocess.run(
        [sys.executable, "-c", f"import sys; {code or 'pass'}; {call}"],
        capture_output=True,
        text=True,
        cwd=folder,
    )


def test_reading_needs_no_torch_and_no_repository(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--no-measure", "--format", "json", code="sys.modules['torch'] = None")
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    assert document["same_code"] is None
    assert {"other work", "steal", "quota"} <= {check["name"] for check in document["checks"]}


def test_without_torch_the_comparison_is_left_out_with_a_word(tmp_path: Path) -> None:
    code = (
        "import importlib.util as u; find = u.find_spec; "
        "u.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)"
    )
    done = doctor(tmp_path, code=code)
    assert done.returncode in (0, 1), done.stderr
    assert "not compared: PyTorch is not installed" in " ".join(done.stdout.split())


def test_a_comparison_that_fails_keeps_what_was_read_and_ends_in_status_2(tmp_path: Path) -> None:
    code = "import os; os.environ['PATH'] = '/nowhere'"  # no git
    done = doctor(tmp_path, code=code)
    assert done.returncode == 2, done.stderr
    assert "git is not installed" in done.stdout and "other work" in done.stdout


def test_a_configuration_that_is_wrong_is_said(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.runners]\nthreads = 0\n")
    done = doctor(tmp_path, "--no-measure")
    assert (done.returncode, done.stdout) == (2, "")
    assert "threads has to be" in done.stderr


def test_in_a_folder_of_a_repository_its_settings_hold(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch_perflint.runners.machine.doctor_cli import _settings

    repo.commit({"pyproject.toml": "[tool.perflint.runners]\nthreads = 3\n", "src/a.py": ""})
    monkeypatch.chdir(repo.root / "src")
    assert _settings().threads == 3
    monkeypatch.chdir(repo.root.parent)
    assert _settings().threads == 1


def test_half_a_comparison_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured before Ctrl-C is told of a run, and would be a verdict on the machine."""
    from torch_perflint.runners.config import RunnersConfig
    from torch_perflint.runners.machine import self_comparison
    from torch_perflint.runners.result import RunResult, Selection

    stopped = RunResult(Selection(1, 1), (), None, 0, interrupted=True)
    monkeypatch.setattr(self_comparison, "run_perf_tests", lambda *args: stopped)
    with pytest.raises(KeyboardInterrupt):
        self_comparison.compare_with_itself(RunnersConfig(), 0, print)


@pytest.mark.slow
@pytest.mark.torch
def test_a_step_is_compared_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_perflint.runners.config import RunnersConfig
    from torch_perflint.runners.machine.self_comparison import compare_with_itself
    from torch_perflint.runners.verdict import schedule

    monkeypatch.setattr(schedule, "_MOST_PAIRS", 8)
    said: list[str] = []
    # So wide a smallest effect ends the measurement early: this asks whether it works.
    config = RunnersConfig(max_seconds=2, min_effect=0.5, paths=("elsewhere",))
    result = compare_with_itself(config, 0, said.append)
    assert result.low <= result.change <= result.high
    assert result.detectable >= 0.5 and result.pairs >= 8 and result.base_seconds > 0
    assert any("starting base" in one for one in said)
