"""Tells the pull requests of one repository about its runs, whose code never runs here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..check import Conclusion, annotations_of
from ..event import Target
from ..github.actions import Actions
from ..github.client import Client
from ..github.download import Downloads
from ..github.errors import RefusedError
from ..github.pull_request import PullRequest
from ..github.repository import Repository
from ..interim import Approval, Ended, Running, Waiting
from ..log import plain
from ..post import Posted
from ..publish import (
    Published,
    end_what_was_told,
    ended_without_result,
    finished,
    started,
    waiting,
)
from ..report import Report, Revision
from ..workflow import ARTIFACT, WorkflowRun
from .ahead import Ahead, known_of, look_ahead
from .approved import why_not_approved
from .archive import LARGEST_ARCHIVE_BYTES, read_archive
from .origin import Candidate, NoOrigin, Origin, asked_for, lie, link_of, origin_of, with_facts
from .zipped import ArchiveError

# What a run that has no report ended in, by GitHub's word for it.
_ENDS = {
    "cancelled": (Conclusion.CANCELLED, "It was cancelled."),
    "timed_out": (Conclusion.TIMED_OUT, "It took too long and was stopped."),
    "startup_failure": (Conclusion.FAILURE, "GitHub could not start it."),
    "failure": (Conclusion.FAILURE, "It failed before it had a report."),
    "success": (Conclusion.FAILURE, "It handed over no report."),
}
_ENDED = (Conclusion.FAILURE, "It ended without a report.")
_ORPHANED = "The fork that it took its code from was deleted."
# Of one commit; anybody can open many from forks and delete these.
_MOST_ORPHANS = 5


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What the event says: that something became of an attempt at a run. GitHub is asked what."""

    run: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Result:
    """A report that agrees with GitHub, and the files that its annotations may lie on; None: any.

    What a stranger's code has written may say nothing about files that the stranger left alone.
    """

    report: Report
    files: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in words for the log. `refused` says that the run's report was not taken.

    `told` is None where there was nothing to tell; `result` is what was told, if any. `awaits` says
    that the run is going to hand over what it is about to do: `Publisher.ahead` looks for it.
    """

    words: str
    told: Published | None = None
    result: Result | None = None
    refused: bool = False
    awaits: bool = False


class Publisher:
    """Tells the pull requests of one repository about its runs.

    `server` is "https://github.com"; `approval` is how a maintainer lets a fork's code run;
    `commands` says that somebody reads those in comments. `environment` is that whose reviewers let
    a fork's code run: a report of a fork's run that none of them has approved is refused.
    """

    def __init__(
        self,
        repository: str,
        client: Client,
        *,
        server: str,
        downloads: Downloads,
        workflows: Sequence[str] = (),
        artifact: str = ARTIFACT,
        key: str = "default",
        approval: Approval = Approval.REVIEW,
        commands: bool = True,
        environment: str = "",
    ) -> None:
        self._name, self._client, self._server = repository, client, server
        self._actions = Actions(repository, client, downloads)
        self._repository = Repository(repository, client)
        self._workflows, self._artifact, self._key = workflows, artifact, key
        self._approval, self._commands, self._environment = approval, commands, environment

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
        if not origin.is_current:
            return Done(f"pull request #{origin.pull_request} is closed or has another head by now")
        return self._begun(run, origin, candidates)

    def ahead(self, event: RunEvent) -> Ahead:
        """Look whether a run of which `publish` said that it awaits more has more to tell now."""
        return look_ahead(self._actions, event.run, event.attempt)

    def pull_of(self, number: int) -> int | None:
        """Return the pull request that a run is about; None where the run alone does not tell."""
        run = self._actions.run(number)
        origin = origin_of(run, self._candidates(run))
        return None if isinstance(origin, NoOrigin) else origin.pull_request

    def result_of(self, number: int) -> Result | None:
        """Return the result of a run that is over, where `publish` would tell it; else None."""
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
        return self._checked(report, run, origin)

    def _begun(self, run: WorkflowRun, origin: Origin, candidates: Sequence[Candidate]) -> Done:
        """Tell that a run goes on, or waits: GitHub sends no event when a maintainer allows it."""
        head, link = Revision(origin.head, origin.head), link_of(run, origin, self._server)
        held = run.status == "waiting" or run.conclusion == "action_required"
        if run.from_fork and not self._may_measure(run):
            # Told with the push; what it is going to do, once it is over.
            return Done("a fork's code waits for a command")
        known = known_of(self._actions, run, origin, candidates, self._workflows)
        if not held and not run.from_fork:
            running = Running(head, known.outlook, known.runner, link=link, commands=self._commands)
            told = started(self._pull(origin), running)
        else:
            wait = Waiting(
                head, known.outlook, link, from_fork=run.from_fork, commands=self._commands
            )
            told = waiting(self._pull(origin), wait)
        words = "it waits" if held or run.from_fork else "it goes on"
        return Done(words + known.words, told, awaits=known.awaits)

    def _may_measure(self, run: WorkflowRun) -> bool:
        """Whether a report of this run is one: a fork's own files can say that any run has some."""
        return not run.from_fork or self._approval is not Approval.COMMAND

    def _candidates(self, run: WorkflowRun) -> list[Candidate]:
        if started := asked_for(run):
            pull = self._repository.pull(started[0])
            return [pull] if pull else []
        if run.event != "pull_request" or run.head_place is None or not run.branch:
            return []
        owner = run.head_place.owner
        pulls = self._repository.pulls_of(owner, run.branch)
        if any(one.head == run.head for one in pulls):
            return pulls
        return pulls + self._repository.pulls_of(owner, run.branch, "closed")

    def _result(self, run: WorkflowRun, candidates: list[Candidate]) -> Done:
        origin = origin_of(run, candidates)
        if isinstance(origin, NoOrigin) and len(candidates) < 2:
            # Whatever it handed over, nobody is to be told.
            return self._orphaned(run) or Done(origin.reason)
        if not self._may_measure(run):
            return self._unmeasured(run, origin, candidates)
        report, refusal = self._report(run)
        claimed = report.link.pull_request if report and report.link else None
        origin = origin_of(run, candidates, claimed=claimed)
        if isinstance(origin, NoOrigin):
            return Done(origin.reason)
        if report is not None:
            refusal = lie(report, run, origin) or self._strange_base(report, origin)
        if report is not None and not refusal:
            result = self._checked(report, run, origin)
            told = finished(
                self._pull(origin), result.report, files=result.files, commands=self._commands
            )
            return Done("it has a result", told, result)
        conclusion, why = _ENDS.get(run.conclusion or "", _ENDED)
        if refusal:
            conclusion, why = Conclusion.FAILURE, f"Its report was refused: {refusal}."
        elif run.from_fork and run.conclusion == "failure":
            why = self._held_back(run) or why
        link = link_of(run, origin, self._server)
        ended = Ended(Revision(origin.head, origin.head), conclusion, why, link)
        told = ended_without_result(self._pull(origin), ended)
        return Done(why, told, refused=bool(refusal))

    def _orphaned(self, run: WorkflowRun) -> Done | None:
        """End what was told about a run whose fork was deleted meanwhile; None where nothing was.

        Of its pull request GitHub tells the commit alone; that it is this one, we know by what our
        own comment or check run there remembers.
        """
        if run.head_place is not None or run.event != "pull_request" or not self._may_measure(run):
            return None
        told: Published | None = None
        for one in self._repository.orphans_at(run.head)[:_MOST_ORPHANS]:
            origin = Origin(one.number, run.head, one.branch, is_current=False, from_fork=True)
            link = link_of(run, origin, self._server)
            ended = Ended(Revision(run.head, run.head), Conclusion.FAILURE, _ORPHANED, link)
            told = end_what_was_told(self._pull(origin), ended) or told
            # The check run is on the commit, whichever pull request is its own.
            if told is not None and isinstance(told.comment, Posted):
                break
        return Done(_ORPHANED, told) if told else None

    def _unmeasured(
        self, run: WorkflowRun, origin: Origin | NoOrigin, candidates: Sequence[Candidate]
    ) -> Done:
        """Tell what the lint of a fork's code has found, while that waits for a command."""
        words = "a fork's code waits for a command, and this run measured nothing"
        if isinstance(origin, NoOrigin) or not origin.is_current:
            return Done(words)
        known = known_of(self._actions, run, origin, candidates, self._workflows)
        if known.outlook is None:
            return Done(words + known.words)
        head, place = Revision(origin.head, origin.head), (self._server, run.place.name)
        wait = Waiting(head, known.outlook, approval=self._approval, place=place)
        return Done(words, waiting(self._pull(origin), wait))

    def _report(self, run: WorkflowRun) -> tuple[Report | None, str]:
        """Fetch the report of a run: it, or why it is not taken; neither where there is none.

        What an earlier attempt handed over stays with the run, and is no result of this one.
        """
        every = self._actions.artifacts(run.id, self._artifact)
        found = [one for one in every if one.is_of(run)]
        if not found:
            return None, ""
        if found[-1].expired:
            return None, "GitHub keeps it no longer"
        if why := self._unapproved(run):
            return None, why
        try:
            raw = self._actions.download(found[-1], largest=LARGEST_ARCHIVE_BYTES)
            return read_archive(raw), ""
        except (ArchiveError, RefusedError) as error:
            return None, plain(str(error))

    def _unapproved(self, run: WorkflowRun) -> str:
        """Say why a report of a run is not taken that a fork may have made without approval.

        A fork's own files say which jobs need one: GitHub is asked whether there was any.
        """
        if not run.from_fork or not self._environment:
            return ""
        return why_not_approved(self._actions.reviews(run.id), self._environment)

    def _held_back(self, run: WorkflowRun) -> str:
        """Say that a run failed since nobody let it go on; empty where that is not known.

        Its jobs fail where a reviewer rejects it, and where the environment has no reviewers.
        """
        why = why_not_approved(self._actions.reviews(run.id), self._environment)
        return f"{why[:1].upper()}{why[1:]}." if why else ""

    def _checked(self, report: Report, run: WorkflowRun, origin: Origin) -> Result:
        facts = with_facts(report, run, origin, self._server)
        # Of a run that a command started, GitHub says only that it is this repository's.
        if not origin.from_fork:
            return Result(facts)
        paths = {one.path for one in annotations_of(facts)}
        return Result(facts, self._repository.edits(origin.pull_request, paths))

    def _strange_base(self, report: Report, origin: Origin) -> str:
        if self._repository.is_in_history(report.base.sha, origin.branch):
            return ""
        return "it compares with a commit that the pull request's base branch does not have"

    def _pull(self, origin: Origin) -> PullRequest:
        target = Target(self._name, origin.pull_request, self._client.api_url, self._key)
        return PullRequest(target, self._client)
