"""Where a step holds more memory, the lines and modules that hold it are told, exactly."""

from typing import Any

import pytest
from torch_perflint.runners.assemble import Measured
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.counters.examined import Examined
from torch_perflint.runners.holders import look_at_holders, memory_grew
from torch_perflint.runners.measure import Launch
from torch_perflint.runners.processes.isolate import SideFailed
from torch_perflint.runners.profiling.memory import StepMemory
from torch_perflint.runners.result import Failure
from torch_perflint.runners.sample import Counts, PerfTest, Side
from torch_perflint.runners.sides.checkout import check_out

from .runs import PYTEST, perf_file, roots, run, worker_plan

MODEL = """
import torch
IMPORTS
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = torch.nn.Linear(16, 512, bias=False)
        MADE
        self.back = torch.nn.Linear(512, 16, bias=False)

    def forward(self, x):
        y = self.wide(x)
        WIDE
        return self.back(y)

model = torch.nn.Sequential(Block(), Block())
optimizer = torch.optim.Adam(model.parameters(), foreach=True)
x = torch.ones(2048, 16)

def step():
    optimizer.zero_grad()
    model(x).sum().backward()
    optimizer.step()
"""
TEST = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")
ROW, WEIGHT = 2048 * 512 * 4, 512 * 512 * 4  # bytes of what a layer makes, and of one more


@pytest.mark.slow
@pytest.mark.torch
def test_lines_and_modules_that_hold_more_are_named_on_a_real_run(repo: Any, quick: None) -> None:
    base = MODEL.replace("IMPORTS", "").replace("WIDE", "pass").replace("MADE", "pass")
    head = MODEL.replace("IMPORTS", "\nimport os\n").replace("WIDE", "y = self.more(y).sigmoid()")
    head = head.replace("MADE", "self.more = torch.nn.Linear(512, 512, bias=False)")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": base, "test_lib.py": TEST})
    repo.commit({"lib.py": head})
    (result,) = run(repo, config=RunnersConfig(timeout=60, max_seconds=1)).tests
    assert result.memory is not None
    top = result.memory.lines[0]
    line = head[: head.index("sigmoid")].count("\n") + 1
    assert (top.path, top.line, top.touched) == ("lib.py", line, True)
    assert top.source == "y = self.more(y).sigmoid()"
    # What the sigmoid returns is alive in both blocks: backward needs it.
    assert (top.base, top.module, top.modules) == (0, "Sequential.*", 1)
    assert top.head == 2 * ROW
    saved = {one.module: one.head - one.base for one in result.memory.saved}
    assert saved["Sequential.*"] == 2 * ROW
    assert saved["Sequential.*.more"] == 2 * (ROW + WEIGHT)
    kept = {(one.module, one.kind): (one.base, one.head) for one in result.memory.kept}
    assert kept == {
        ("Sequential.*.more", "parameters and buffers"): (0, 2 * WEIGHT),
        ("Sequential.*.more", "gradients"): (0, 2 * WEIGHT),
        # Two averages, and a count of steps.
        ("Sequential.*.more", "optimizer state"): (0, 2 * (2 * WEIGHT + 4)),
    }
    grown = result.memory.head_before - result.memory.base_before
    assert grown == 2 * (4 * WEIGHT + 4)
    assert result.peak is not None
    told = result.memory.head - result.memory.base
    assert told == pytest.approx(result.peak.head - result.peak.base, rel=0.05)


def measured(base: Counts, head: Counts) -> Measured:
    examined = {Side.BASE: Examined(counts=base), Side.HEAD: Examined(counts=head)}
    return Measured(PerfTest("t.py::test_it", "t.py", 1), examined)


