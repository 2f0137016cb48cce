"""Sends requests to GitHub, again where that can do no harm; the one home of PyGithub."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import github
import requests

from ..event import PUBLIC_API
from .errors import (
    GitHubError,
    LockedError,
    NotAcceptedError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
    UnclearError,
    WaitedError,
)

TRIES = 5
# GitHub asks for a minute where it names no time after too many writes.
SECONDARY_WAIT_SECONDS = 60.0

_NEVER_FOR_FORKS = ", which a workflow on `pull_request` never has for a fork"


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answered: `content` is None where that is no JSON, as on a page of a proxy."""

    status: int
    headers: Mapping[str, str]
    content: object

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], text: str) -> "Answer":
        """Take an answer of the HTTP library apart."""
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
    def next_page(self) -> str | None:
        """The address of the next page of a list; None where this is the last one."""
        for part in self.headers.get("link", "").split(","):
            address, _, rest = part.partition(";")
            if 'rel="next"' in rest:
                return address.strip(" <>")
        return None

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


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about, for the words of an error: "comments on" the pull request `name`.

    `permission` is what a token needs for it; reading needs `: read`, and writing `: write`.
    """

    name: str
    things: str
    permission: str


class Client:
    """One token's way to a GitHub. Every request is repeated where that can do no harm.

    PyGithub's own retry is switched off: it repeats a POST that failed after the comment was
    written, which writes it twice, and never repeats a PATCH. `patience` is how many seconds this
    object waits in all; `throttle` keeps the pauses between requests that GitHub asks for. `proof`
    says that the token is what an App signed itself.
    """

    def __init__(
        self,
        token: str,
        api_url: str = PUBLIC_API,
        *,
        timeout: int = 15,
        patience: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        throttle: bool = True,
        proof: bool = False,
    ) -> None:
        self.api_url = api_url
        self._patience = patience
        self._sleep = sleep
        self._timeout = timeout
        self._requester = github.Github(
            auth=(github.Auth.AppAuthToken if proof else github.Auth.Token)(_checked(token)),
            base_url=api_url.rstrip("/"),
            user_agent="perflint",
            timeout=timeout,
            retry=None,
            seconds_between_requests=0.25 if throttle else None,
            seconds_between_writes=1.0 if throttle else None,
        ).requester

    def me(self) -> str:
        """Whom GitHub takes us for. REST has no answer for the token of a workflow; GraphQL has."""
        query = {"query": "query { viewer { login } }"}
        subject = Subject("the token", "the owner of", "metadata")
        url = self._requester.graphql_url
        answer = self.ask("POST", url, query, about=subject, harmless=True)
        match answer.content:
            case {"data": {"viewer": {"login": str(login)}}}:
                return login
        raise NotAllowedError(f"GitHub does not say whose token this is ({answer.said})")

    def ask(
        self,
        verb: str,
        path: str,
        content: object = None,
        *,
        about: Subject,
        harmless: bool | None = None,
        elsewhere: bool = False,
        afresh: bool = False,
    ) -> Answer:
        """Send a request, again where GitHub did nothing with it or where twice is harmless.

        `harmless` is so for every verb but POST unless it is said. Raises UnclearError where GitHub
        failed, may have done it, and twice would be too much. `elsewhere`: the answer may be where
        else to ask, which is not followed, since the token is not for others. `afresh`: what is
        sent depends on what the caller saw, so that after a wait it raises WaitedError instead of
        sending the same.
        """
        harmless = verb != "POST" if harmless is None else harmless
        for attempt in range(TRIES):
            came = self._try(verb, path, content, about, elsewhere=elsewhere)
            if isinstance(came, Answer):
                return came
            trouble, wait = came
            if wait is None and not isinstance(trouble, UnavailableError):
                raise trouble
            if wait is None and not harmless:
                raise UnclearError(str(trouble))
            if attempt + 1 < TRIES:
                self.wait(2.0**attempt if wait is None else wait, trouble)
            if afresh:
                raise WaitedError(str(trouble))
        raise trouble

    def pages(self, path: str, *, about: Subject) -> Iterator[object]:
        """Ask for every page of a list, a hundred entries each, and return these one by one.

        Where the next one is, GitHub says. To count ourselves would never end in a repository that
        was renamed: PyGithub follows the redirection, without what stands behind the `?`.
        """
        address: str | None = f"{path}{'&' if '?' in path else '?'}per_page=100&page=1"
        seen = set()
        while address is not None:
            if address in seen:
                raise GitHubError(f"the pages of {about.things} {about.name} lead in a circle")
            seen.add(address)
            answer = self.ask("GET", address, about=about)
            yield answer.content
            address = None if answer.next_page is None else self._ours(answer.next_page)

    def _ours(self, address: str) -> str:
        """Return a path of our API for an address: the token goes to no host that an answer names.

        A proxy may leave in an answer where it has the API from.
        """
        parts, prefix = urlsplit(address), urlsplit(self.api_url).path.rstrip("/")
        path = (
            parts.path.removeprefix(prefix) if parts.path.startswith(f"{prefix}/") else parts.path
        )
        return f"{path}?{parts.query}"

    def wait(self, seconds: float, trouble: GitHubError) -> None:
        """Wait, or raise the trouble that we would wait for where our patience is used up."""
        if seconds > self._patience:
            raise trouble
        self._patience -= seconds
        self._sleep(seconds)

    def _try(
        self, verb: str, path: str, content: object, about: Subject, *, elsewhere: bool
    ) -> Answer | tuple[GitHubError, float | None]:
        """Send a request once: an answer, or what is wrong and the seconds that GitHub asks for."""
        try:
            # Not `requestJsonAndCheck`: it stumbles over the pages of a proxy that fails.
            answer = Answer.read(*self._requester.requestJson(verb, path, input=content))
        except requests.Timeout:
            where = f"GitHub at {self.api_url}"
            return UnavailableError(f"{where} did not answer within {self._timeout} seconds"), None
        except requests.RequestException as error:
            return UnavailableError(f"cannot reach GitHub at {self.api_url}: {error}"), None
        except RuntimeError as error:
            # PyGithub has no type of its own for an address that has moved.
            if "redirected" not in str(error):
                raise
            return NotFoundError(f"{self.api_url} is not the API's address: {error}"), None
        if answer.status < 300 or (elsewhere and answer.status == 302):
            return answer
        return _explain(answer, verb, about), answer.asks_to_wait


def _explain(answer: Answer, verb: str, about: Subject) -> GitHubError:
    """Say why GitHub refused, and what to do about it."""
    status, said = answer.status, answer.said
    if (wait := answer.asks_to_wait) is not None:
        return UnavailableError(f"GitHub asks to wait {wait:.0f} seconds ({said}); try again later")
    if status < 400:
        return NotFoundError(
            f"{about.name} is at another address ({said}): was the repository moved?"
        )
    if status == 401:
        return NotAcceptedError(f"GitHub does not accept the token ({said}): give a valid one")
    if status == 403 and "locked" in said.lower():
        return LockedError(f"the conversation of {about.name} is locked ({said}): unlock it")
    if status == 403:
        does, more = ("read", "") if verb == "GET" else ("write", _NEVER_FOR_FORKS)
        return NotAllowedError(
            f"the token may not {does} {about.things} {about.name} ({said}): it needs the "
            f"permission `{about.permission}: {does}`{more}"
        )
    if status in (404, 410):
        return NotFoundError(
            f"GitHub finds no {about.name} ({said}): check the repository and the number, and that "
            f"the token may read it (`{about.permission}: read`)"
        )
    if status >= 500:
        return UnavailableError(f"GitHub failed ({said}); try again later")
    return GitHubError(f"GitHub refused {about.things} {about.name} ({said})")


def _checked(token: str) -> str:
    """Refuse what no token can be before the HTTP library does, whose message would show it."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NotAllowedError("the token is empty or has characters that no token has: set it anew")
    return token
