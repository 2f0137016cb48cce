"""Fixtures for runs."""

import gc
import sys
from functools import partial

import pytest
from torch_perflint.runners import timing
from torch_perflint.runners.verdict import schedule
from torch_perflint.runners.verdict.sequence import Budget


def pytest_runtest_setup() -> None:
    """Keep thousands of tests out of each collection of garbage: counting steps makes many."""
    gc.freeze()


def pytest_runtest_teardown() -> None:
    """Forget what a test compiled: what counts a step asks whether any step of this process was."""
    if "torch._dynamo.utils" in sys.modules:
        sys.modules["torch._dynamo.utils"].clear_compilation_metrics()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short segments of one launch: for tests that ask who is measured, not how exactly."""
    monkeypatch.setattr(schedule, "_MOST_PAIRS", 8)
    monkeypatch.setattr(timing, "Budget", partial(Budget, launches=1))
