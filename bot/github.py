"""The one file that talks to GitHub: what can be done with a pull request's comments."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import github
import requests

from .. import PerflintError
from .event import Target
from .sticky import Comment

TRIES = 5
# GitHub asks for a minute where it names no time after too many writes.
SECONDARY_WAIT_SECONDS = 60.0


class GitHubError(PerflintError):
    """GitHub did not do what we asked for; the message says why and what to do about it."""


class NotAllowedError(GitHubError):
    """The token is not accepted, or may not do this."""


class NotFoundError(GitHubError):
    """There is no such thing, or the token may not see it."""


class UnavailableError(GitHubError):
    """GitHub failed, was silent, or asked us to wait for too long."""


class UnclearError(UnavailableError):
    """A comment may or may not have been written: look again before writing it once more."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What GitHub answered: `content` is None where that is no JSON, as on a page of a proxy."""

    status: int
    headers: Mapping[str, str]
    content: object

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], text: str) -> "_Answer":
        try:
            return cls(status, headers, json.loads(text))
        except ValueError:
            return cls(status, headers, None)

    @property
    def said(self) -> str:
        """The status and GitHub's own words, on one line."""
        match self.content:
            case {"message": str(words), "errors": [{"message": str(detail)}, *_]}:
                words = f"{words}: {detail}"
            case {"message": str(words)} | {"errors": [{"message": str(words)}, *_]}:
                pass
            case _:
                words = "no message"
        return f"{self.status}: {' '.join(words.split())}"

    @property
    def asks_to_wait(self) -> float | None:
        """Seconds that GitHub asks to wait before the same again; None where it does not."""
        after = self.headers.get("retry-after", "")
        exhausted = self.headers.get("x-ratelimit-remaining") == "0"
        limited = exhausted or after or "rate limit" in self.said.lower()
        if self.status != 429 and not (self.status == 403 and limited):
            return None
        if after.isdigit():
            return float(after)
        reset = self.headers.get("x-ratelimit-reset", "")
        if exhausted and reset.isdigit():
            # One more, since nobody knows when within that second the limit is lifted.
            return max(0.0, float(reset) - time.time()) + 1
        return SECONDARY_WAIT_SECONDS


