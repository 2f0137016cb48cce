"""`perflint bot publish`: tells a pull request about a run on its code, which is never run here."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ... import PerflintError
from ..event import ActionsRun, Target, this_run
from ..github.actions import Actions
from ..github.client import Client
from ..github.download import Downloads
from ..github.errors import RefusedError
from ..github.pull_request import PullRequest
from ..github.repository import Repository
from ..log import guard, plain, warn
from ..post import NotPosted
from ..report import Report, Revision
from ..workflow import WorkflowRun
from .archive import LARGEST_ARCHIVE_BYTES, read_archive
from .origin import Candidate, NoOrigin, Origin, asked_for, lie, link_of, origin_of, with_facts
from .telling import Telling, Told
from .zipped import ArchiveError

ARTIFACT = "perflint-report"

HELP = """\
Tell a pull request about a run on its code: that it goes on or waits, and then its result.

For a workflow on `workflow_run` (types requested and completed), whose token may write. It checks
nothing out and runs nothing of the pull request: it takes one JSON file out of the run's artifact,
in memory. Which pull request and which commit that is about comes from GitHub alone; a report that
says something else is refused, and the pull request is told so.

The token is read from GITHUB_TOKEN. It needs `actions: read`, `contents: read` and
`pull-requests: write`.

exit status: 0 told, or nothing to tell; 1 the run's report was refused; 2 it could not be told
"""

# What a run that has no report ended in, by GitHub's word for it.
_ENDS = {
    "cancelled": "it was cancelled",
    "timed_out": "it took too long and was stopped",
    "startup_failure": "GitHub could not start it",
    "failure": "it failed before it had a report",
    "success": "it handed over no report",
}


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What the event says: that something became of an attempt at a run. GitHub is asked what."""

    run: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in words for the log. `refused` says that the run's report was not taken."""

    words: str
    told: Told | None = None
    refused: bool = False


