"""What a command is held against: its comment, the pull request and the commit, as of now."""

from collections.abc import Mapping

from ..commands.situation import Pull, Written
from .client import Client, Subject
from .errors import GitHubError, NotFoundError


class Conversation:
    """What GitHub says of the comments, pull requests and commits of one repository."""

    def __init__(self, client: Client, repository: str) -> None:
        self._client = client
        self._name = repository
        self._repository = f"/repos/{repository}"

    def comment(self, number: int) -> Written | None:
        """Read a comment; None where it is gone."""
        path = f"{self._repository}/issues/comments/{number}"
        about = Subject(f"comment {number} of {self._name}", "the text of", "pull-requests")
        try:
            answer = self._client.ask("GET", path, about=about)
        except NotFoundError:
            return None
        match answer.content:
            case {
                "id": int(found),
                "issue_url": str(thread),
                "created_at": str(created),
                "updated_at": str(updated),
                **rest,
            }:
                return Written(
                    found,
                    _last_number(thread),
                    *_author(rest),
                    str(rest.get("body") or ""),
                    created,
                    updated,
                )
        raise GitHubError("what GitHub answers is no comment")

    def pull(self, number: int) -> Pull:
        """Read a pull request. Raises NotFoundError where there is none."""
        path = f"{self._repository}/pulls/{number}"
        about = Subject(f"pull request {self._name}#{number}", "the state of", "pull-requests")
        match self._client.ask("GET", path, about=about).content:
            case {
                "number": int(found),
                "state": str(state),
                "head": {"sha": str(sha), "ref": str(branch), "repo": head},
                "base": {"repo": {"id": int(base)}},
                "user": user,
            }:
                author = str(user["login"]) if isinstance(user, dict) else ""
                # The repository of a fork that was deleted is None.
                place = head.get("id") if isinstance(head, dict) else None
                return Pull(found, sha, author, state == "open", place != base, place, branch)
        raise GitHubError(f"what GitHub answers for {self._name}#{number} is no pull request")

    def commit(self, named: str) -> str | None:
        """Return the full hash of the one commit whose hash begins so; None where none or several.

        Both of two commits with the same first digits are known to GitHub, even if one of them has
        been pushed away: to it such a beginning is as good as none.
        """
        path = f"{self._repository}/commits/{named}"
        about = Subject(f"commit {named} of {self._name}", "the hash of", "contents")
        try:
            answer = self._client.ask("GET", path, about=about)
        except NotFoundError:
            return None
        except GitHubError as error:
            if "422" in str(error):  # how GitHub says that it knows no such commit
                return None
            raise
        match answer.content:
            case {"sha": str(sha)}:
                return sha
        raise GitHubError(f"what GitHub answers for {named} is no commit")


def _author(comment: Mapping[object, object]) -> tuple[str, bool]:
    """Return who wrote it, and whether that is a person who did so without an App."""
    match comment.get("user"):
        case {"login": str(login), "type": str(kind)}:
            return login, kind == "User" and not comment.get("performed_via_github_app")
    return "", False


def _last_number(url: str) -> int:
    last = url.rsplit("/", 1)[-1]
    return int(last) if last.isascii() and last.isdigit() else 0
