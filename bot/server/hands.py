"""Does each kind of job with the core that the workflows use: the same publishing and commands."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from ..check import Conclusion
from ..commands.rerun import rerun
from ..commands.results import PublishedResults
from ..commands.run import End, obey
from ..commands.run import Hands as CommandHands
from ..commands.situation import Asked
from ..commands.workflow import WorkflowMeasuring
from ..event import Target, web_of
from ..github.actions import Actions
from ..github.client import Client
from ..github.conversation import Conversation
from ..github.download import Downloads
from ..github.errors import GoneError, LockedError, UnavailableError
from ..github.people import People
from ..github.pull_request import PullRequest
from ..github.repository import Repository
from ..handoff.ahead import Ahead
from ..handoff.publisher import Publisher, RunEvent
from ..interim import Approval, Ended, Waiting
from ..post import Look, NotPosted
from ..publish import Published, ended_without_result, waiting
from ..report import Revision
from ..state import Stage
from .job import MOST_LOOKS, Commented, Job, Place, PullRequestChanged, RerunAsked, RunChanged
from .settings import Hub

log = logging.getLogger("perflint.jobs")


class BotHands:
    """Follows pull requests, commands, buttons and runs of the repositories of an App.

    Where GitHub was unavailable, it raises UnavailableError: the job is done again. So is one that
    is young where GitHub does not find what it is about (NotFoundError).
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._server = web_of(hub.api_url)
        self._pushed = PurePosixPath(hub.workflow).name
        self._commanded = PurePosixPath(hub.command_workflow).name
        self._downloads = Downloads(hub.api_url, hub.artifact_host.split())

    def changed(self, job: PullRequestChanged, client: Client) -> Iterable[Job]:
        """Say that a fork's code waits for a command, and no more so when that will never come.

        Of the repository's own branches the workflow's runs tell all there is to tell.
        """
        pull = self._pull(job.place, job.pull_request, client)
        if job.action == "closed":
            _end_waiting(pull)
            return ()
        now = Conversation(client, job.place.repository).pull(job.pull_request)
        if not now.is_open or now.head != job.head or not now.from_fork:
            return ()  # a later event tells what is the case now
        if not self._actions(job.place, client).has_workflow(self._commanded):
            return ()
        place = (self._server, job.place.repository)
        head = Revision(now.head, now.head)
        _settle(waiting(pull, Waiting(head, approval=Approval.COMMAND, place=place)))
        return ()

    def commented(self, job: Commented, client: Client, again: bool) -> Iterable[Job]:
        """Obey the commands of a comment."""
        conversation = Conversation(client, job.place.repository)
        pull = self._pull(job.place, job.pull_request, client)
        hands = CommandHands(
            People(client, job.place.repository),
            conversation,
            pull,
            self._measuring(job.place, client, conversation),
            PublishedResults(pull, self._publisher(job.place, client)),
        )
        asked = Asked(job.pull_request, job.comment, job.body, job.over_quota)
        outcome = obey(asked, hands, again=again)
        if outcome.end is End.GONE:
            raise GoneError(f"comment {job.comment}: {outcome.words}")
        log.info("comment %d: %s: %s", job.comment, outcome.end.value, outcome.words)
        return ()

    def rerun(self, job: RerunAsked, client: Client, again: bool) -> Iterable[Job]:
        """Measure again what a button was pressed for."""
        if job.pull_request is None:
            # GitHub names none for forks and where several have the commit as their head.
            numbers = Repository(job.place.repository, client).open_pulls_at(job.head)
            return tuple(replace(job, pull_request=number) for number in numbers)
        conversation = Conversation(client, job.place.repository)
        outcome = rerun(
            job.pull_request,
            job.head,
            job.actor,
            People(client, job.place.repository),
            conversation,
            self._measuring(job.place, client, conversation),
            pressed=job.check or 0,
            again=again,
        )
        log.info("re-run of #%d: %s: %s", job.pull_request, outcome.end.value, outcome.words)
        return ()

    def ran(self, job: RunChanged, client: Client) -> Iterable[Job]:
        """Tell that a run goes on, or what it found out."""
        publisher = self._publisher(job.place, client)
        if job.pull_request is None and (number := publisher.pull_of(job.run)):
            # In the lane of its pull request: nothing else is told there meanwhile.
            return (replace(job, pull_request=number),)
        event = RunEvent(job.run, job.attempt)
        again = () if job.looks >= MOST_LOOKS else (replace(job, looks=job.looks + 1),)
        if job.looks and (ahead := publisher.ahead(event)) is not Ahead.NEWS:
            return again if ahead is Ahead.NOTHING else ()
        done = publisher.publish(event)
        level = logging.WARNING if done.refused else logging.INFO
        log.log(level, "run %d: %s", job.run, done.words)
        if done.told is not None:
            _settle(done.told)
        return again if done.awaits else ()

    def _pull(self, place: Place, number: int, client: Client) -> PullRequest:
        return PullRequest(Target(place.repository, number, client.api_url), client)

    def _actions(self, place: Place, client: Client) -> Actions:
        return Actions(place.repository, client, self._downloads)

    def _measuring(
        self, place: Place, client: Client, conversation: Conversation
    ) -> WorkflowMeasuring:
        actions = self._actions(place, client)
        branch = self._hub.command_branch or place.default_branch
        return WorkflowMeasuring(actions, conversation, self._commanded, branch, self._pushed)

    def _publisher(self, place: Place, client: Client) -> Publisher:
        return Publisher(
            place.repository,
            client,
            server=self._server,
            downloads=self._downloads,
            workflows=(self._pushed, self._commanded),
            approval=Approval.COMMAND,
        )


def _end_waiting(pull: PullRequest) -> None:
    """End what was told to wait for a command: nobody will give it to a closed pull request."""
    told = Look(pull.client.me(), tuple(pull.comments())).told(pull.target.key)
    if told.stage is not Stage.WAITING or told.run is not None:
        return  # what a run tells ends with that run
    why = "The pull request was closed before a maintainer allowed it."
    head = Revision(told.head, told.head)
    _settle(ended_without_result(pull, Ended(head, Conclusion.CANCELLED, why)))


def _settle(done: Published) -> None:
    """Raise what failed: first what another try may help. Of a locked conversation is only told."""
    for note in done.notes:
        log.info("%s", note)
    if isinstance(done.comment, NotPosted):
        log.info("%s", done.comment)
    failures = [one for one in done.failures if not isinstance(one, LockedError)]
    for failure in failures:
        if isinstance(failure, UnavailableError):
            raise failure
    if failures:
        raise failures[0]
