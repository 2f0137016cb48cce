"""The ASGI application: takes deliveries in, and tells how the server is.

Nothing here is slow: a delivery is checked, made durable and answered; others do what it asks for.
"""

import asyncio
import hashlib
import json
import logging
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple

from ... import PerflintError
from .events import UnreadableError, jobs_of
from .job import Job
from .metrics import CONTENT_TYPE, Metrics
from .queue import Accepted, Taken, now
from .settings import Limits
from .signature import is_signed
from .writer import Writer

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

WEBHOOK = "/webhook"
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")
_EVENT = re.compile(r"[a-z_]{1,64}")

log = logging.getLogger("perflint.webhook")


class Reply(NamedTuple):
    """An answer; `outcome` is the word under which it is counted."""

    status: int
    outcome: str
    content: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class RefusedError(Exception):
    """A delivery is not taken."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.outcome)
        self.reply = reply


class Intake:
    """Answers GitHub, and whoever watches the server.

    `secrets` may be several while one replaces another; `ready` says why no delivery is taken now,
    empty where one is; `alive` whether the process is worth keeping.
    """

    def __init__(
        self,
        writer: Writer,
        metrics: Metrics,
        *,
        secrets: Sequence[str],
        workflows: Collection[str],
        limits: Limits,
        wake: Callable[[], None],
        ready: Callable[[], str],
        alive: Callable[[], bool],
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._secrets = secrets
        self._workflows = workflows
        self._limits = limits
        self._wake = wake
        self._ready = ready
        self._alive = alive
        self._held = 0  # bytes of bodies in memory
        self._busy = 0  # deliveries that are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"no {scope['type']} here")
        path, verb = scope["path"], scope["method"]
        if path == WEBHOOK and verb == "POST":
            await _answer(send, await self._webhook(scope, receive))
        elif path == WEBHOOK:
            await _answer(send, Reply(405, "verb", b"POST only\n", headers=(("allow", "POST"),)))
        elif verb not in ("GET", "HEAD"):
            await _answer(send, Reply(404, "path", b"not found\n"))
        elif path == "/healthz":
            alive = self._alive()
            await _answer(send, Reply(200 if alive else 500, "", b"ok\n" if alive else b"dead\n"))
        elif path == "/readyz":
            why = self._ready()
            await _answer(send, Reply(503 if why else 200, "", f"{why or 'ok'}\n".encode()))
        elif path == "/metrics":
            text = await asyncio.to_thread(self._metrics.text)
            await _answer(send, Reply(200, "", text, CONTENT_TYPE))
        else:
            await _answer(send, Reply(404, "path", b"not found\n"))

    async def _webhook(self, scope: Scope, receive: Receive) -> Reply:
        begin = time.monotonic()
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        event, delivery = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
        self._busy += 1
        try:
            reply = await self._take(event, delivery, headers, receive)
        except RefusedError as refused:
            reply = refused.reply
        finally:
            self._busy -= 1
        self._metrics.delivered(event, reply.outcome)
        self._metrics.answer_seconds.observe(time.monotonic() - begin)
        return reply

    async def _take(
        self, event: str, delivery: str, headers: dict[str, str], receive: Receive
    ) -> Reply:
        signature = headers.get("x-hub-signature-256", "")
        if why := self._ready():
            raise _later(why)
        if self._busy > self._limits.deliveries:
            raise _later("too many deliveries at once")
        # What cannot be GitHub's is not read at all. Why is nobody's business.
        if not _SIGNATURE.fullmatch(signature):
            raise RefusedError(Reply(401, "unsigned"))
        body = await self._read(headers, receive)
        if not is_signed(body, signature, self._secrets):
            raise RefusedError(Reply(401, "forged"))
        # From here on it is GitHub that we talk to, and its page of deliveries shows what we say.
        if not _EVENT.fullmatch(event) or not _DELIVERY.fullmatch(delivery):
            raise _unreadable("X-GitHub-Event or X-GitHub-Delivery is missing or strange")
        try:
            jobs = jobs_of(event, _parse(body, headers), self._workflows)
        except UnreadableError as error:
            log.error("delivery %s: %s", delivery, error)
            raise _unreadable(str(error)) from error
        if not jobs:
            return _json(200, "ignored", jobs=0)
        digest = hashlib.sha256(body).digest()
        del body  # not held while the disk works
        return await self._keep(delivery, digest, jobs)

    async def _keep(self, delivery: str, digest: bytes, jobs: Sequence[Job]) -> Reply:
        """Make a delivery durable, and only then say that we have it."""
        change = self._writer.submit(lambda queue: queue.accept(delivery, digest, jobs, now()))
        try:
            accepted: Accepted = await asyncio.wrap_future(change)
        except (sqlite3.Error, PerflintError) as error:
            log.error("delivery %s cannot be kept: %s", delivery, error)
            raise _later("the queue cannot be written") from error
        if accepted.over_quota:
            self._metrics.over_quota.inc(accepted.over_quota)
            log.warning("delivery %s: over quota: %s", delivery, jobs[0].actor)
        match accepted.taken:
            case Taken.FULL:
                raise _later("the queue is full")
            case Taken.REPLAYED:
                log.warning("delivery %s has the body of another: not taken", delivery)
                raise RefusedError(_json(409, "replayed", error="this body was delivered already"))
            case Taken.KNOWN:
                return _json(200, "known", jobs=0)
            case Taken.ACCEPTED:
                self._wake()
                return _json(202, "accepted", jobs=accepted.jobs)

    async def _read(self, headers: dict[str, str], receive: Receive) -> bytes:
        """Read a body that is neither too long nor too slow, while there is memory for it."""
        most = self._limits.body_bytes
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            raise _unreadable("Content-Length is no number")
        if int(length) > most:
            raise _too_large(most)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RefusedError(Reply(400, "hung up"))
                    part = message.get("body", b"")
                    size += len(part)
                    self._hold(len(part))
                    if size > most:
                        raise _too_large(most)
                    if self._held > self._limits.held_bytes:
                        raise _later("too much at once")
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise RefusedError(Reply(408, "slow", b"too slow\n")) from None
        finally:
            self._hold(-size)

    def _hold(self, size: int) -> None:
        self._held += size
        self._metrics.held_bytes.set(self._held)


def _parse(body: bytes, headers: dict[str, str]) -> object:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnreadableError("the webhook's content type has to be application/json: set it so")
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"the body is no JSON: {error}") from error


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _later(why: str) -> RefusedError:
    return RefusedError(Reply(503, "busy", f"{why}\n".encode(), headers=(("retry-after", "30"),)))


def _too_large(most: int) -> RefusedError:
    return RefusedError(Reply(413, "oversized", f"more than {most} bytes\n".encode()))


def _unreadable(why: str) -> RefusedError:
    return RefusedError(_json(400, "unreadable", error=why))


def _json(status: int, outcome: str, **said: object) -> Reply:
    return Reply(status, outcome, json.dumps(said).encode() + b"\n", "application/json")


async def _answer(send: Send, reply: Reply) -> None:
    headers = [
        (b"content-type", reply.kind.encode()),
        (b"content-length", str(len(reply.content)).encode()),
        *((name.encode(), value.encode()) for name, value in reply.headers),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.content})
