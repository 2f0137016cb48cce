"""Warm-up, timed turns, seeds: with a clock that the test moves."""

import ctypes
import gc
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


class Clock:
    """Time that passes only when a step says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0

    def perf_counter(self) -> float:
        return self.now

    def perf_counter_ns(self) -> int:
        return round(self.now * 1e9)

    def step(self, *seconds: float) -> Callable[[], None]:
        """A step that takes these times; the last one from then on."""

        def run() -> None:
            self.now += seconds[min(self.steps, len(seconds) - 1)]
            self.steps += 1

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from torch_perflint.runners.processes import torch_step

    clock = Clock()
    monkeypatch.setattr(torch_step, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("seconds", "steps", "settled"),
    [
        ((0.01,), 6, 0.01),
        ((1.0, 0.5, 0.01), 8, 0.01),
        (tuple(0.95**n for n in range(30)), 16, None),
        (tuple(0.01 * 0.5**n for n in range(30)), 20, None),
        ((20.0,), 2, 20.0),
        ((6.0,), 3, 6.0),
        ((30.0, 2.0), 7, 2.0),
        ((30.0, 11.0), 2, 11.0),
    ],
    ids=["steady", "slow start", "time", "never steady", "longest", "long", "compiles", "both"],
)
def test_warm_up_runs_until_the_step_is_steady_or_time_is_up(
    clock: Clock, seconds: tuple[float, ...], steps: int, settled: float | None
) -> None:
    from torch_perflint.runners.processes.torch_step import warm_up

    ran, took = warm_up(clock.step(*seconds))
    assert ran == clock.steps == steps
    assert settled is None or took == pytest.approx(settled)


def test_a_turn_drops_its_first_steps_and_tells_the_mean_of_the_rest(clock: Clock) -> None:
    from torch_perflint.runners.processes.torch_step import timed_turn

    turn = timed_turn(clock.step(100.0, 1.0, 2.0, 3.0), keep=3, drop=1)
    assert clock.steps == 4
    assert turn.seconds == pytest.approx(2.0)
    assert turn.device_seconds is None


def test_on_a_gpu_a_turn_waits_twice_and_events_mark_its_steps(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for CUDA notes in which order it is asked: no wait lies between the steps."""
    from torch_perflint.runners.processes import torch_step

    said: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            said.append("event")
            self.at = clock.now

        def elapsed_time(self, end: "Event") -> float:
            assert said[-1] == "wait", "an event is read when all is done"
            return (end.at - self.at) * 1e3

    monkeypatch.setattr(torch_step, "_on_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: said.append("wait"))
    run = clock.step(100.0, 1.0, 2.0, 6.0)

    def step() -> None:
        said.append("step")
        run()

    turn = torch_step.timed_turn(step, keep=3, drop=1)
    assert " ".join(said) == "step wait event step event step event step event wait"
    assert turn.seconds == pytest.approx(3.0)
    assert turn.device_seconds == pytest.approx(2.0), "the median"


def test_a_turn_waits_for_all_cards_that_hold_tensors(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch_perflint.runners.processes import torch_step

    waited: list[int | None] = []
    monkeypatch.setattr(torch_step, "_on_gpu", lambda: True)
    monkeypatch.setattr(torch_step, "_mark", lambda: waited)
    monkeypatch.setattr(torch_step, "_marked_steps", lambda step, marks: step())
    monkeypatch.setattr(torch_step, "_between", lambda marks: 1.0)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "memory_reserved", [512, 512, 0, 2].__getitem__)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda card=None: waited.append(card))
    torch_step.timed_turn(clock.step(1.0), keep=1, drop=0)
    assert waited == [0, 3, None, 0, 3, None]


def test_without_a_gpu_there_is_nothing_to_tell_of_one() -> None:
    from torch_perflint.runners.processes.torch_step import gpu

    assert (gpu() is None) is not torch.cuda.is_available()


def test_the_same_seed_gives_the_same_numbers() -> None:
    import numpy as np
    from torch_perflint.runners.processes.torch_step import seed_everything

    def draw(seed: int) -> tuple[float, float, float]:
        seed_everything(seed)
        return random.random(), float(np.random.random()), torch.rand(1).item()

    assert draw(2**31 + 5) == draw(2**31 + 5)
    assert all(a != b for a, b in zip(draw(1), draw(2), strict=True))


def test_the_heap_is_moved_by_a_random_but_fixed_amount() -> None:
    from torch_perflint.runners.processes.torch_step import renew_heap

    sizes = [[len(block) for block in renew_heap(seed)] for seed in range(50)]
    assert sizes[3] == [len(block) for block in renew_heap(3)]
    assert {len(one) for one in sizes} == set(range(1, 9))
    assert all(256 <= size < 1 << 18 for one in sizes for size in one)


def broken(states: list[bool]) -> None:
    states.append(gc.isenabled())
    raise ZeroDivisionError


def test_the_collector_is_off_inside_timed_turns_and_as_before_afterwards() -> None:
    from torch_perflint.runners.processes.torch_step import quiet_collector

    assert gc.isenabled()
    states: list[bool] = []
    with pytest.raises(ZeroDivisionError), quiet_collector():
        broken(states)
    assert states == [False]
    assert gc.isenabled()
    gc.disable()
    try:
        with quiet_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_machine_is_described_in_the_words_of_the_environment() -> None:
    from torch_perflint.runners.machine.machine import environment, where_it_ran
    from torch_perflint.runners.processes.torch_step import describe

    found = environment({**describe(), **where_it_ran()})
    assert found.torch == torch.__version__
    assert found.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert found.cores >= 1
    assert found.cpu


def test_a_new_build_gets_other_pages_of_the_system() -> None:
    """What an earlier build has left free is given back: the process holds less than before."""
    from torch_perflint.runners.processes.torch_step import renew_heap

    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("another allocator than glibc's")
    blocks = [bytearray(64 << 10) for _ in range(2000)]
    keeper = bytearray(64 << 10)  # the top of the heap is not free, so nothing goes by itself
    del blocks
    before = resident_bytes()
    renew_heap(1)
    assert resident_bytes() < before - (64 << 20)
    assert keeper is not None


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
