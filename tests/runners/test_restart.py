"""Whole runs of a step that compiles: what it achieves, and how long a restart compiles."""

import shutil
from typing import Any

import pytest
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.counters.compiling import Compiling
from torch_perflint.runners.measure import Launch
from torch_perflint.runners.sample import Side
from torch_perflint.runners.sides.checkout import check_out
from torch_perflint.runners.verdict.schedule import Pace

from .runs import PYTEST, perf_file, roots, run, worker_plan

pytestmark = pytest.mark.torch

# A training step of two products of 256 x 256 matrices, forward and for the gradient of the weight.
LIB = """
import torch

def make():
    weight = torch.ones(256, 256, requires_grad=True)
    x = torch.ones(256, 256)

    def forward(x):
        return (x @ weight).exp().sum()

    run = {run}

    def step():
        weight.grad = None
        run(x).backward()

    return step
"""
TEST = "import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.make())\n"


@pytest.mark.slow
def test_a_process_says_how_long_it_compiled_and_whether_the_caches_were_empty(repo: Any) -> None:
    lib = LIB.format(run="torch.compile(forward, backend='aot_eager')")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": lib, "test_lib.py": perf_file(TEST)})
    repo.commit()
    with check_out(repo.root, "main~1", "main") as sides:
        plan, where = worker_plan(sides, "test_lib.py", "lib"), roots(sides)
        with Launch(plan, where, 1, 0) as launch:
            (test,) = launch.collect(Side.HEAD).tests
            first = launch.examine(test, Side.HEAD)
            launch.drop(at_once=True)
        assert first.failure is None
        assert first.compile_seconds and first.cold
        caches = sides.scratch / "caches" / "head" / "inductor"
        caches.mkdir(parents=True, exist_ok=True)
        (caches / "code.py").touch()
        with Launch(plan, where, 2, 0) as launch:
            again = launch.compile_seconds(test, Side.HEAD)
            assert again is not None and 0 < again < 60
            order = launch._workers.order("compile", test, 0, Side.HEAD)
            assert launch._workers.ask(Side.HEAD, order)["cold"] is False
            launch.drop(at_once=True)


@pytest.mark.slow
def test_a_step_that_compiles_on_head_only_tells_it_beside_what_it_achieves(
    repo: Any, quick: None
) -> None:
    """A smaller one stands above, and what is made of its answers in test_assemble.py."""
    base = LIB.format(run="forward")
    head = LIB.format(run="torch.compile(forward, backend='aot_eager')")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": base, "test_lib.py": perf_file(TEST)})
    repo.commit({"lib.py": head})
    said: list[str] = []
    config = RunnersConfig(timeout=60, max_seconds=1, min_effect=0.9, peak_flops={"float32": 1e12})
    (result,) = run(repo, config=config, say=said.append).tests

    compiling, used, at = result.compiling, result.utilization, result.comparison
    assert compiling is not None and used is not None and at is not None
    assert (compiling.base_cold, compiling.base_warm) == (None, None)
    for seconds in (compiling.head_cold, compiling.head_warm):
        assert seconds is not None and 0 < seconds < 60
    assert "test_it: compiling anew on head, with filled caches" in said
    assert not any("compiling anew on base" in what for what in said)

    flops = 2 * 2 * 256**3
    assert used.base.flops == used.head.flops == {"float32": flops}
    assert used.head.flops_per_second == pytest.approx(flops / at.head_seconds)
    assert used.head.mfu == pytest.approx(flops / at.head_seconds / 1e12)
    assert used.change == pytest.approx(at.change)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor compiles for a CPU with g++")
def test_a_restart_finds_what_the_first_process_compiled(repo: Any, quick: None) -> None:
    files = {"pyproject.toml": PYTEST, "lib.py": LIB.format(run="torch.compile(forward)")}
    repo.commit({**files, "test_lib.py": perf_file(TEST)})
    # An edited test is run in both versions, and the second one finds the first one's caches.
    changed = {"lib.py": files["lib.py"] + "\nEDITED = 1\n", "test_lib.py": perf_file(TEST) + "\n"}
    repo.commit(changed)
    (result,) = run(repo, config=RunnersConfig(timeout=120, max_seconds=20)).tests
    assert result.other is not None
    first, second = sorted((result, result.other), key=lambda one: one.version.value == "base")
    cold, warm = first.compiling, second.compiling
    assert isinstance(cold, Compiling) and isinstance(warm, Compiling), result.reason
    assert cold.base_cold and cold.head_cold and cold.base_warm and cold.head_warm
    assert cold.base_warm < cold.base_cold / 1.5
    assert cold.head_warm < cold.head_cold / 1.5
    assert (warm.base_cold, warm.head_cold) == (None, None)
    assert warm.base_warm and warm.head_warm


# A step of the optimizer is compiled for the one that it belongs to, anew for each build.
TRAINER = """
import pathlib, torch

def backend(graph, inputs):
    def run(*values):
        with pathlib.Path("ran.txt").open("a") as file:
            file.write("compiled\\n")
        return graph.forward(*values)
    return run

def make():
    model = torch.nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, foreach=False)
    update = torch.compile(optimizer.step, backend=backend)

    def step():
        optimizer.zero_grad()
        model(torch.ones(4, 4)).sum().backward()
        update()

    return step
"""


@pytest.mark.slow
def test_each_of_many_builds_runs_what_it_has_compiled(repo: Any) -> None:
    """PyTorch gives up on a function that it has compiled eight times, and runs it as written."""
    test = "import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.make())\n"
    repo.commit({"pyproject.toml": PYTEST, "lib.py": TRAINER, "test_lib.py": perf_file(test)})
    repo.commit()
    with check_out(repo.root, "main~1", "main") as sides:
        plan, where = worker_plan(sides, "test_lib.py", "lib"), roots(sides)
        ran = sides.head_root / "ran.txt"
        with Launch(plan, where, 1, 0) as launch:
            (test,) = launch.collect(Side.HEAD).tests
            for _ in range(11):
                ran.unlink(missing_ok=True)
                launch.time_segment(test, Pace(3, 1, 2))
                assert len(ran.read_text().splitlines()) >= 8
