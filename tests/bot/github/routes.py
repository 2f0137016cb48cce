"""What the stand-in can be asked for: a function per operation of GitHub's description."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .description import Operation, Undescribed, operation_of

if TYPE_CHECKING:
    from .server import Account, FakeGitHub


class Refusal(Exception):
    """What GitHub says no to, with the answer's status and words."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        address = "https://docs.github.com/rest"
        self.answer = {
            "message": message,
            "documentation_url": address,
            "status": str(status),
        } | more


@dataclass(frozen=True)
class Call:
    """A request whose body and path are as described, and who sent it."""

    github: "FakeGitHub"
    account: "Account"
    values: dict[str, str]  # of the path's template
    query: dict[str, str]
    content: Any

    @property
    def number(self) -> int:
        """The pull request that the path names."""
        return int(self.values.get("issue_number") or self.values["pull_number"])


@dataclass(frozen=True)
class Reply:
    """An answer: nothing is an empty body. A list is cut into pages.

    `beside` is what GitHub is known to answer though its description says otherwise.
    """

    status: int
    content: Any = None
    headers: dict[str, str] | None = None
    beside: dict[str, Any] | None = None


Answer = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """An operation, the permission that it needs, and what does it."""

    operation: Operation
    permission: str
    answer: Answer

    @property
    def writes(self) -> bool:
        return self.operation.verb != "GET"


ROUTES: list[Route] = []


def route(client_method: Any, permission: str) -> Callable[[Answer], Answer]:
    """Let a function answer one operation, for tokens with the permission to read or write it."""

    def register(answer: Answer) -> Answer:
        ROUTES.append(Route(operation_of(client_method), permission, answer))
        return answer

    return register


def find(verb: str, path: str) -> tuple[Route, dict[str, str]]:
    """Find the route that a request asks for, and the values in its path."""
    for one in ROUTES:
        if one.operation.verb == verb and (found := one.operation.match(path)):
            return one, found.groupdict()
    raise Undescribed(f"no operation {verb} {path}")
