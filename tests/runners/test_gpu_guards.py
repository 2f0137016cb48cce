"""The GPU's guards take part in a measurement: real workers, a stand-in for the card."""

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.gpu.clocks import clock_notes, rejected
from torch_perflint.runners.gpu.gpu_guard import GpuGuard, mps_daemon_runs
from torch_perflint.runners.machine.machine import environment
from torch_perflint.runners.measure import Launch
from torch_perflint.runners.sample import PerfTest, Side
from torch_perflint.runners.sides.checkout import check_out
from torch_perflint.runners.verdict import schedule

from .fake_nvml import FakeCard, stand_in
from .runs import roots, worker_plan

GIB = 1 << 30

# The worker of a machine without a GPU says what one on a GPU would say.
STEP = """
import os, pathlib, pytest, torch
from torch_perflint.runners.counters import torch_kernels
from torch_perflint.runners.processes import torch_step

torch_step.gpu = lambda: {{"uuid": "0001", "free": {free}}}
torch_kernels.kernel_names = lambda step: {{"gemm": 2}}

@pytest.mark.perf
def test_it(perf):
    {setup}
    x = torch.ones(32, 32)
    perf(lambda: x @ x)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_MOST_PAIRS", 8)


@contextmanager
def launched(repo: Any, *, free: int = 100 * GIB, setup: str = "pass") -> Iterator[Any]:
    repo.commit({"test_it.py": textwrap.dedent(STEP).format(free=free, setup=setup)})
    repo.commit({"other.py": ""})
    with (
        check_out(repo.root, "main~1", "main") as sides,
        Launch(worker_plan(sides, "test_it.py"), roots(sides), 1, 0) as launch,
    ):
        collected = launch.collect(Side.BASE)
        (test,), errors = collected.tests, collected.errors
        assert errors == {}
        yield launch, test


@pytest.mark.torch
def test_turns_are_watched_and_a_hot_card_costs_its_pairs(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = FakeCard(uuid="GPU-0001", pids=[4, 5, 6], slices=[])
    module = stand_in(card)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    with launched(repo) as (launch, test):
        examined = launch.examine(test, Side.BASE)
        assert environment(examined.machine).driver == "570.1"
        cool = launch.time_segment(test)
        card.bits = 0x40
        hot = launch.time_segment(test)
        (cool,) = launch.with_kernels(test, [cool])
        assert launch.notes(test) == ("3 other processes are on the GPU",)
    assert module.open == 0, "the connection is closed"
    assert cool.gpu is not None and len(cool.gpu.pairs) == len(cool.pairs) == 8
    after = cool.gpu.pairs[0].head.after
    assert after is not None and (after.mhz, after.watts, after.reasons) == (1500, 250.0, ())
    assert after.tenants == 1, "three are seen in another numbering, two of them are ours"
    assert (cool.gpu.base_kernels, cool.gpu.head_kernels) == ({"gemm": 2}, {"gemm": 2})
    left = rejected([cool, hot])
    assert (left.rejected, left.too_many, left.segments) == (8, False, (cool,))
    assert rejected([hot]).too_many
    assert "other processes were on the GPU" in clock_notes([cool])[0]


@pytest.mark.torch
def test_without_nvml_steps_are_timed_all_the_same_and_it_is_said(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with launched(repo) as (launch, test):
        segment = launch.time_segment(test)
        (note,) = launch.notes(test)
    assert "not watched: nvidia-ml-py is not installed" in note
    assert segment.gpu is not None and segment.gpu.pairs[0].base.after is None
    assert rejected([segment]).segments == (segment,)
    assert segment.keep >= 3 and segment.drop == 1


@pytest.mark.slow
@pytest.mark.torch
def test_sides_that_do_not_fit_together_are_measured_one_after_the_other(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(FakeCard()))
    with launched(repo, free=GIB // 4) as (launch, test):
        for side in Side:
            assert launch.examine(test, side).failure is None
        segment = launch.time_segment(test)
        assert len(launch._workers.pids()) == 1
        assert "do not fit on the GPU together" in launch.notes(test)[0]
        profiles = launch.profile(test)
    assert segment.gpu is not None and segment.apart
    assert len(segment.pairs) == 8 and all(pair.base > 0 < pair.head for pair in segment.pairs)
    assert segment.keep >= 3 and segment.drop == 1
    assert set(profiles) == set(Side)


def test_what_one_launch_finds_not_to_fit_the_next_one_knows(repo: Any) -> None:
    repo.commit({"t.py": ""})
    repo.commit({"other.py": ""})
    test = PerfTest("t.py::test_it", "t.py", 1)
    with check_out(repo.root, "main~1", "main") as sides:
        known = {test.id: "both sides do not fit on the GPU together"}
        fresh = Launch(worker_plan(sides, "t.py"), roots(sides), 2, 0, known)
        assert "do not fit on the GPU together" in fresh.notes(test)[0]


# Memory is short as long as the other side's process lives.
CROWDED = """
    here = pathlib.Path.cwd()
    other = here.parent / {"base": "head", "head": "base"}[here.name] / "pid"
    (here / "pid").write_text(str(os.getpid()))
    if other.exists() and pathlib.Path("/proc", other.read_text()).exists():
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
"""


@pytest.mark.torch
@pytest.mark.slow
def test_memory_that_the_other_side_holds_is_no_failure_of_this_one(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(FakeCard()))
    with launched(repo, setup=CROWDED.strip()) as (launch, test):
        for side in Side:
            assert launch.examine(test, side).failure is None
        segment = launch.time_segment(test)
    assert segment.gpu is not None and segment.apart


@pytest.mark.torch
@pytest.mark.slow
def test_a_launch_that_examined_nothing_finds_out_while_timing(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(FakeCard()))
    with launched(repo, setup=CROWDED.strip()) as (launch, test):
        assert launch.time_segment(test).apart


def test_a_card_that_is_lost_midway_ends_the_watch_with_one_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = FakeCard()
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(card))
    guard = GpuGuard()
    watched = guard.watch("0001")
    assert guard.sample(watched, (), 0) is not None
    card.breaks = True
    assert guard.sample(watched, (), 0) is None
    assert guard.sample(watched, (), 0) is None
    guard.close()
    assert len(guard.notes) == 1 and "does not answer" in guard.notes[0]


def test_a_card_that_nobody_names_or_knows_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(FakeCard()))
    unknown = GpuGuard()
    assert unknown.watch("9999") is None and "knows no card 9999" in unknown.notes[0]
    nameless = GpuGuard()
    assert nameless.watch(None) is None and "does not name" in nameless.notes[0]


def test_the_pipe_of_mps_is_looked_for_where_clients_look(tmp_path: Path) -> None:
    where = {"CUDA_MPS_PIPE_DIRECTORY": str(tmp_path)}
    assert not mps_daemon_runs(where)
    (tmp_path / "control").touch()
    assert mps_daemon_runs(where)
