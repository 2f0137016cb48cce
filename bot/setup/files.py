"""Fills the files that a repository is set up with. Text out; no disk, no network."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from ...templates import fill_file
from ..outlook import OUTLOOK_ARTIFACT
from ..workflow import ARTIFACT, MEASURE_WORKFLOW, PUSH_WORKFLOW
from . import pins
from .choices import Choices, as_runs_on, as_scalar
from .source import Action

WORKFLOWS = PurePosixPath(".github/workflows")
PERF_TESTS = PurePosixPath("perf_tests")
REPORT, COMMAND = "perflint-report.yml", "perflint-command.yml"

TABLE = f"""\
[tool.perflint.runners]
paths = ["{PERF_TESTS}"] # where perf tests are
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file as we would write it; `path` counts from the root of the repository."""

    path: PurePosixPath
    text: str


def files(choices: Choices) -> tuple[Wanted, ...]:
    """Return the workflows and the first perf test."""
    values = {
        "artifact": ARTIFACT,
        "choices": choices,
        "install": as_scalar(choices.install),
        "is_action": isinstance(choices.source, Action),
        "outlook": OUTLOOK_ARTIFACT,
        "names": {"push": PUSH_WORKFLOW, "report": REPORT, "measure": MEASURE_WORKFLOW},
        "pins": pins,
        "runner": as_runs_on(choices.runner),
        "source": choices.source,
        "helper_runner": as_runs_on(choices.helper_runner),
    }
    telling = () if choices.by_app else (REPORT, COMMAND)
    workflows = (
        Wanted(WORKFLOWS / name, fill_file(f"{name}.j2", **values).rstrip() + "\n")
        for name in (PUSH_WORKFLOW, MEASURE_WORKFLOW, *telling)
    )
    first = Wanted(PERF_TESTS / "test_train.py", fill_file("test_train.py.j2"))
    return (*workflows, first)
