"""Fixtures for runs."""

import pytest
from torch_perflint.runners import schedule


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short segments: for tests that ask who is measured, not how exactly."""
    monkeypatch.setattr(schedule, "_MOST_PAIRS", 8)
