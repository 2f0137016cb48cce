"""Compares a step of training with itself, by the same way that judges pull requests."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ... import PerflintError
from ..config import RunnersConfig
from ..prepare import RunOptions
from ..run import run_perf_tests
from ..sides.checkout import check_out
from ..sides.git import git
from .doctor import SelfComparison

_TEST = '''\
"""The perf test of `perflint doctor`."""

import pytest
from workload import training_step


@pytest.mark.perf
def test_training_step(perf):
    perf(training_step(perf.device))
'''
_IDENTITY = ("-c", "user.name=perflint", "-c", "user.email=perflint@localhost")


def compare_with_itself(
    config: RunnersConfig, seed: int, say: Callable[[str], None]
) -> SelfComparison:
    """Measure the built-in step as base and as head of a repository made for it.

    `config` is the user's own, so that the answer is that of their runs; where perf tests lie and
    what pytest is told is ours. Raises PerflintError where the step cannot be measured, and
    KeyboardInterrupt where the user stops it.
    """
    usual = RunnersConfig()
    own = replace(
        config,
        paths=(),
        pytest_args=("--noconftest",),
        requirements=usual.requirements,
        install=usual.install,
    )
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perflint-doctor-") as folder:
        root = Path(folder).resolve()
        _write(root)
        with check_out(root, "HEAD", "HEAD") as sides:
            result = run_perf_tests(sides, own, RunOptions(time_identical=True, seed=seed), say)
    seconds = time.monotonic() - begin
    if result.interrupted:
        raise KeyboardInterrupt  # half a comparison says nothing of a machine
    if result.refused or not result.tests:
        words = result.refused or "; ".join(result.notes) or "pytest found no test"
        raise PerflintError(f"the built-in step could not be compared with itself: {words}")
    (test,) = result.tests
    at = test.comparison
    if at is None:
        failure = test.head_failure or test.base_failure
        words = f"{failure.summary}\n{failure.details}" if failure else test.reason
        raise PerflintError(f"the built-in step could not be measured: {words}")
    return SelfComparison(
        at.verdict.value,
        at.change,
        at.low,
        at.high,
        at.detectable,
        at.base_seconds,
        at.pairs,
        at.launches,
        test.test.min_effect,
        seconds,
        at.warnings,
    )


def _write(root: Path) -> None:
    workload = Path(__file__).with_name("torch_workload.py").read_text(encoding="utf-8")
    (root / "workload.py").write_text(workload, encoding="utf-8")
    (root / "test_step.py").write_text(_TEST, encoding="utf-8")
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, *_IDENTITY, "commit", "--quiet", "--no-gpg-sign", "--message", "the same code")
