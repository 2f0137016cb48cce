"""The pytest plug-in of `perflint profile`: it profiles the step of the one perf test that runs."""

import os
from collections.abc import Callable

import pytest

from ..profiling.captured import PLAN, Plan, to_json
from .pytest_plugin import DRIVER

RESULT = "profile.json"


class ProfileDriver:
    """Profiles the first step that it is given, and runs others once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._done = False

    def drive(self, step: Callable[[], object]) -> None:
        """Profile, and hand over what was found."""
        if self._done:
            step()
            return
        self._done = True
        from ..profiling.torch_capture import capture_steps

        found = capture_steps(step, self._plan)
        (self._plan.out / RESULT).write_text(to_json(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of the driver that runs a step once."""
    config.stash[DRIVER] = ProfileDriver(Plan.from_json(os.environ[PLAN]))