@pytest.mark.parametrize(
    ("base", "head", "budgets", "grew"),
    [
        (Counts({"peak_bytes": 10_000}), Counts({"peak_bytes": 10_010}), {}, False),
        (Counts({"peak_bytes": 10_000}), Counts({"peak_bytes": 10_011}), {}, True),
        (Counts({"peak_bytes": 10_011}), Counts({"peak_bytes": 10_000}), {}, False),
        (Counts({"peak_bytes": 10_000}), Counts({"peak_bytes": 10_001}), {"peak_bytes": 0}, True),
        (Counts({"peak_bytes": 10_000}), Counts({"peak_bytes": 10_001}), {"peak_bytes": 1}, False),
        # What it must not grow by is more than what people see.
        (Counts({"peak_bytes": 10_000}), Counts({"peak_bytes": 10_100}), {"peak_bytes": 999}, True),
        (
            Counts({"saved_for_backward_bytes": 4000}, steps={"saved_for_backward_bytes": 4}),
            Counts({"saved_for_backward_bytes": 1000}),
            {},
            False,
        ),
        (
            Counts({"saved_for_backward_bytes": 4000}, steps={"saved_for_backward_bytes": 4}),
            Counts({"saved_for_backward_bytes": 1002}),
            {},
            True,
        ),
        # Only what is certain.
        (Counts({}, {"peak_bytes": (5, 900)}), Counts({"peak_bytes": 800}), {}, False),
        (Counts({}, {"peak_bytes": (5, 700)}), Counts({"peak_bytes": 800}), {}, True),
        (Counts({"peak_bytes": 700}), Counts({}, {"peak_bytes": (700, 800)}), {}, False),
        (Counts({}), Counts({"peak_bytes": 800}), {"peak_bytes": 0}, False),
        (Counts({"operators": 1}), Counts({"operators": 900}), {}, False),
    ],
)
def test_memory_is_looked_at_where_more_is_held_for_certain(
    base: Counts, head: Counts, budgets: dict[str, int], grew: bool
) -> None:
    assert memory_grew(measured(base, head), budgets) is grew


def test_both_sides_are_kept_or_it_is_said_why_not() -> None:
    held = StepMemory(1, 2)
    one = measured(Counts(), Counts())
    look_at_holders(one, lambda side: held)
    assert one.memory == {Side.BASE: held, Side.HEAD: held}
    compiled = measured(Counts(), Counts())
    look_at_holders(compiled, lambda side: None if side is Side.HEAD else held)
    assert not compiled.memory
    assert compiled.notes == ["what holds more memory is not told of steps that are compiled"]

    def fails(side: Side) -> StepMemory:
        raise SideFailed(side, Failure("it died", ""))

    failed = measured(Counts(), Counts())
    look_at_holders(failed, fails)
    assert not failed.memory
    (note,) = failed.notes
    assert note.startswith("what holds more memory is not known: ") and "it died" in note


LOOKED_AT = """
import os, torch
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack as modes

weight = torch.ones(64, 64, requires_grad=True)

def step():
    if os.path.exists("dies-here") and any(type(mode).__name__ == "_Watch" for mode in modes()):
        os._exit(3)
    return (weight @ weight).exp().sum().backward()

compiled = torch.compile(lambda: (weight @ weight).exp().sum(), backend="eager")
"""
TESTS = """
import os, lib

@pytest.mark.perf
def test_dies(perf):
    open("dies-here", "w").close()
    try:
        perf(lib.step)
    finally:
        os.remove("dies-here")

@pytest.mark.perf
def test_lives(perf): perf(lib.step)

@pytest.mark.perf
def test_compiled(perf): perf(lib.compiled)
"""


@pytest.mark.slow
@pytest.mark.torch
def test_a_side_that_dies_while_it_is_looked_at_is_fresh_for_the_next_test(repo: Any) -> None:
    repo.commit({"pyproject.toml": PYTEST, "lib.py": LOOKED_AT, "test_lib.py": perf_file(TESTS)})
    repo.commit()
    with check_out(repo.root, "main~1", "main") as sides:
        plan, where = worker_plan(sides, "test_lib.py", "lib"), roots(sides)
        with Launch(plan, where, 1, 0) as launch:
            tests = {test.name: test for test in launch.collect(Side.HEAD).tests}
            with pytest.raises(SideFailed):
                launch.step_memory(tests["test_dies"], Side.HEAD)
            (where[Side.HEAD] / "dies-here").unlink()
            found = launch.step_memory(tests["test_lives"], Side.HEAD)
            assert found is not None
            assert found.holders[0].line == "lib.py:10"
            assert launch.step_memory(tests["test_compiled"], Side.HEAD) is None
