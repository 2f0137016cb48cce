"""Whole runs over small repositories, for tests that ask who is measured, not how exactly."""

import textwrap
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.one_version import Say
from torch_perflint.runners.prepare import RunOptions
from torch_perflint.runners.processes.isolate import WorkerPlan
from torch_perflint.runners.result import RunResult, TestResult
from torch_perflint.runners.run import run_perf_tests
from torch_perflint.runners.sample import Side
from torch_perflint.runners.sides.checkout import Checkout, check_out
from torch_perflint.runners.sides.provenance import FirstParty

PYTEST = "[tool.pytest.ini_options]\npythonpath = ['.']\n"


def run(
    repo: Any,
    *,
    head: str = "main",
    config: RunnersConfig | None = None,
    say: Say = lambda what: None,
    base_lag: timedelta = timedelta(),
    **options: Any,
) -> RunResult:
    """Compare `head` with the commit before `main`."""
    with check_out(repo.root, "main~1", head) as sides:
        settings = config or RunnersConfig(timeout=60, max_seconds=1)
        sides = replace(sides, base_lag=base_lag)
        return run_perf_tests(sides, settings, RunOptions(**options), say)


def worker_plan(sides: Checkout, file: str, *names: str) -> WorkerPlan:
    """What the workers of a launch have in common: one file of perf tests, first-party `names`."""
    own = FirstParty(frozenset(names), frozenset(), {})
    return WorkerPlan(sides.repository, sides.scratch, (file,), "", (), 1, 60.0, 0.02, own)


def roots(sides: Checkout) -> dict[Side, Path]:
    return {side: sides.root(side) for side in Side}


def by_name(result: RunResult) -> dict[str, TestResult]:
    return {test.test.name: test for test in result.tests}


def syncs(test: TestResult) -> tuple[int, int]:
    """Host syncs per step of base and head, exact: they tell whose code ran."""
    return {c.name: (c.base, c.head) for c in test.counters}["host_syncs"]


def perf_file(code: str) -> str:
    return "import pytest, torch\n" + textwrap.dedent(code)
