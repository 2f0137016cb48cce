"""Does what a job asks for: gets a token that may do that and no more, and hands over."""

from collections.abc import Callable, Iterable
from typing import Protocol

from ..github.app import App, Permissions
from ..github.client import Client
from ..github.errors import NotAcceptedError, UnavailableError
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
# To follow a command: runs are started and cancelled too.
COMMAND: Permissions = {**TELL, "actions": "write"}
# To follow a fork's pull request: whether there is a workflow, and telling that it waits.
FOLLOW: Permissions = {"actions": "read", "checks": "write", "pull_requests": "write"}
# To measure again where a button was pressed, which is answered nowhere.
RERUN: Permissions = {"actions": "write", "pull_requests": "read"}

_OfRepository = PullRequestChanged | Commented | RerunAsked | RunChanged


class Hands(Protocol):
    """What is done about each kind of job, with a client for its repository.

    All of it may be done twice. What is returned is done later, as a job of its own.
    """

    def changed(self, job: PullRequestChanged, client: Client) -> Iterable[Job]:
        """Follow a pull request."""

    def commented(self, job: Commented, client: Client, again: bool) -> Iterable[Job]:
        """Follow the commands in a comment; `again`: an earlier try may have done a part of it."""

    def rerun(self, job: RerunAsked, client: Client, again: bool) -> Iterable[Job]:
        """Measure again; `again` as above."""

    def ran(self, job: RunChanged, client: Client) -> Iterable[Job]:
        """Tell that a run goes on, or what it found out."""


class AppWork:
    """Does jobs in the name of an App."""

    def __init__(self, app: App, hands: Hands) -> None:
        self._app = app
        self._hands = hands

    def __call__(self, job: Job, sleep: Callable[[float], None], again: bool) -> Iterable[Job]:
        """Do one job; see `workers.Work`."""
        if isinstance(job, InstallationChanged):
            self._app.forget(job.installation)
            return ()
        try:
            return tuple(self._do(job, sleep, again))
        except NotAcceptedError as error:
            # It was taken back since we got it, or is too new for a part of GitHub. The next try
            # gets another one.
            self._app.forget(job.place.installation)
            raise UnavailableError(str(error)) from error

    def _do(self, job: _OfRepository, sleep: Callable[[float], None], again: bool) -> Iterable[Job]:
        match job:
            case PullRequestChanged(from_fork=False):
                return ()  # its runs tell all there is to tell
            case PullRequestChanged():
                return self._hands.changed(job, self._client(job.place, FOLLOW, sleep))
            case Commented():
                return self._hands.commented(job, self._client(job.place, COMMAND, sleep), again)
            case RerunAsked():
                return self._hands.rerun(job, self._client(job.place, RERUN, sleep), again)
            case RunChanged():
                return self._hands.ran(job, self._client(job.place, TELL, sleep))

    def _client(
        self, place: Place, permissions: Permissions, sleep: Callable[[float], None]
    ) -> Client:
        return self._app.client(place.installation, place.repository_id, permissions, sleep=sleep)
