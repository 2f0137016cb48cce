"""Who gave a command and how things stood then, as plain data."""

from dataclasses import dataclass
from enum import Enum

from ..acks import Ack
from ..report import Report


@dataclass(frozen=True, slots=True)
class Asked:
    """A comment that may hold commands, as the event of its creation tells of it.

    `over_quota`: its author or its pull request has asked for too much within the hour.
    """

    pull: int
    comment: int
    body: str
    over_quota: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A comment as GitHub has it now; `created` and `updated` are ISO 8601 in UTC.

    `is_person` is not so for the comment of a bot, of a user through an App, and where the account
    is gone. `pull` is the number of the thread.
    """

    id: int
    pull: int
    author: str
    is_person: bool
    body: str
    created: str
    updated: str


class Permission(Enum):
    """What GitHub says that somebody may do in the repository."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def may_write(self) -> bool:
        """Whether it is enough to push to the repository."""
        return self in (Permission.WRITE, Permission.ADMIN)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wrote the comment, when (ISO 8601, UTC), and what they may."""

    login: str
    permission: Permission
    is_author: bool
    at: str

    @property
    def is_stranger(self) -> bool:
        """Whether nothing of this is their business."""
        return not (self.permission.may_write or self.is_author)


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as GitHub has it now; `head` is the full hash of its commit.

    `head_place` and `branch` are the repository, by its number, and the branch that it comes from;
    the repository is None where a fork is gone.
    """

    number: int
    head: str
    author: str
    is_open: bool
    from_fork: bool
    head_place: int | None = None
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What our comment tells: the report, where one can be had, and what was accepted of it."""

    report: Report | None = None
    acks: tuple[Ack, ...] = ()
