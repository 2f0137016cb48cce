"""The pytest plug-in of `perflint profile`: it profiles the step of the one perf test that runs."""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from ..profiling.captured import PLAN, RESULT, Plan, to_json
from .pytest_plugin import DRIVER


class ProfileDriver:
    """Profiles the step of the test that runs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.fitting = 1

    def drive(self, step: Callable[[], object]) -> None:
        """Profile, and hand over what was found."""
        from ..profiling.torch_capture import capture_steps

        # "perf_tests/test_gpt.py::test_train (call)", by pytest.
        name = os.environ.get("PYTEST_CURRENT_TEST", self._plan.what).rpartition(" (")[0]
        found = replace(capture_steps(step, self._plan), what=name or self._plan.what)
        if self.fitting > 1:
            note = f"{self.fitting} perf tests fit {self._plan.what!r}: this is the first"
            found = replace(found, notes=(*found.notes, note))
        (self._plan.out / RESULT).write_text(to_json(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of the driver that runs a step once."""
    config.stash[DRIVER] = ProfileDriver(Plan.from_json(os.environ[PLAN]))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the first perf test of those that fit, and remember how many there are."""
    driver = session.config.stash[DRIVER]
    if isinstance(driver, ProfileDriver):
        driver.fitting = len(session.items)
        del session.items[1:]
