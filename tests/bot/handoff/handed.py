"""What runs hand over."""

from dataclasses import replace

import msgspec
from torch_perflint.bot.report import Report, Revision, RunLink

from ..github.routes_actions import Run
from ..github.server import HEAD, NUMBER, REPOSITORY
from ..reports import GPT, report
from .hostile import alone

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
