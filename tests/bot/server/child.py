"""The server as `perflint bot serve` runs it; a report is made up from the number of its run."""

import sys
from functools import partial
from pathlib import Path

from torch_perflint.bot.github.app import App
from torch_perflint.bot.github.client import Client
from torch_perflint.bot.report import LintResult, Report, Revision, RunLink
from torch_perflint.bot.server.job import RunChanged
from torch_perflint.bot.server.serve import log_to_stderr, serve
from torch_perflint.bot.server.server import Server
from torch_perflint.bot.server.settings import load_settings
from torch_perflint.bot.server.work import AppWork, ReportHands
from torch_perflint.runners.result import RunResult, Selection


def made_up(job: RunChanged, client: Client) -> tuple[Report, int]:
    assert job.pull_request is not None
    link = RunLink("https://github.com", job.place.repository, job.run, job.attempt)
    run = RunResult(Selection(3, 0), (), None, 0)
    revisions = Revision("b" * 40, "main"), Revision(job.head, "HEAD")
    created = "2026-01-02T03:04:05Z"
    report = Report("0.1.0", *revisions, created, 12.0, LintResult(), run, link=link)
    return report, job.pull_request


if __name__ == "__main__":
    settings = load_settings(Path(sys.argv[1]))
    hub = settings.github
    app = App(hub.app_id, settings.app_key, hub.api_url, throttle=False)
    log_to_stderr()
    work = AppWork(app, ReportHands(partial(made_up)))
    sys.exit(serve(Server(settings, work), settings))
