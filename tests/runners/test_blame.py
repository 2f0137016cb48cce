"""Failures while being timed: of one side, of both alike, of two in each other's way."""

import textwrap
from typing import Any

import pytest
from torch_perflint.runners.blame import Alone, Blame, find_blame
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.result import Failure, TestResult
from torch_perflint.runners.sample import Side
from torch_perflint.runners.verdict.compare import Verdict

from . import runs
from .runs import PYTEST

BAD = Failure("StopIteration", "")


@pytest.mark.parametrize(
    ("base", "head", "blame", "words"),
    [
        (Alone(40), Alone(40), Blame.NEITHER, "alone, each does 40 steps"),
        (
            Alone(40),
            Alone(30, BAD),
            Blame.ONE,
            "alone, head fails after 30 steps, and base does as many",
        ),
        (
            Alone(30, BAD),
            Alone(32, BAD, died=True),
            Blame.BOTH,
            "both sides fail while being timed, each of them alone as well: base after 30 steps "
            "(StopIteration); head within 32 steps (StopIteration)",
        ),
    ],
)
def test_who_fails_alone_is_to_blame(base: Alone, head: Alone, blame: Blame, words: str) -> None:
    found = find_blame(lambda side: base if side is Side.BASE else head)
    assert (found.blame, found.words) == (blame, words)
    failing = {side for side, one in ((Side.BASE, base), (Side.HEAD, head)) if one.failure}
    assert found.failures.keys() == failing


def measure(repo: Any, step: str, *, head: str = "UNUSED = 1\n", **options: Any) -> TestResult:
    """Run a test with this step on both sides; head has some more code."""
    test = "import pytest, lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.make())\n"
    library = "import os, time, torch\n" + textwrap.dedent(step)
    repo.commit({"pyproject.toml": PYTEST, "lib.py": library, "test_lib.py": test})
    repo.commit({"lib.py": library + textwrap.dedent(head)})
    settings = RunnersConfig(timeout=20, max_seconds=2)
    (result,) = runs.run(repo, config=settings, **options).tests
    return result


SCHEDULE = """
    STEPS = 200

    def make():
        model = torch.nn.Linear(4, 4)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=STEPS)
        def step():
            optimizer.zero_grad()
            model(torch.ones(2, 4)).sum().backward()
            optimizer.step()
            schedule.step()
        return step
"""


@pytest.mark.torch
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.slow
def test_a_schedule_that_ends_on_both_sides_is_no_failure_of_head(repo: Any, seed: int) -> None:
    result = measure(repo, SCHEDULE, seed=seed)
    assert result.verdict is Verdict.BROKEN
    assert "both sides fail while being timed" in result.reason
    assert "base after 200 steps (ValueError: Tried to step 20" in result.reason
    assert "head after 200 steps (ValueError: Tried to step 20" in result.reason
    assert not result.is_regression


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.usefixtures("quick")
def test_a_schedule_that_ends_on_head_only_is_its_failure(repo: Any) -> None:
    long = SCHEDULE.replace("STEPS = 200", "STEPS = 10**6")
    result = measure(repo, long, head="STEPS = 60\n")
    assert result.verdict is Verdict.FAILED
    assert "it passes on base and fails on head while being timed: alone, head fails after 60 " in (
        result.reason
    )
    assert result.base_failure is None


# The same path serves lock files, and whatever else one process has to itself.
PORT = """
    import socket

    def make():
        server = socket.socket()
        server.bind(("127.0.0.1", {port}))
        server.listen()
        def step():
            server.fileno()
            return sum(range(20_000))
        return step
"""


@pytest.mark.torch
@pytest.mark.slow
def test_sides_that_share_a_port_are_measured_one_after_the_other(repo: Any) -> None:
    result = measure(repo, PORT.format(port=37_501))
    assert result.comparison is not None
    assert result.verdict in (Verdict.SAME, Verdict.UNSURE)
    assert all(segment.apart for segment in result.segments)
    assert any("cannot live side by side (OSError" in note for note in result.notes)


@pytest.mark.torch
@pytest.mark.usefixtures("quick")
@pytest.mark.slow
def test_process_groups_of_both_sides_live_side_by_side(repo: Any) -> None:
    group = """
        import torch.distributed as dist

        def make():
            os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
            os.environ.setdefault("MASTER_PORT", "29500")
            if not dist.is_initialized():
                dist.init_process_group("gloo", rank=0, world_size=1)
            tensor = torch.ones(8)
            return lambda: dist.all_reduce(tensor)
    """
    result = measure(repo, group)
    assert result.comparison is not None
    assert not any(segment.apart for segment in result.segments)
    assert result.notes == ()
