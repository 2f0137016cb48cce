"""Both sides' processes of one launch: with a stand-in for what each of them does."""

from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.processes import workers
from torch_perflint.runners.processes.isolate import SideFailed
from torch_perflint.runners.processes.workers import Workers
from torch_perflint.runners.result import Failure
from torch_perflint.runners.sample import PerfTest, Side

TEST = PerfTest("t.py::test_it", "t.py", 1)


class StandIn:
    """A process that starts or not, and answers with the number of its start."""

    broken: set[Side]
    log: list[str]

    def __init__(self, plan: Any, side: Side, root: Path, number: int, hash_seed: int) -> None:
        self.side, self.pid = side, number
        self.log.append(f"start {side.value}")

    def collected(self) -> dict[str, Any]:
        self.log.append(f"collect {self.side.value}")
        if self.side in self.broken:
            raise SideFailed(self.side, Failure("the process ended by SIGKILL", ""))
        return {"tests": [], "errors": {}}

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        return {"number": self.pid}

    def stop(self, *, at_once: bool = False) -> None:
        self.log.append(f"stop {self.side.value}")


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Workers:
    monkeypatch.setattr(StandIn, "broken", set(), raising=False)
    monkeypatch.setattr(StandIn, "log", [], raising=False)
    monkeypatch.setattr(workers, "Worker", StandIn)
    return Workers(None, dict.fromkeys(Side, Path()), 1, 7)  # type: ignore[arg-type]


def test_both_sides_start_before_either_is_waited_for(both: Workers) -> None:
    both.collected(Side.BASE)
    assert StandIn.log == ["start base", "start head", "collect base", "collect head"]
    both.collected(Side.HEAD)
    assert len(StandIn.log) == 4


def test_a_side_that_cannot_start_says_so_when_it_is_asked_and_the_other_runs(
    both: Workers,
) -> None:
    StandIn.broken.add(Side.HEAD)
    both.collected(Side.BASE)
    with pytest.raises(SideFailed, match="SIGKILL"):
        both.collected(Side.HEAD)
    assert both.is_running(Side.BASE)
    assert not both.is_running(Side.HEAD)
    StandIn.broken.clear()
    both.collected(Side.HEAD)
    assert both.is_running(Side.HEAD)


def test_an_old_failure_does_not_hit_a_process_that_runs(both: Workers) -> None:
    StandIn.broken |= set(Side)
    both.start(*Side)
    both.drop()
    StandIn.broken.clear()
    both.start(*Side)
    assert [both.ask(side, {})["number"] for side in Side] == [103, 104]
    StandIn.broken |= set(Side)
    both.drop()
    both.start(*Side)
    StandIn.broken.clear()
    both.start(*Side)
    assert [both.ask(side, {})["number"] for side in Side] == [107, 108]


def test_both_sides_are_counted_with_the_same_seed_and_timed_builds_with_others(
    both: Workers,
) -> None:
    seeds = {both.counting_seed(TEST) for _ in range(2)}
    assert len(seeds) == 1
    (seed,) = seeds
    base, head = (both.order("count", TEST, seed, side) for side in Side)
    assert base["seed"] == head["seed"]
    assert base["jitter"] != head["jitter"]
    assert both.seed() != both.seed()
