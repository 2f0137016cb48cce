"""Training that does not do the same in each step: gradient accumulation, reference cycles."""

import math
import time
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners import measure
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.verdict.compare import Verdict

from .runs import PYTEST, perf_file, run

pytestmark = pytest.mark.torch

ACCUMULATION = """
import torch

def make(every=4):
    model = torch.nn.Linear(16, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    x, done = torch.ones(8, 16), 0
    def step():
        nonlocal done
        loss = model(x).square().mean()
        loss.backward()
        done += 1
        if done % every == 0:
            optimizer.step()
            optimizer.zero_grad()
            MORE
    return step
"""
TEST = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.make())\n")


def compared(repo: Any, base: str, head: str, **config: Any) -> TestResult:
    repo.commit({"pyproject.toml": PYTEST, "lib.py": base, "test_lib.py": TEST})
    repo.commit({"lib.py": head})
    settings = RunnersConfig(**{"timeout": 60, "max_seconds": 1, **config})
    (result,) = run(repo, config=settings).tests
    return result


@pytest.mark.slow
def test_what_only_the_optimizer_s_branch_does_is_found_under_accumulation(
    repo: Any, quick: None
) -> None:
    base = ACCUMULATION.replace("MORE", "pass")
    head = ACCUMULATION.replace("MORE", "loss.item(); x @ x.T")
    result = compared(repo, base, head)
    told = {c.name: (c.base, c.head, c.steps) for c in result.counters if c.base != c.head}
    assert told["host_syncs"] == (0, 1, 4)
    flops = told["flops"]
    assert (flops[1] - flops[0], flops[2]) == (2 * 8 * 16 * 8, 4)
    (over,) = result.over_budget
    assert [(site.path, site.steps) for site in over.sites] == [("lib.py", 4)]
    assert "host_syncs" not in result.unstable


@pytest.mark.parametrize("every", [4, 11])
@pytest.mark.slow
def test_turns_of_accumulated_steps_are_whole_rounds(
    repo: Any, quick: None, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    turns: list[dict[str, Any]] = []
    ask = measure.Session.ask

    def note(self: Any, side: Any, order: dict[str, Any]) -> Any:
        turns.append(order)
        return ask(self, side, order)

    monkeypatch.setattr(measure.Session, "ask", note)
    slow = ACCUMULATION.replace("every=4", f"every={every}").replace(
        "    def step():", "    import time\n    def step():\n        time.sleep(0.002)"
    )
    compared(repo, slow.replace("MORE", "pass"), slow.replace("MORE", "x + 1"), max_seconds=8)
    timed = [order for order in turns if order["do"] == "turn"]
    assert timed
    # A turn of 30 ms holds 14 or 15 of these steps, fewer on a busy machine.
    assert {order["keep"] % every for order in timed} == {0}
    profiled = {order["steps"] for order in turns if order["do"] == "profile"}
    assert profiled == {math.ceil(3 / every) * every}


@pytest.mark.slow
def test_what_steps_leave_in_cycles_is_told(repo: Any, quick: None) -> None:
    ring = """
import torch
def make():
    def step():
        ring = [torch.ones(1 << 18)]
        ring.append(ring)
        MORE
    return step
"""
    result = compared(repo, ring.replace("MORE", "pass"), ring.replace("MORE", "torch.ones(3)"))
    (note,) = [note for note in result.notes if "reference cycles" in note and "head" in note]
    assert note.startswith(f"each step of head leaves {4 << 18:,} bytes of tensors in reference")
    assert not any("it leaks memory" in note for note in result.notes)


def test_turns_do_not_pile_up_what_lies_in_cycles() -> None:
    from torch_perflint.runners.processes.pytest_worker import _TurnDriver

    alive: set[int] = set()
    most = 0

    class Node:
        def __init__(self) -> None:
            self.me = self
            alive.add(id(self))

        def __del__(self) -> None:
            alive.discard(id(self))

    def step() -> None:
        nonlocal most
        Node()
        most = max(most, len(alive))
        time.sleep(0.001)

    class Line:
        """The coordinator's end: turns of four steps, as often as it takes."""

        left = 200

        def receive(self) -> dict[str, Any]:
            self.left -= 1
            return {"do": "turn" if self.left else "end", "keep": 3, "drop": 1, "hold": None}

        def send(self, message: dict[str, Any]) -> None:
            pass

    _TurnDriver(Line(), Path()).drive(step)  # type: ignore[arg-type]
    # Of 800 steps; where it takes long, the collector does not run after each turn of four.
    assert most < 200


@pytest.mark.slow
def test_counting_and_profiling_long_steps_leaves_time_for_the_run(
    repo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch_perflint.runners.one_version.COUNTING_SECONDS", 2.0)
    lib = "import time, torch\ndef make(): return lambda: (time.sleep(0.5), MORE)\n"
    base, head = lib.replace("MORE", "1"), lib.replace("MORE", "torch.ones(3).sum().item()")
    result = compared(repo, base, head, max_seconds=0.1)
    assert {c.name: (c.base, c.head) for c in result.counters}["host_syncs"] == (0, 1)
    told = " ".join(result.notes)
    assert "there was time to count only 2 of its steps in a row" in told
    assert "the time for counting was up on head, and these were left out: " in told
    assert "peak bytes" in told
    assert "nobody looked whether they leak memory" in told
    assert result.peak is None
    assert result.verdict is Verdict.UNSURE
    assert result.reason.endswith("Counts were compared")


@pytest.mark.slow
def test_profiling_ends_when_its_time_is_up(
    repo: Any, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch_perflint.runners.one_version.PROFILING_SECONDS", 0.0)
    lib = ACCUMULATION.replace("every=4", "every=1")
    texts = (lib.replace("MORE", "pass"), lib.replace("MORE", "x + 1"))
    result = compared(repo, *texts, max_seconds=8)
    assert result.profile is not None
    assert "only 2 of its steps were profiled, as these take long" in result.notes
