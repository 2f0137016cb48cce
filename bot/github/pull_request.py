"""A pull request on GitHub: what it is now, its comments and its labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ..event import Target
from ..sticky import Comment
from .client import Client, Subject
from .errors import GitHubError, NotFoundError, UnclearError


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pull request is now. `head` is its commit; merged ones are not open either."""

    head: str
    open: bool = True
    draft: bool = False
    locked: bool = False
    labels: frozenset[str] = frozenset()


class PullRequest:
    """One pull request, and what can be done with its comments and labels."""

    def __init__(self, target: Target, client: Client) -> None:
        self.target = target
        self.client = client
        self._repository = f"/repos/{target.repository}"
        self._about = Subject(f"pull request {target}", "comments on", "pull-requests")
        self._labels_of = Subject(f"pull request {target}", "labels of", "pull-requests")

    def facts(self) -> Facts:
        """Ask what the pull request is now, in one request."""
        path = f"{self._repository}/pulls/{self.target.pull_request}"
        content = self.client.ask("GET", path, about=self._about).content
        match content:
            case {"head": {"sha": str(sha)}, **more}:
                return _facts(sha, more)
        raise GitHubError(f"what GitHub answers for {self.target} is no pull request")

    def comments(self) -> list[Comment]:
        """Read all comments of the pull request, however many pages they fill."""
        comments: list[Comment] = []
        for page in self.client.pages(self._thread, about=self._about):
            if not isinstance(page, list):
                raise GitHubError(f"what GitHub answers for {self.target} are no comments")
            comments += [_comment(one) for one in page]
        return comments

    def post(self, body: str) -> Comment:
        """Write a new comment. Raises UnclearError where it may be written, or others may be."""
        answer = self.client.ask(
            "POST", self._thread, {"body": body}, about=self._about, afresh=True
        )
        return _comment(answer.content)

    def edit(self, comment: int, body: str) -> Comment:
        """Replace the body of a comment.

        Raises UnclearError where GitHub failed: nothing is sent again before the caller has looked,
        since another run may have told something newer in the meantime.
        """
        path = f"{self._repository}/issues/comments/{comment}"
        answer = self.client.ask(
            "PATCH", path, {"body": body}, about=self._about, harmless=False, afresh=True
        )
        return _comment(answer.content)

    def delete(self, comment: int) -> None:
        """Delete a comment; one that is gone already is fine."""
        path = f"{self._repository}/issues/comments/{comment}"
        try:
            self.client.ask("DELETE", path, about=self._about)
        except NotFoundError:
            return

    def add_labels(self, labels: tuple[str, ...]) -> None:
        """Add labels; those that are there already stay."""
        path = f"{self._repository}/issues/{self.target.pull_request}/labels"
        content = {"labels": list(labels)}
        self.client.ask("POST", path, content, about=self._labels_of, harmless=True)

    def remove_label(self, label: str) -> None:
        """Remove a label; one that is gone already is fine."""
        path = f"{self._repository}/issues/{self.target.pull_request}/labels"
        try:
            self.client.ask("DELETE", f"{path}/{quote(label, safe='')}", about=self._labels_of)
        except NotFoundError:
            return

    @property
    def _thread(self) -> str:
        return f"{self._repository}/issues/{self.target.pull_request}/comments"


def _facts(sha: str, content: Mapping[object, object]) -> Facts:
    labels = content.get("labels")
    names = [
        str(one["name"])
        for one in (labels if isinstance(labels, list) else ())
        if isinstance(one, dict) and "name" in one
    ]
    return Facts(
        sha,
        open=content.get("state", "open") == "open",
        draft=content.get("draft") is True,
        locked=content.get("locked") is True,
        labels=frozenset(names),
    )


def _comment(content: object) -> Comment:
    match content:
        case {"id": int(number), "html_url": str(url), "user": user}:
            # A comment by somebody whose account is gone has no user.
            author = str(user["login"]) if isinstance(user, dict) else ""
            body = content.get("body") if isinstance(content, dict) else None
            return Comment(number, author, str(body or ""), url)
    # GitHub accepted what we asked for, so that a comment may well have been written.
    raise UnclearError("what GitHub answers is no comment; try again later")
