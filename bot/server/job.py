"""What the server has to do, as plain data, and as the text that the queue keeps."""

import json
from dataclasses import asdict, dataclass

from ... import PerflintError

# The job that lints takes about a minute.
LOOK_AGAIN_SECONDS, MOST_LOOKS = 20.0, 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something happened: the repository, and the installation by which we may answer."""

    repository: str  # OWNER/NAME
    repository_id: int
    installation: int
    default_branch: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestChanged:
    """A pull request was opened, pushed to, reopened, closed, or is no draft any more.

    `from_fork`: its code is in another repository, or that one is gone.
    """

    place: Place
    pull_request: int
    actor: str
    action: str
    head: str
    draft: bool = False
    merged: bool = False
    from_fork: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """Somebody wrote a comment that names perflint; `body` is as it was when it was written.

    `over_quota` says that nothing more is done for this person or pull request for a while.
    """

    place: Place
    pull_request: int
    actor: str
    comment: int
    body: str
    over_quota: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunAsked:
    """Somebody pressed "Re-run" on our check, or on all checks of the commit (`check` is None)."""

    place: Place
    pull_request: int | None
    actor: str
    head: str
    check: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged:
    """A run of the measuring workflow was asked for (`requested`), or has ended (`completed`).

    `pull_request` is None for a fork's: GitHub does not name it, and it has to be asked for.
    """

    place: Place
    pull_request: int | None
    actor: str
    action: str
    run: int
    attempt: int
    head: str
    head_branch: str
    head_repository: str
    head_repository_id: int
    event: str
    conclusion: str
    looks: int = 0  # how often it was looked for what the run is going to do


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationChanged:
    """The App was installed, removed, suspended, or has other repositories or permissions."""

    installation: int
    actor: str
    action: str


Job = PullRequestChanged | Commented | RerunAsked | RunChanged | InstallationChanged

_KINDS: dict[str, type[Job]] = {
    "pull_request": PullRequestChanged,
    "comment": Commented,
    "rerun": RerunAsked,
    "run": RunChanged,
    "installation": InstallationChanged,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(job: Job) -> str:
    """Return the short name of the kind, as the queue, the log and the metrics have it."""
    return _NAMES[type(job)]


def lane_of(job: Job) -> str:
    """Name the line in which the job waits: of one lane, one job at a time is done, in order."""
    if isinstance(job, InstallationChanged):
        return f"installation {job.installation}"
    # By number: the lane of a repository that is renamed stays the same.
    if job.pull_request is not None:
        return f"{job.place.repository_id}#{job.pull_request}"
    return f"{job.place.repository_id}@{job.head}"


def wait_of(job: Job) -> float:
    """Return after how many seconds a job is due."""
    return LOOK_AGAIN_SECONDS if isinstance(job, RunChanged) and job.looks else 0.0


def write_job(job: Job) -> str:
    """Return the text that the queue keeps."""
    return json.dumps({"kind": kind_of(job), **asdict(job)}, separators=(",", ":"))


def read_job(text: str) -> Job:
    """Read what `write_job` wrote. Raises PerflintError where another version wrote it."""
    try:
        facts = json.loads(text)
        kind = _KINDS[facts.pop("kind")]
        if "place" in facts:
            facts["place"] = Place(**facts["place"])
        return kind(**facts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PerflintError(f"this perflint cannot read the job {text[:200]!r}: {error}") from error
