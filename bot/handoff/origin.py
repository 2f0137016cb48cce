"""Decides which pull request and commit a run belongs to, and what a report may not claim.

Everything that decides comes from GitHub's API. What is in the artifact is only compared with it: a
report that says something else than GitHub is refused, and the refusal says what it said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..report import Report, Revision, RunLink
from ..workflow import WorkflowRun

# The `run-name` of a workflow that a command starts, on a branch of ours and with inputs that only
# those give who may write: GitHub tells no inputs of a run, but this.
STARTED_FOR = re.compile(
    r"perflint #([1-9][0-9]{0,8}) at ([0-9a-f]{40}|[0-9a-f]{64})(?: for comment [0-9]{1,20})?",
    re.ASCII,
)

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pull request: its head commit and repository (None: gone), and where it goes to.

    `place` and `branch` are the repository and the branch that it is to be merged into.
    """

    number: int
    head: str
    head_place: int | None
    place: int
    branch: str
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """The pull request that a run is about, its commit, and the branch it is to be merged into.

    `is_current` is not so where the pull request has another head by now, or is not open any more.
    `from_fork`: its code is a stranger's, also where a command started the run in this repository.
    """

    pull_request: int
    head: str
    branch: str
    is_current: bool = True
    from_fork: bool = False


@dataclass(frozen=True, slots=True)
class NoOrigin:
    """Why a run is told to no pull request."""

    reason: str


def asked_for(run: WorkflowRun) -> tuple[int, str] | None:
    """Return the pull request and commit that a command started this run for; else None."""
    found = STARTED_FOR.fullmatch(run.title) if run.event == "workflow_dispatch" else None
    if found is None or run.from_fork:
        return None
    return int(found[1]), found[2]


def origin_of(
    run: WorkflowRun, candidates: Sequence[Candidate], *, claimed: int | None = None
) -> Origin | NoOrigin:
    """Pick the pull request of a run out of those of its branch.

    It comes from the repository and branch that ran and goes to the repository whose workflow ran.
    One whose head is the very commit that ran goes before one that was pushed to since, and an open
    one before a closed one. Where several are such (one branch, two bases), `claimed`, the number
    in the report, says which of them; it can name no other.
    """
    started = asked_for(run)
    head = started[1] if started else run.head
    if run.event not in ("pull_request", "workflow_dispatch"):
        return NoOrigin(f"run {run.id} was not started by a pull request")
    if run.event == "workflow_dispatch" and not started:
        return NoOrigin(f"run {run.id} was started by hand, for no pull request")
    if not started and run.head_place is None:
        return NoOrigin(f"the repository that run {run.id} took its code from is gone")
    here = [
        one
        for one in candidates
        if one.place == run.place.id
        and (started or (run.head_place and one.head_place == run.head_place.id))
        and (not started or one.number == started[0])
    ]
    if not here:
        return NoOrigin(f"no pull request has the branch of run {run.id}")
    same = _best(here, head)
    if not same:
        return NoOrigin(
            f"run {run.id} is about {head[:7]}, which is the head of no pull request any more"
        )
    if len(same) > 1:
        same = [one for one in same if one.number == claimed] or same
    if len(same) > 1:
        numbers = " and ".join(f"#{one.number}" for one in same)
        return NoOrigin(f"pull requests {numbers} have the same branch and commit: which is it?")
    [one] = same
    current = one.is_open and one.head == head
    return Origin(one.number, head, one.branch, current, one.head_place != one.place)


def _best(here: Sequence[Candidate], head: str) -> list[Candidate]:
    """Those that a run on `head` is most likely about; of closed ones only if it is their head."""
    exact = [one for one in here if one.head == head]
    return [one for one in exact if one.is_open] or exact or [one for one in here if one.is_open]


def lie(report: Report, run: WorkflowRun, origin: Origin) -> str:
    """Say what a report claims that GitHub knows better; empty where it agrees.

    The commit of its base is not compared here: see `Repository.is_in_history`.
    """
    link = report.link
    if report.head.snapshot or report.head.sha != origin.head:
        return f"it is about another commit than the {origin.head[:12]} that run {run.id} is about"
    if report.base.snapshot or not _COMMIT.fullmatch(report.base.sha):
        return "what it compares with is no commit"
    if link is None:
        return ""
    if link.repository.lower() != run.place.name.lower():
        return f"it says that it was made for another repository than {run.place.name}"
    if link.run_id != run.id or link.attempt > run.attempt:
        return f"it says that another run than {run.id} (attempt {run.attempt}) made it"
    if link.pull_request not in (None, origin.pull_request):
        return f"it says that it is about another pull request than #{origin.pull_request}"
    return ""


def with_facts(report: Report, run: WorkflowRun, origin: Origin, server: str) -> Report:
    """The report with GitHub's facts in the place of its own; every link is made from these."""
    return replace(
        report,
        head=Revision(origin.head, origin.head),
        base=Revision(report.base.sha, report.base.sha),
        link=link_of(run, origin, server),
    )


def link_of(run: WorkflowRun, origin: Origin, server: str) -> RunLink:
    """The page of a run, by what GitHub tells of it; `server` is "https://github.com"."""
    return RunLink(server, run.place.name, run.id, run.attempt, origin.pull_request)
