"""How much one pull request and one person may ask for. Pure: counts in, a decision out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .job import Commented, Job, PullRequestChanged, RerunAsked, lane_of

WINDOW_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many pushes, commands and re-runs count within an hour; results are always told."""

    per_pull_request: int = 60
    per_user: int = 120


class Allowed(Enum):
    """Whether a job is done: yes, no but say so (once), or not at all."""

    YES = "yes"
    SAY_NO = "say no"
    NO = "no"


def spenders(job: Job, quotas: Quotas) -> tuple[tuple[str, int], ...]:
    """Return by whom a job is counted, and how many each may have; nobody for what is free.

    What a run found out is never refused: it has been paid for already.
    """
    if not isinstance(job, PullRequestChanged | Commented | RerunAsked):
        return ()
    # A pull request that is closed asks for less work, not for more.
    if isinstance(job, PullRequestChanged) and job.action == "closed":
        return ()
    return (
        (f"pull request {lane_of(job)}", quotas.per_pull_request),
        # GitHub's logins know no upper and lower case.
        (f"user {job.actor.lower()}", quotas.per_user),
    )


def decide(spent: Iterable[tuple[int, int]]) -> Allowed:
    """Decide by how many each has had within the window, and may have.

    The first beyond is to be answered; who goes on gets no answer, so that no flood makes another.
    """
    allowed = Allowed.YES
    for had, most in spent:
        if had > most:
            return Allowed.NO
        if had == most:
            allowed = Allowed.SAY_NO
    return allowed