class PullRequest:
    """The comments of one pull request. Every request is repeated where that can do no harm.

    PyGithub's own retry is switched off: it repeats a POST that failed after the comment was
    written, which writes it twice, and never repeats a PATCH. `patience` is how many seconds this
    object waits in all; `throttle` keeps the pauses between requests that GitHub asks for.
    """

    def __init__(
        self,
        target: Target,
        token: str,
        *,
        timeout: int = 15,
        patience: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        throttle: bool = True,
    ) -> None:
        self.target = target
        self._patience = patience
        self._sleep = sleep
        self._timeout = timeout
        self._requester = github.Github(
            auth=github.Auth.Token(_checked(token)),
            base_url=target.api_url.rstrip("/"),
            user_agent="perflint",
            timeout=timeout,
            retry=None,
            seconds_between_requests=0.25 if throttle else None,
            seconds_between_writes=1.0 if throttle else None,
        ).requester
        self._repository = f"/repos/{target.repository}"

    def me(self) -> str:
        """Whom GitHub takes us for. REST has no answer for the token of a workflow; GraphQL has."""
        query = {"query": "query { viewer { login } }"}
        answer = self._ask("POST", self._requester.graphql_url, query, harmless=True)
        match answer.content:
            case {"data": {"viewer": {"login": str(login)}}}:
                return login
        raise NotAllowedError(f"GitHub does not say whose token this is ({answer.said})")

    def head(self) -> str:
        """Return the commit that is the head of the pull request now."""
        answer = self._ask("GET", f"{self._repository}/pulls/{self.target.pull_request}")
        match answer.content:
            case {"head": {"sha": str(sha)}}:
                return sha
        raise GitHubError(f"what GitHub answers for {self.target} is no pull request")

    def comments(self) -> list[Comment]:
        """Read all comments of the pull request, however many pages they fill."""
        comments: list[Comment] = []
        page, more = 0, True
        while more:
            page += 1
            answer = self._ask("GET", f"{self._thread}?per_page=100&page={page}")
            if not isinstance(answer.content, list):
                raise GitHubError(f"what GitHub answers for {self.target} are no comments")
            comments += [_comment(one) for one in answer.content]
            more = 'rel="next"' in answer.headers.get("link", "")
        return comments

    def post(self, body: str) -> Comment:
        """Write a new comment. Raises UnclearError where GitHub failed and may have written it."""
        return _comment(self._ask("POST", self._thread, {"body": body}).content)

    def edit(self, comment: int, body: str) -> Comment:
        """Replace the body of a comment."""
        path = f"{self._repository}/issues/comments/{comment}"
        return _comment(self._ask("PATCH", path, {"body": body}).content)

    def delete(self, comment: int) -> None:
        """Delete a comment; one that is gone already is fine."""
        try:
            self._ask("DELETE", f"{self._repository}/issues/comments/{comment}")
        except NotFoundError:
            return

    def wait(self, seconds: float, trouble: GitHubError) -> None:
        """Wait, or raise the trouble that we would wait for where our patience is used up."""
        if seconds > self._patience:
            raise trouble
        self._patience -= seconds
        self._sleep(seconds)

    @property
    def _thread(self) -> str:
        return f"{self._repository}/issues/{self.target.pull_request}/comments"

    def _ask(
        self, verb: str, path: str, content: object = None, *, harmless: bool | None = None
    ) -> _Answer:
        """Send a request, again where GitHub did nothing with it or where twice is harmless."""
        harmless = verb != "POST" if harmless is None else harmless
        for attempt in range(TRIES):
            came = self._try(verb, path, content)
            if isinstance(came, _Answer):
                return came
            trouble, wait = came
            if wait is None and not isinstance(trouble, UnavailableError):
                raise trouble
            if wait is None and not harmless:
                raise UnclearError(str(trouble))
            if attempt + 1 < TRIES:
                self.wait(2.0**attempt if wait is None else wait, trouble)
        raise trouble

    def _try(
        self, verb: str, path: str, content: object
    ) -> _Answer | tuple[GitHubError, float | None]:
        """Send a request once: an answer, or what is wrong and the seconds that GitHub asks for."""
        try:
            # Not `requestJsonAndCheck`: it stumbles over the pages of a proxy that fails.
            answer = _Answer.read(*self._requester.requestJson(verb, path, input=content))
        except requests.Timeout:
            where = f"GitHub at {self.target.api_url}"
            return UnavailableError(f"{where} did not answer within {self._timeout} seconds"), None
        except requests.RequestException as error:
            return UnavailableError(f"cannot reach GitHub at {self.target.api_url}: {error}"), None
        except RuntimeError as error:
            # PyGithub has no type of its own for an address that has moved.
            if "redirected" not in str(error):
                raise
            return NotFoundError(f"{self.target.api_url} is not the API's address: {error}"), None
        if answer.status < 300:
            return answer
        return _explain(answer, verb, self.target), answer.asks_to_wait


def _explain(answer: _Answer, verb: str, target: Target) -> GitHubError:
    """Say why GitHub refused, and what to do about it."""
    status, said = answer.status, answer.said
    if (wait := answer.asks_to_wait) is not None:
        return UnavailableError(f"GitHub asks to wait {wait:.0f} seconds ({said}); try again later")
    if status < 400:
        return NotFoundError(f"{target} is at another address ({said}): was the repository moved?")
    if status == 401:
        return NotAllowedError(f"GitHub does not accept the token ({said}): give a valid one")
    if status == 403 and "locked" in said.lower():
        return NotAllowedError(f"the conversation of {target} is locked ({said}): unlock it")
    if status == 403 and verb == "GET":
        needed = "it needs the permission `pull-requests: read`"
        return NotAllowedError(f"the token may not read comments on {target} ({said}): {needed}")
    if status == 403:
        return NotAllowedError(
            f"the token may not write comments on {target} ({said}): it needs the permission "
            "`pull-requests: write`, which a workflow on `pull_request` never has for a fork"
        )
    if status in (404, 410):
        return NotFoundError(
            f"GitHub finds no pull request {target} ({said}): check the repository and the "
            "number, and that the token may read them (`pull-requests: read`)"
        )
    if status >= 500:
        return UnavailableError(f"GitHub failed ({said}); try again later")
    return GitHubError(f"GitHub refused the comment for {target} ({said})")


def _comment(content: object) -> Comment:
    match content:
        case {"id": int(number), "html_url": str(url), "user": user}:
            # A comment by somebody whose account is gone has no user.
            author = str(user["login"]) if isinstance(user, dict) else ""
            body = content.get("body") if isinstance(content, dict) else None
            return Comment(number, author, str(body or ""), url)
    # GitHub accepted what we asked for, so that a comment may well have been written.
    raise UnclearError("what GitHub answers is no comment; try again later")


def _checked(token: str) -> str:
    """Refuse what no token can be before the HTTP library does, whose message would show it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NotAllowedError("the token is empty or has characters that no token has: set it anew")
    return token
