"""A GitHub App: proves who it is, and gets a token for one repository and one kind of work.

The one home of PyJWT.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import jwt

from ... import PerflintError
from ..event import PUBLIC_API
from .client import Client, Subject
from .errors import GitHubError, NotAllowedError, NotFoundError, UnavailableError

# GitHub takes ten minutes at most, and its clock may be ahead of ours or behind.
_JWT_SECONDS, _CLOCK_SLACK_SECONDS = 540, 60
# A job that begins now has to end before its token does: tokens hold for an hour.
_TOKEN_SPARE_SECONDS = 600
_MOST_TOKENS = 10_000
_APP = Subject("the App", "the installations of", "metadata")

Permissions = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    expires: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery as GitHub remembers it; `status` is what we answered, 0 for nothing."""

    id: int
    guid: str
    status: int
    at: float
    redelivery: bool


class App:
    """One App on one GitHub. Its methods may be called by several threads."""

    def __init__(
        self,
        app_id: int,
        key: str,
        api_url: str = PUBLIC_API,
        *,
        now: Callable[[], float] = time.time,
        timeout: int = 15,
        patience: float = 30.0,
        throttle: bool = True,
    ) -> None:
        self.api_url = api_url
        self._app_id = app_id
        self._key = key
        self._now = now
        self._timeout = timeout
        self._patience = patience
        self._throttle = throttle
        self._tokens: dict[tuple[int, int, frozenset[tuple[str, str]]], _Token] = {}
        self._lock = threading.Lock()
        self.proof()  # a key that is none is found at once

    def proof(self) -> str:
        """Sign that we are the App. Raises PerflintError where the key cannot."""
        now = int(self._now())
        claims = {
            "iat": now - _CLOCK_SLACK_SECONDS,
            "exp": now + _JWT_SECONDS,
            "iss": str(self._app_id),
        }
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            # Not what the library says: it may quote the key.
            raise PerflintError(
                "the App's private key is no RSA key in PEM form: give the whole file that GitHub "
                f"made, from -----BEGIN to END----- ({type(error).__name__})"
            ) from None

    def client(
        self,
        installation: int,
        repository_id: int,
        permissions: Permissions,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Client:
        """Return a way to one repository that may do no more than `permissions` say."""
        token = self._token(installation, repository_id, permissions, sleep)
        return self._client(token, sleep)

    def forget(self, installation: int) -> None:
        """Forget the tokens of an installation that has changed."""
        with self._lock:
            for key in [key for key in self._tokens if key[0] == installation]:
                del self._tokens[key]

    def deliveries(self, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Delivery]:
        """List the deliveries that GitHub remembers, the newest first: it keeps them for 3 days."""
        client = self._client(self.proof(), sleep, proof=True)
        path: str | None = "/app/hook/deliveries?per_page=100"
        while path:
            answer = client.ask("GET", path, about=_APP)
            if not isinstance(answer.content, list):
                raise GitHubError("what GitHub answers are no deliveries")
            yield from map(_delivery, answer.content)
            path = _next(answer.headers.get("link", ""))

    def deliver_again(self, delivery: int, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Ask GitHub to send a delivery once more, under the same id."""
        path = f"/app/hook/deliveries/{delivery}/attempts"
        self._client(self.proof(), sleep, proof=True).ask("POST", path, about=_APP, harmless=True)

    def _token(
        self,
        installation: int,
        repository_id: int,
        permissions: Permissions,
        sleep: Callable[[float], None],
    ) -> str:
        key = (installation, repository_id, frozenset(permissions.items()))
        with self._lock:
            known = self._tokens.get(key)
        if known and known.expires - _TOKEN_SPARE_SECONDS > self._now():
            return known.text
        token = self._new_token(installation, repository_id, permissions, sleep)
        with self._lock:
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
            self._tokens[key] = token
        return token.text

    def _new_token(
        self,
        installation: int,
        repository_id: int,
        permissions: Permissions,
        sleep: Callable[[float], None],
    ) -> _Token:
        path = f"/app/installations/{installation}/access_tokens"
        wanted = {"repository_ids": [repository_id], "permissions": dict(permissions)}
        client = self._client(self.proof(), sleep, proof=True)
        try:
            # A token that nobody has does no harm.
            answer = client.ask("POST", path, wanted, about=_APP, harmless=True)
        except UnavailableError:
            raise
        except NotFoundError as error:
            raise NotFoundError(
                f"the App {self._app_id} has no installation {installation}: it was removed, or "
                f"app_id or api_url are those of another App ({error})"
            ) from error
        except NotAllowedError as error:
            raise NotAllowedError(
                f"GitHub does not take us for App {self._app_id}: check app_id, the private key "
                f"and this machine's clock, and that the App is not suspended ({error})"
            ) from error
        except GitHubError as error:
            asked = ", ".join(f"{name}: {kind}" for name, kind in permissions.items())
            raise NotAllowedError(
                f"installation {installation} of the App may not have {asked} on repository "
                f"{repository_id}: grant it on the App's page, and accept it there ({error})"
            ) from error
        match answer.content:
            case {"token": str(text), "expires_at": str(expires)}:
                return _Token(text, _seconds(expires))
        raise GitHubError(f"what GitHub answers for installation {installation} is no token")

    def _client(self, token: str, sleep: Callable[[float], None], *, proof: bool = False) -> Client:
        return Client(
            token,
            self.api_url,
            timeout=self._timeout,
            patience=self._patience,
            sleep=sleep,
            throttle=self._throttle,
            proof=proof,
        )


def _delivery(content: object) -> Delivery:
    match content:
        case {
            "id": int(number),
            "guid": str(guid),
            "status_code": int(status),
            "delivered_at": str(at),
            "redelivery": bool(redelivery),
        }:
            return Delivery(number, guid, status, _seconds(at), redelivery)
    raise GitHubError("what GitHub answers is no delivery")


def _next(link: str) -> str | None:
    """Return the path of the next page: deliveries have no numbers of pages."""
    for part in link.split(","):
        url, _, rest = part.partition(";")
        if 'rel="next"' in rest:
            # Only what follows `?`: the rest of an address is ours to choose.
            return f"/app/hook/deliveries?{url.strip(' <>').partition('?')[2]}"
    return None


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise GitHubError(f"{text!r} is no time") from error
