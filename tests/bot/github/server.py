"""A stand-in for GitHub that remembers: real HTTP, every exchange checked against the description.

What the description leaves out is stated here: the length of a body, pages, permissions, locked
conversations, and failures that a test scripts.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .description import Undescribed, check_answer, check_request, example, find, models

REPOSITORY = "acme/models"
NUMBER = 5
BOT = "github-actions[bot]"
HEAD = "a" * 40
WORKFLOW, READ_ONLY, EXPIRED = "token-of-a-workflow", "token-of-a-fork", "token-of-last-year"


@dataclass
class Account:
    login: str
    may_write: bool = True


@dataclass
class Fault:
    """What goes wrong with the next request of this verb: before it is done, or after."""

    verb: str
    status: int = 502
    after: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    page: bytes = b"<html>Bad Gateway</html>"
    dropped: bool = False  # the connection ends without an answer
    silent: float = 0.0  # seconds without a word, and then the connection ends
    path: str = ""  # only requests whose path contains this


class Refusal(Exception):
    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        address = "https://docs.github.com/rest"
        self.answer = {
            "message": message,
            "documentation_url": address,
            "status": str(status),
        } | more


class FakeGitHub:
    """One repository with one pull request."""

    def __init__(self) -> None:
        self.accounts = {WORKFLOW: Account(BOT), READ_ONLY: Account(BOT, may_write=False)}
        self.comments: dict[int, dict[str, Any]] = {}
        self.head = HEAD
        self.locked = False
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.seen_tokens: set[str] = set()
        self.problems: list[str] = []
        self.before: Callable[[str, str], None] = lambda verb, path: None
        self.url = ""
        self.lock = threading.RLock()
        self._next = 100

    def add(self, author: str, body: str) -> int:
        """Let somebody write a comment by hand."""
        self._next += 1
        number = self._next
        comment = example(models.IssueComment)
        comment |= {
            "id": number,
            "body": body,
            "user": example(models.SimpleUser) | {"login": author},
            "html_url": f"https://github.example/{REPOSITORY}/pull/{NUMBER}#issuecomment-{number}",
            "url": f"{self.url}/repos/{REPOSITORY}/issues/comments/{number}",
        }
        self.comments[number] = comment
        return number

    def bodies(self, author: str = BOT) -> list[str]:
        """Return what somebody's comments say."""
        comments = [one for one in self.comments.values() if one["user"]]
        return [one["body"] for one in comments if one["user"]["login"] == author]

    @property
    def writes(self) -> list[str]:
        """Return the requests that wanted to change something."""
        return [line for line in self.log if not line.startswith("GET") and "/graphql" not in line]

    def answer(
        self, verb: str, path: str, token: str, raw: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        """Do what a request asks for; raises Undescribed where GitHub knows no such request."""
        # GitHub Enterprise Server has the same API under /api/v3 and /api/graphql.
        url = urlsplit(path.removeprefix("/api/v3").replace("/api/graphql", "/graphql"))
        if url.path == "/graphql":
            return self._graphql(verb, token, raw)
        operation, values = find(verb, url.path)
        content = check_request(operation, raw)
        account = self._account(token)
        try:
            status, answer, headers = self._do(verb, values, content, account, url)
        except Refusal as refusal:
            status, answer, headers = refusal.status, refusal.answer, {}
        check_answer(operation, status, b"" if answer is None else json.dumps(answer).encode())
        return status, answer, headers

    def _account(self, token: str) -> Account | None:
        return self.accounts.get(token)

    def _graphql(self, verb: str, token: str, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        # GraphQL has a schema of its own, which is not part of the description.
        if verb != "POST" or json.loads(raw) != {"query": "query { viewer { login } }"}:
            raise Undescribed(f"{verb} /graphql {raw!r}")
        account = self._account(token)
        if account is None:
            return 401, {"message": "Bad credentials"}, {}
        return 200, {"data": {"viewer": {"login": account.login}}}, {}

    def _do(
        self, verb: str, values: dict[str, str], content: Any, account: Account | None, url: Any
    ) -> tuple[int, Any, dict[str, str]]:
        if account is None:
            raise Refusal(401, "Bad credentials")
        number = int(values.get("issue_number") or values.get("pull_number") or NUMBER)
        if f"{values['owner']}/{values['repo']}" != REPOSITORY or number != NUMBER:
            raise Refusal(404, "Not Found")
        if "pull_number" in values:
            return 200, self._pull(), {}
        if verb == "GET":
            return self._page(url)
        if not account.may_write:
            raise Refusal(403, "Resource not accessible by integration")
        return self._write(verb, values, content, account)

    def _write(
        self, verb: str, values: dict[str, str], content: Any, account: Account
    ) -> tuple[int, Any, dict[str, str]]:
        number = int(values.get("comment_id", 0))
        if number and number not in self.comments:
            raise Refusal(404, "Not Found")
        if verb == "DELETE":
            del self.comments[number]
            return 204, None, {}
        if self.locked and verb == "POST":
            raise Refusal(403, "Unable to create comment because issue is locked.")
        if not content["body"].strip() or len(content["body"]) > 65_536:
            fault = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
            said = {"message": "Body is too long (maximum is 65536 characters)"}
            raise Refusal(422, "Validation Failed", errors=[fault | said])
        if verb == "POST":
            return 201, self.comments[self.add(account.login, content["body"])], {}
        self.comments[number]["body"] = content["body"]
        return 200, self.comments[number], {}

    def _pull(self) -> dict[str, Any]:
        pull = example(models.PullRequest)
        pull["number"] = NUMBER
        pull["head"]["sha"] = self.head
        return pull

    def _page(self, url: Any) -> tuple[int, Any, dict[str, str]]:
        asked = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        size, page = min(asked.get("per_page", 30), 100), asked.get("page", 1)
        every = [self.comments[number] for number in sorted(self.comments)]
        part = every[(page - 1) * size : page * size]
        last = max(1, -(-len(every) // size))
        steps = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        skipped = {"prev", "first"} if page == 1 else set()
        skipped |= {"next", "last"} if page >= last else set()
        links = [
            f'<{self.url}{url.path}?per_page={size}&page={to}>; rel="{name}"'
            for name, to in steps.items()
            if name not in skipped
        ]
        return 200, part, {"Link": ", ".join(links)} if links else {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: without a buffer each exchange waits 40 ms for an ACK.
    wbufsize = 65_536
    github: FakeGitHub

    def log_message(self, *words: object) -> None:
        pass

    def _serve(self) -> None:
        github, verb = self.github, self.command
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        github.before(verb, self.path)
        with github.lock:
            github.log.append(f"{verb} {self.path}")
            token = (self.headers.get("authorization") or "").removeprefix("token ")
            token = token.removeprefix("Bearer ")
            github.seen_tokens.add(token)
            fault = self._fault(verb)
            status, answer, headers = 0, None, {}
            if fault is None or fault.after:
                try:
                    status, answer, headers = github.answer(verb, self.path, token, raw)
                except Exception as problem:
                    github.problems.append(f"{type(problem).__name__}: {problem}")
                    status, answer = 500, {"message": "see problems"}
        if fault is None:
            self._send(status, answer, headers)
        elif fault.dropped or fault.silent:
            threading.Event().wait(fault.silent)
            self.close_connection = True
        else:
            # Where a proxy fails and not GitHub itself, the answer is a page.
            content = {"message": fault.message} if fault.message else None
            self._send(fault.status, content, fault.headers, b"" if content else fault.page)

    def _fault(self, verb: str) -> Fault | None:
        for fault in self.github.faults:
            if fault.verb == verb and fault.path in self.path and "/graphql" not in self.path:
                self.github.faults.remove(fault)
                return fault
        return None

    def _send(self, status: int, answer: Any, headers: dict[str, str], page: bytes = b"") -> None:
        raw = page if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()

    # The names are those that http.server calls.
    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815


@contextmanager
def serving() -> Iterator[FakeGitHub]:
    """Serve a fresh GitHub on a port of this machine."""
    github = FakeGitHub()
    handler = type("Handler", (_Handler,), {"github": github})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
