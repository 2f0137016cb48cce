"""A server in this process, asked as uvicorn asks it, and one in a process of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from torch_perflint.bot.report import Revision
from torch_perflint.bot.server.quota import Quotas
from torch_perflint.bot.server.server import Server
from torch_perflint.bot.server.settings import Hub, Limits, Listen, Settings

from ..github.routes_actions import Run, add_artifact, add_run
from ..github.server import NUMBER, FakeGitHub, serving
from ..github.storage import storing
from ..handoff.handed import made_by, zipped
from .payloads import INSTALLATION, SECRET, delivery

APP_ID = 4242
ROOT = Path(__file__).parents[3]


@cache
def keys() -> tuple[str, str]:
    """The App's private key and its public one, in PEM form."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.decode(), key.public_key().public_bytes(pem, kind).decode()


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake, storing() as fake.storage:
        fake.app = (APP_ID, keys()[1])
        fake.installations[INSTALLATION] = {
            "actions": "write",
            "checks": "write",
            "contents": "read",
            "pull_requests": "write",
        }
        yield fake
    assert fake.problems == []


def measured(github: FakeGitHub, number: int = NUMBER, run: int = 900, **facts: Any) -> Run:
    """Let a run on a pull request have ended, and have handed over what it found."""
    pull = github.pulls[number]
    made = add_run(github, **{"id": run, "head": pull.head, "branch": pull.branch, **facts})
    hand_over(github, made, number)
    return made


def hand_over(github: FakeGitHub, run: Run, number: int = NUMBER) -> None:
    """Let a run hand over a regression, found before anything on the stand-in was written."""
    head = Revision(github.pulls[number].head, "HEAD")
    report = made_by(run, number, created="2026-01-01T00:00:00+00:00", head=head)
    add_artifact(github, run.id, zipped(report))


def settings(folder: Path, **changed: Any) -> Settings:
    parts = {
        "github": Hub(app_id=APP_ID),
        "server": Listen(queue=str(folder / "queue.db"), stop_seconds=5.0, workers=2),
        "limits": Limits(),
        "quotas": Quotas(),
        "webhook_secrets": (SECRET,),
        "app_key": keys()[0],
    }
    return Settings(**{**parts, **changed})


@dataclass
class Answer:
    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)


async def ask(
    app: Server,
    path: str,
    verb: str = "POST",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    parts: int = 1,
    pause: float = 0.0,
    hang_up: bool = False,
) -> Answer:
    """Ask an ASGI application as uvicorn does; the body comes in `parts`."""
    size = -(-len(body) // parts) or 1
    pieces = [body[n : n + size] for n in range(0, len(body), size)] or [b""]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        if hang_up and len(pieces) == 1:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "path": path, "method": verb, "headers": raw}
    await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], sent[1]["body"].decode(), told)


def with_server(server: Server, what: Callable[[], Any]) -> Any:
    """Run something while the server runs, from its start to its orderly end."""

    async def run() -> Any:
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        life = asyncio.create_task(server({"type": "lifespan"}, inbox.get, outbox.put))
        await inbox.put({"type": "lifespan.startup"})
        assert (await outbox.get())["type"] == "lifespan.startup.complete"
        try:
            return await what()
        finally:
            await inbox.put({"type": "lifespan.shutdown"})
            await life

    return asyncio.run(run())


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


class Process:
    """A server in a process of its own, with the real uvicorn; `storage` has the artifacts."""

    def __init__(
        self, folder: Path, api_url: str, key: str = "", storage: str = "", **limits: Any
    ) -> None:
        self.key = key or keys()[0]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.config = folder / "server.toml"
        rows = "\n".join(f"{name} = {value}" for name, value in limits.items())
        self.config.write_text(
            f'[github]\napp_id = {APP_ID}\napi_url = "{api_url}"\nartifact_host = "{storage}"\n'
            f'[server]\nport = {self.port}\nqueue = "{folder / "queue.db"}"\nstop_seconds = 3\n'
            f"[limits]\n{rows}\n[quotas]\nper_user = 100000\nper_pull_request = 100000\n"
        )
        self.log = folder / "server.log"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """Start it, or what `words` say in its place."""
        child = [str(Path(__file__).with_name("child.py")), str(self.config)]
        environ = {
            **os.environ,
            "PERFLINT_WEBHOOK_SECRET": SECRET,
            "PERFLINT_APP_KEY": self.key,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        }
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, *(words or child)],
                env=environ,
                stderr=log,
            )
        end = time.monotonic() + 20
        while not self._ready():
            assert self.child.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def end(self) -> int:
        """Ask it to end, and return its exit status."""
        assert self.child is not None
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(20)

    def get(self, path: str) -> Answer:
        return self._ask(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def deliver(self, event: str, payload: Any, **how: Any) -> Answer:
        body, headers = delivery(event, payload, **how)
        return self.post(body, headers)

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        url = f"http://127.0.0.1:{self.port}/webhook"
        return self._ask(urllib.request.Request(url, body, headers))

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(), dict(error.headers))

    def metric(self, line: str) -> float:
        for found in self.get("/metrics").text.splitlines():
            if found.startswith(f"{line} "):
                return float(found.rsplit(" ", 1)[1])
        return 0.0


@pytest.fixture
def make_process(tmp_path: Path, github: FakeGitHub) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def make(**limits: Any) -> Process:
        made.append(Process(tmp_path, github.url, storage=github.storage.host, **limits))
        return made[-1]

    yield make
    for process in made:
        if process.child is not None and process.child.poll() is None:
            process.kill()
