"""What runs hand over."""

import json
from dataclasses import replace

import msgspec
from torch_perflint.bot.report import Report, Revision, RunLink

from ..github.routes_actions import Run, add_artifact
from ..github.server import HEAD, NUMBER, REPOSITORY, FakeGitHub
from ..reports import GPT, report
from .hostile import Entry, alone, pack

FORK = (2, "contributor/models")


def made_by(run: Run, pull: int | None = NUMBER, **changed: object) -> Report:
    """A report as the run itself would hand it over."""
    link = RunLink("https://github.com", REPOSITORY, run.id, run.attempt, pull)
    made = replace(
        report(GPT), head=Revision(HEAD, "HEAD"), base=Revision("b" * 40, "main"), link=link
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def zipped(made: Report) -> bytes:
    return alone(msgspec.json.encode(made))


def hand_outlook(
    github: FakeGitHub, run: Run, name: str = "outlook.json", **changed: object
) -> None:
    """Let a run hand over what it is going to do, as the job that lints does."""
    outlook = {"affected": 3, "findings": 1, "seconds": 135.0} | changed
    raw = pack(Entry(json.dumps(outlook).encode(), name.encode()))
    add_artifact(github, run.id, raw, "perflint-outlook")
