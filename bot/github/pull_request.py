"""A pull request on GitHub: what it is now, and its comments."""

from ..event import Target
from ..sticky import Comment
from .client import Client, Subject
from .errors import GitHubError, NotFoundError, UnclearError


class PullRequest:
    """One pull request, and what can be done with its comments."""

    def __init__(self, target: Target, client: Client) -> None:
        self.target = target
        self.client = client
        self._repository = f"/repos/{target.repository}"
        self._about = Subject(f"pull request {target}", "comments on", "pull-requests")

    def head(self) -> str:
        """Return the commit that is the head of the pull request now."""
        path = f"{self._repository}/pulls/{self.target.pull_request}"
        answer = self.client.ask("GET", path, about=self._about)
        match answer.content:
            case {"head": {"sha": str(sha)}}:
                return sha
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
        """Write a new comment. Raises UnclearError where GitHub failed and may have written it."""
        answer = self.client.ask("POST", self._thread, {"body": body}, about=self._about)
        return _comment(answer.content)

    def edit(self, comment: int, body: str) -> Comment:
        """Replace the body of a comment."""
        path = f"{self._repository}/issues/comments/{comment}"
        answer = self.client.ask("PATCH", path, {"body": body}, about=self._about)
        return _comment(answer.content)

    def delete(self, comment: int) -> None:
        """Delete a comment; one that is gone already is fine."""
        path = f"{self._repository}/issues/comments/{comment}"
        try:
            self.client.ask("DELETE", path, about=self._about)
        except NotFoundError:
            return

    @property
    def _thread(self) -> str:
        return f"{self._repository}/issues/{self.target.pull_request}/comments"


def _comment(content: object) -> Comment:
    match content:
        case {"id": int(number), "html_url": str(url), "user": user}:
            # A comment by somebody whose account is gone has no user.
            author = str(user["login"]) if isinstance(user, dict) else ""
            body = content.get("body") if isinstance(content, dict) else None
            return Comment(number, author, str(body or ""), url)
    # GitHub accepted what we asked for, so that a comment may well have been written.
    raise UnclearError("what GitHub answers is no comment; try again later")
