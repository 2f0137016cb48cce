"""GitHub with its second host, and the trusted side that tells about runs."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.bot.handoff import publish_run
from torch_perflint.bot.handoff.publish_run import Client

from ..github.routes_actions import Run
from ..github.server import REPOSITORY, WORKFLOW, FakeGitHub, serving
from ..github.storage import storing


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake, storing() as fake.storage:
        yield fake
    assert fake.problems == []


Publish = Callable[..., int]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, github: FakeGitHub, tmp_path: Path) -> Publish:
    """Run `perflint bot publish` as the trusted workflow does, and return its exit status."""
    patient = functools.partial(Client, throttle=False, timeout=5, sleep=lambda seconds: None)
    monkeypatch.setattr(publish_run, "Client", patient)
    monkeypatch.setattr("sys.stdout", __import__("sys").stdout)
    monkeypatch.setattr("sys.stderr", __import__("sys").stderr)

    def run(
        about: Run,
        *words: str,
        action: str = "completed",
        token: str = WORKFLOW,
        follow: str = "0",
    ) -> int:
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
        words = ("--artifact-host", github.storage.host, "--follow", follow, *words)
        return main(["bot", "publish", *words])

    return run
