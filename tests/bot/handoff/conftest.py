"""GitHub with its second host, and the trusted side that tells about runs."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from torch_perflint.__main__ import main
from torch_perflint.bot.handoff import publish_run
from torch_perflint.bot.handoff.publish_run import Client
from torch_perflint.bot.report import Report, Revision, RunLink

from ..github.routes_actions import Run
from ..github.server import HEAD, NUMBER, REPOSITORY, WORKFLOW, FakeGitHub, serving
from ..github.storage import storing
from ..reports import GPT, report
from .hostile import alone

FORK = (2, "contributor/models")


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake, storing() as fake.storage:
        yield fake
    assert fake.problems == []


def made_by(run: Run, pull: int | None = NUMBER, **changed: object) -> Report:
    """A report as the run itself would hand it over."""
    link = RunLink("https://github.com", REPOSITORY, run.id, run.attempt, pull)
    made = replace(
        report(GPT), head=Revision(HEAD, "HEAD"), base=Revision("b" * 40, "main"), link=link
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def zipped(made: Report) -> bytes:
    return alone(msgspec.json.encode(made))


Publish = Callable[..., int]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, github: FakeGitHub, tmp_path: Path) -> Publish:
    """Run `perflint bot publish` as the trusted workflow does, and return its exit status."""
    patient = functools.partial(Client, throttle=False, timeout=5, sleep=lambda seconds: None)
    monkeypatch.setattr(publish_run, "Client", patient)
    monkeypatch.setattr("sys.stdout", __import__("sys").stdout)
    monkeypatch.setattr("sys.stderr", __import__("sys").stderr)

    def run(about: Run, *words: str, action: str = "completed", token: str = WORKFLOW) -> int:
        event = tmp_path / "event.json"
        told = {"action": action, "workflow_run": {"id": about.id, "run_attempt": about.attempt}}
        event.write_text(json.dumps(told), encoding="utf-8")
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": github.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "9000",
            "GITHUB_EVENT_NAME": "workflow_run",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_TOKEN": token,
        }.items():
            monkeypatch.setenv(name, value)
        return main(["bot", "publish", "--artifact-host", github.storage.host, *words])

    return run