def read_event(text: str) -> RunEvent:
    """Read the event of `workflow_run`. Raises PerflintError where it is another."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PerflintError(f"the event in GITHUB_EVENT_PATH is no JSON: {error}") from error
    match facts:
        case {"workflow_run": {"id": int(run), **rest}}:
            attempt = rest.get("run_attempt")
            return RunEvent(run, attempt if isinstance(attempt, int) else 1)
    raise PerflintError("this event tells of no run: use `on: workflow_run`")


class Publisher:
    """Tells the pull requests of one repository about its runs."""

    def __init__(
        self,
        here: ActionsRun,
        client: Client,
        *,
        downloads: Downloads,
        workflows: Sequence[str] = (),
        artifact: str = ARTIFACT,
        key: str = "default",
    ) -> None:
        self._here, self._client = here, client
        self._actions = Actions(here.repository, client, downloads)
        self._repository = Repository(here.repository, client)
        self._workflows, self._artifact, self._key = workflows, artifact, key

    def publish(self, event: RunEvent) -> Done:
        """Tell what became of a run. Raises GitHubError where GitHub does not let us find out."""
        run = self._actions.run(event.run)
        if event.attempt < run.attempt:
            return Done(f"attempt {run.attempt} of run {run.id} is what counts now")
        if self._workflows and PurePosixPath(run.path).name not in self._workflows:
            return Done(f"run {run.id} is of another workflow than {' or '.join(self._workflows)}")
        if run.conclusion == "skipped":
            return Done(f"run {run.id} was skipped: there is nothing to tell")
        candidates = self._candidates(run)
        if run.is_over and run.conclusion != "action_required":
            return self._result(run, candidates)
        origin = origin_of(run, candidates)
        if isinstance(origin, NoOrigin):
            return Done(origin.reason)
        head, link = Revision(origin.head, origin.head), link_of(run, origin, self._here.server)
        # A fork's code is measured only once a maintainer allows it; GitHub sends no event then.
        if run.from_fork or run.status == "waiting" or run.conclusion == "action_required":
            return Done("it waits", self._telling(origin).waiting(head, link))
        return Done("it goes on", self._telling(origin).started(head, link))

    def report_of(self, number: int) -> Report | None:
        """Return the report of a run that is over, where `publish` would tell it; else None."""
        run = self._actions.run(number)
        candidates = self._candidates(run)
        report, _ = self._report(run)
        if report is None:
            return None
        claimed = report.link.pull_request if report.link else None
        origin = origin_of(run, candidates, claimed=claimed)
        if isinstance(origin, NoOrigin):
            return None
        if lie(report, run, origin) or self._strange_base(report, origin):
            return None
        return with_facts(report, run, origin, self._here.server)

    def _candidates(self, run: WorkflowRun) -> list[Candidate]:
        if started := asked_for(run):
            pull = self._repository.open_pull(started[0])
            return [pull] if pull else []
        if run.event != "pull_request" or run.head_place is None or not run.branch:
            return []
        return self._repository.open_pulls_of(run.head_place.owner, run.branch)

    def _result(self, run: WorkflowRun, candidates: list[Candidate]) -> Done:
        origin = origin_of(run, candidates)
        if isinstance(origin, NoOrigin) and len(candidates) < 2:
            return Done(origin.reason)  # whatever it handed over, nobody is to be told
        report, refusal = self._report(run)
        claimed = report.link.pull_request if report and report.link else None
        origin = origin_of(run, candidates, claimed=claimed)
        if isinstance(origin, NoOrigin):
            return Done(origin.reason)
        if report is not None:
            refusal = lie(report, run, origin) or self._strange_base(report, origin)
        telling, link = self._telling(origin), link_of(run, origin, self._here.server)
        if report is not None and not refusal:
            facts = with_facts(report, run, origin, self._here.server)
            return Done("it has a result", telling.finished(facts))
        why = f"its report was refused: {refusal}" if refusal else _end(run)
        head = Revision(origin.head, origin.head)
        told = telling.ended_without_result(head, link, why)
        return Done(why, told, refused=bool(refusal))

    def _report(self, run: WorkflowRun) -> tuple[Report | None, str]:
        """Fetch the report of a run: it, or why it is not taken; neither where there is none."""
        found = self._actions.artifacts(run.id, self._artifact)
        if not found:
            return None, ""
        if found[-1].expired:
            return None, "GitHub keeps it no longer"
        try:
            raw = self._actions.download(found[-1], largest=LARGEST_ARCHIVE_BYTES)
            return read_archive(raw), ""
        except (ArchiveError, RefusedError) as error:
            return None, plain(str(error))

    def _strange_base(self, report: Report, origin: Origin) -> str:
        if self._repository.is_in_history(report.base.sha, origin.branch):
            return ""
        return "it compares with a commit that the pull request's base branch does not have"

    def _telling(self, origin: Origin) -> Telling:
        target = Target(self._here.repository, origin.pull_request, self._here.api_url, self._key)
        return Telling(PullRequest(target, self._client), self._here.summary)


def main(words: list[str]) -> int:
    """Tell about the run of this event, and return the exit status."""
    asked = _parser().parse_args(words)
    guard()
    here = this_run()
    if here is None or here.event != "workflow_run":
        raise PerflintError(
            "`perflint bot publish` is for a workflow on `workflow_run`; elsewhere, post a report "
            "with `perflint comment`"
        )
    event = read_event(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    token = os.environ.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise PerflintError(
            "the environment variable GITHUB_TOKEN has no token: give the step "
            "`env: {GITHUB_TOKEN: ${{ github.token }}}`"
        )
    publisher = Publisher(
        here,
        Client(token, here.api_url),
        downloads=Downloads(here.api_url, asked.artifact_host),
        workflows=asked.workflow,
        artifact=asked.artifact,
        key=asked.key,
    )
    return _announce(event, publisher.publish(event))


def _announce(event: RunEvent, done: Done) -> int:
    print(f"perflint: run {event.run}: {plain(done.words)}")
    if isinstance(done.told, NotPosted):
        warn(plain(str(done.told)))
    elif done.told is not None:
        print(f"perflint: {done.told}")
    if done.refused:
        warn(f"run {event.run}: {plain(done.words)}")
    return 1 if done.refused else 0


def _end(run: WorkflowRun) -> str:
    return _ENDS.get(run.conclusion or "", "it ended without a report")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint bot publish",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--workflow",
        action="append",
        default=[],
        metavar="FILE",
        help="tell only of runs of .github/workflows/FILE; may be given twice (default: of all)",
    )
    add(
        "--artifact",
        default=ARTIFACT,
        metavar="NAME",
        help=f"the artifact with report.json, and with nothing else, in it ({ARTIFACT})",
    )
    add(
        "--artifact-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a further host that artifacts are fetched from: the storage of your GitHub "
        "Enterprise Server; may be given twice",
    )
    add("--key", default="default", help="tells several comments on one pull request apart")
    return parser
