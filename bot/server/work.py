"""Does what a job asks for: gets a token that may do that and no more, and hands over."""

from collections.abc import Callable, Iterable
from typing import Protocol

from ... import PerflintError
from ..event import Target
from ..github.app import App, Permissions
from ..github.client import Client
from ..github.pull_request import PullRequest
from ..post import post_comment, state_of
from ..render import render_comment
from ..report import Report
from .job import (
    Commented,
    InstallationChanged,
    Job,
    Place,
    PullRequestChanged,
    RerunAsked,
    RunChanged,
)

# To tell a result: the comment and its labels, the check, and the artifact to read.
TELL: Permissions = {
    "actions": "read",
    "checks": "write",
    "contents": "read",  # whether base has the commit that a report compares with
    "pull_requests": "write",
}
# To follow a command or a push: runs are started and cancelled too.
COMMAND: Permissions = {**TELL, "actions": "write"}


class Hands(Protocol):
    """What is done about each kind of job, with a client for its repository.

    All of it may be done twice. What is returned is done later, as a job of its own.
    """

    def changed(self, job: PullRequestChanged, client: Client) -> Iterable[Job]:
        """Follow a pull request."""

    def commented(self, job: Commented, client: Client, again: bool) -> Iterable[Job]:
        """Follow the commands in a comment; `again`: an earlier try may have done a part of it."""

    def rerun(self, job: RerunAsked, client: Client) -> Iterable[Job]:
        """Measure again."""

    def ran(self, job: RunChanged, client: Client) -> Iterable[Job]:
        """Tell that a run goes on, or what it found out."""


class AppWork:
    """Does jobs in the name of an App."""

    def __init__(self, app: App, hands: Hands) -> None:
        self._app = app
        self._hands = hands

    def __call__(self, job: Job, sleep: Callable[[float], None], again: bool) -> Iterable[Job]:
        """Do one job; see `workers.Work`."""
        match job:
            case InstallationChanged():
                self._app.forget(job.installation)
                return ()
            case PullRequestChanged():
                return self._hands.changed(job, self._client(job.place, COMMAND, sleep))
            case Commented():
                return self._hands.commented(job, self._client(job.place, COMMAND, sleep), again)
            case RerunAsked():
                return self._hands.rerun(job, self._client(job.place, COMMAND, sleep))
            case RunChanged():
                return self._hands.ran(job, self._client(job.place, TELL, sleep))

    def _client(
        self, place: Place, permissions: Permissions, sleep: Callable[[float], None]
    ) -> Client:
        return self._app.client(place.installation, place.repository_id, permissions, sleep=sleep)


Fetch = Callable[[RunChanged, Client], tuple[Report, int]]


def not_fetched(job: RunChanged, client: Client) -> tuple[Report, int]:
    """Say that results cannot be fetched; an operator puts the job back when they can."""
    raise PerflintError(f"this version of perflint cannot fetch the result of run {job.run}")


class ReportHands:
    """Posts reports. `fetch` returns a run's report and the pull request that it is about."""

    def __init__(self, fetch: Fetch = not_fetched) -> None:
        self._fetch = fetch

    def changed(self, job: PullRequestChanged, client: Client) -> Iterable[Job]:
        """Nothing: the workflow measures by itself, and its result comes as a run."""
        return ()

    def commented(self, job: Commented, client: Client, again: bool) -> Iterable[Job]:
        """Say that there are no commands."""
        raise PerflintError("this version of perflint follows no commands")

    def rerun(self, job: RerunAsked, client: Client) -> Iterable[Job]:
        """Say that nothing is measured again."""
        raise PerflintError("this version of perflint measures nothing again: re-run the workflow")

    def ran(self, job: RunChanged, client: Client) -> Iterable[Job]:
        """Post the report as the pull request's comment."""
        if job.action != "completed":
            return ()
        report, number = self._fetch(job, client)
        target = Target(job.place.repository, number, client.api_url)
        post_comment(render_comment(report), PullRequest(target, client), state_of(report))
        return ()
