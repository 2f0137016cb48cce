"""What people may do in a repository, and the reactions that we answer them with."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from ..commands.situation import Permission
from .client import Client, Subject
from .errors import GitHubError, NotFoundError, UnclearError


class Sign(Enum):
    """A reaction, as GitHub calls it."""

    SEEN = "eyes"
    DONE = "rocket"
    REFUSED = "confused"


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction of ours: whether it is new, and who GitHub says that we are."""

    is_new: bool
    by: str


class People:
    """The people of one repository."""

    def __init__(self, client: Client, repository: str) -> None:
        self._client = client
        self._repository = f"/repos/{repository}"
        self._name = repository

    def permission(self, login: str) -> Permission:
        """Ask what somebody may do. A role of a company's own counts as the one it is based on."""
        path = f"{self._repository}/collaborators/{quote(login, safe='')}/permission"
        about = Subject(f"repository {self._name}", "the collaborators of", "metadata")
        try:
            answer = self._client.ask("GET", path, about=about)
        except NotFoundError:
            return Permission.NONE
        match answer.content:
            case {"permission": "admin" | "write" | "read" | "none" as permission}:
                return Permission(permission)
        raise GitHubError(f"GitHub does not say what somebody may do in {self._name}")

    def react(self, comment: int, sign: Sign) -> Reaction:
        """Give a reaction to a comment; GitHub keeps one of a kind, and says whether it is new.

        Where GitHub failed and may have kept it, it is given again and counts as new: to take our
        own for that of another process would leave the command undone.
        """
        path = self._reactions(comment)
        content, about = {"content": sign.value}, self._about(comment)
        try:
            answer = self._client.ask("POST", path, content, about=about)
        except UnclearError:
            answer = self._client.ask("POST", path, content, about=about, harmless=True)
            return Reaction(True, _login(answer.content))
        return Reaction(answer.status == 201, _login(answer.content))

    def signs(self, comment: int, by: str) -> set[Sign]:
        """Return the reactions that somebody gave to a comment, of those that we use."""
        given: set[Sign] = set()
        for page in self._client.pages(self._reactions(comment), about=self._about(comment)):
            for one in page if isinstance(page, list) else []:
                match one:
                    case {"content": str(content), "user": {"login": login}} if login == by:
                        given |= {sign for sign in Sign if sign.value == content}
        return given

    def _reactions(self, comment: int) -> str:
        return f"{self._repository}/issues/comments/{comment}/reactions"

    def _about(self, comment: int) -> Subject:
        return Subject(f"comment {comment} of {self._name}", "reactions to", "pull-requests")


def _login(content: object) -> str:
    match content:
        case {"user": {"login": str(login)}}:
            return login
    raise GitHubError("what GitHub answers is no reaction")
