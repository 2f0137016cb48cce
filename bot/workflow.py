"""A run of a workflow and what it hands over, as GitHub tells of them, as plain data."""

from dataclasses import dataclass
from datetime import datetime

# The artifact in which a run hands its report over, and the workflows that measure: the one that a
# push starts and the one that a command starts. `perflint init` writes them.
ARTIFACT = "perflint-report"
PUSH_WORKFLOW, MEASURE_WORKFLOW = "perflint.yml", "perflint-measure.yml"
MEASURE_JOB = "measure"


@dataclass(frozen=True, slots=True)
class Place:
    """A repository: its number stays when it is renamed; `owner` is a login."""

    id: int
    name: str  # OWNER/NAME

    @property
    def owner(self) -> str:
        """The login of who owns it."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run: which commit of which branch of which repository it is about.

    `event` started it, `path` is the file of the workflow. `status` is "queued", "in_progress",
    "waiting", "completed"…, `conclusion` None until it is completed. `head_place` is None where the
    fork is gone. `title` is its run-name; for `pull_request` strangers may have written it, as
    they may have written `branch`. `began` is when this attempt at it did, None where GitHub does
    not tell.
    """

    id: int
    attempt: int
    event: str
    path: str
    status: str
    conclusion: str | None
    head: str
    branch: str
    place: Place
    head_place: Place | None
    title: str = ""
    began: datetime | None = None

    @property
    def from_fork(self) -> bool:
        """Whether its code comes from another repository."""
        return self.head_place is None or self.head_place.id != self.place.id

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it is to come."""
        return self.status == "completed"


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody said of a run that waited for them, and for which environments.

    `state` is "approved", "rejected" or "pending"; GitHub lets only their reviewers say it.
    """

    state: str
    environments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """A job of a run: "queued", "in_progress", …; `labels` are those of its `runs-on`."""

    name: str
    status: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a run handed over; `digest` is "sha256:…", empty where GitHub tells none.

    `created` is when; None where GitHub does not tell.
    """

    id: int
    name: str
    size: int  # bytes
    expired: bool = False
    digest: str = ""
    created: datetime | None = None

    def is_of(self, run: WorkflowRun) -> bool:
        """Whether the last attempt at its run made it, as far as GitHub's times tell."""
        if self.created is None or run.began is None:
            return True
        return run.attempt == 1 or self.created >= run.began
