"""Each condition of a GPU is reported where it holds, and not where it does not."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.__main__ import main
from torch_perflint.runners.gpu.gpu import Card, GpuSample, MigSlice
from torch_perflint.runners.machine import doctor_cli
from torch_perflint.runners.machine.doctor import Level
from torch_perflint.runners.machine.doctor_gpu import diagnose_gpus, unread

from ..fake_nvml import FakeCard, stand_in

ALONE = Card(
    "NVIDIA H100",
    "GPU-1",
    "570.1",
    persistent=True,
    max_mhz=1980,
    mps_clients=0,
    now=GpuSample(1500, (), 50, 100.0, 0),
)


def now(**values: Any) -> Card:
    return replace(ALONE, now=replace(ALONE.now, **values))


@pytest.mark.parametrize(
    ("name", "level", "card"),
    [
        ("GPU", Level.FINE, ALONE),
        ("GPU throttle", Level.FINE, ALONE),
        ("GPU throttle", Level.BAD, now(reasons=("thermal slowdown",))),
        # Many cards are at their cap whenever they work; it spoils no pair by itself.
        ("GPU throttle", Level.DOUBTFUL, now(reasons=("power cap",))),
        ("GPU throttle", Level.BAD, now(reasons=("power cap", "thermal slowdown"))),
        ("GPU throttle", Level.UNKNOWN, now(reasons=None)),
        ("GPU clock", Level.UNKNOWN, ALONE),
        ("GPU clock", Level.UNKNOWN, now(mhz=None)),
        ("GPU persistence", Level.FINE, ALONE),
        ("GPU persistence", Level.DOUBTFUL, replace(ALONE, persistent=False)),
        ("GPU persistence", Level.UNKNOWN, replace(ALONE, persistent=None)),
        ("GPU tenants", Level.FINE, ALONE),
        ("GPU tenants", Level.BAD, now(tenants=1)),
        ("GPU tenants", Level.UNKNOWN, now(tenants=None)),
        ("GPU tenants", Level.DOUBTFUL, replace(ALONE, mig=MigSlice("MIG-1", "1g.10gb"))),
    ],
)
def test_a_condition_is_told_by_its_name(name: str, level: Level, card: Card) -> None:
    checks = diagnose_gpus([card], mps=[False], launch_blocking=None)
    (check,) = [check for check in checks if check.name == name]
    assert check.level is level
    if level in (Level.BAD, Level.DOUBTFUL):
        assert check.effect and check.remedy


def test_mps_is_bad_and_blocking_launches_are() -> None:
    checks = diagnose_gpus([ALONE], mps=[True], launch_blocking="1")
    assert {check.name for check in checks if check.level is Level.BAD} == {
        "GPU tenants",
        "GPU launches",
    }
    assert len(diagnose_gpus([ALONE], mps=[False], launch_blocking="0")) == 5


def test_several_cards_are_numbered() -> None:
    checks = diagnose_gpus([ALONE, ALONE], mps=[False, False], launch_blocking=None)
    assert [check.name for check in checks if "persistence" in check.name] == [
        "GPU 0 persistence",
        "GPU 1 persistence",
    ]


def test_a_card_that_was_not_read_is_unknown_and_none_is_fine() -> None:
    assert unread("no extra", present=True).level is Level.UNKNOWN
    assert unread("no extra", present=False).level is Level.FINE


def test_the_command_reads_the_card_and_says_what_no_gpu_has_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(FakeCard(bits=0x20, persistent=0)))
    monkeypatch.setattr(doctor_cli, "_WAIT_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--no-measure", "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    found = {check["name"]: check["level"] for check in document["checks"]}
    assert (found["GPU throttle"], found["GPU persistence"]) == ("bad", "doubtful")
    assert "docs/gpu.md" in document["notes"][0]
