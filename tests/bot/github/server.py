"""A stand-in for GitHub that remembers: real HTTP, every exchange checked against the description.

What the description leaves out is stated here: the length of a body, pages, permissions, locked
conversations, and failures that a test scripts.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from . import (  # noqa: F401  (they register routes)
    routes_actions,
    routes_apps,
    routes_checks,
    routes_comments,
    routes_commits,
    routes_environments,
)
from .description import Undescribed, check_answer, check_query, check_request, example, models
from .routes import Call, Refusal, Reply, find
from .storage import Storage

REPOSITORY = "acme/models"
NUMBER = 5
BOT = "github-actions[bot]"
HEAD = "a" * 40
WORKFLOW, READ_ONLY, EXPIRED = "token-of-a-workflow", "token-of-a-fork", "token-of-last-year"


@dataclass
class Account:
    """Whom a token stands for. `permissions` name those that are less than to write."""

    login: str
    may_write: bool = True
    permissions: dict[str, str] = field(default_factory=dict)
    remaining: int | None = None  # requests until the hourly limit; None: no end
    usual: str | None = None  # what it may where `permissions` say nothing

    def may(self, permission: str, *, write: bool) -> bool:
        usual = "write" if self.may_write else "read"
        usual = usual if self.usual is None else self.usual
        has = self.permissions.get(permission, usual)
        return has == "write" or (has == "read" and not write)


@dataclass
class Pull:
    """A pull request, as far as a bot looks at it."""

    number: int = NUMBER
    head: str = HEAD
    base: str = "b" * 40
    owner: str = "acme"  # of the repository that head is in
    branch: str = "topic"
    repository_id: int | None = 1  # that of head, None: it was deleted; base's is 1
    author: str = "contributor"
    state: str = "open"
    draft: bool = False
    locked: bool = False
    labels: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


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


class FakeGitHub:
    """One repository with its pull requests; what is done to it stays."""

    def __init__(self) -> None:
        self.accounts = {WORKFLOW: Account(BOT), READ_ONLY: Account(BOT, may_write=False)}
        self.pulls = {NUMBER: Pull()}
        self.comments: dict[int, dict[str, Any]] = {}
        self.thread: dict[int, int] = {}  # comment to pull request
        self.reactions: dict[int, list[dict[str, Any]]] = {}
        self.checks: dict[int, dict[str, Any]] = {}
        self.annotations: dict[int, list[dict[str, Any]]] = {}
        self.lookalikes: list[str] = []  # further commits, beside the heads of the pull requests
        self.roles: dict[str, str] = {}  # login in small letters to role: admin, maintain, write…
        self.runs: dict[int, routes_actions.Run] = {}
        self.artifacts: dict[int, routes_actions.Stored] = {}
        self.workflows = {"perflint.yml", "perflint-measure.yml", "measure.yml"}
        self.environments: dict[str, list[str]] = {}  # name to its rules, by kind
        self.reviews: dict[int, list[tuple[str, str]]] = {}  # of a run: state and environment
        self.dispatched: list[tuple[str, str, dict[str, str]]] = []
        self.commits = {HEAD, "b" * 40}
        self.history = {"main": {"b" * 40}}  # the commits that a branch has
        self.storage = Storage()  # of nothing, until a test has `storing`
        self.elsewhere = ""  # where artifacts are said to be, if not in the storage
        self.app: tuple[int, str] | None = None  # its number, and the public key
        self.installations: dict[int, dict[str, str]] = {}  # to what each grants the App
        self.made_tokens: list[tuple[str, list[int] | None, dict[str, str]]] = []
        self.token_seconds = 3600
        self.deliveries: list[dict[str, Any]] = []
        self.delivered_again: list[int] = []
        self.moved = ""  # what the repository was called, if it was renamed
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.seen_tokens: set[str] = set()
        self.problems: list[str] = []
        self.before: Callable[[str, str], None] = lambda verb, path: None
        self.url = ""
        self.lock = threading.RLock()
        self._next = 100
        self._seconds = 0

    @property
    def head(self) -> str:
        """The head of the one pull request that most tests have."""
        return self.pulls[NUMBER].head

    @head.setter
    def head(self, sha: str) -> None:
        self.pulls[NUMBER].head = sha

    @property
    def locked(self) -> bool:
        """Whether its conversation is locked."""
        return self.pulls[NUMBER].locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self.pulls[NUMBER].locked = locked

    def next_number(self) -> int:
        """A number that nothing has yet."""
        self._next += 1
        return self._next

    def now(self) -> str:
        """A time that is later with each call."""
        self._seconds += 1
        hours, seconds = divmod(self._seconds, 3600)
        return f"2026-01-02T{hours:02}:{seconds // 60:02}:{seconds % 60:02}Z"

    def pull(self, number: int) -> Pull:
        """Return a pull request. Raises Refusal where there is none."""
        if number not in self.pulls:
            raise Refusal(404, "Not Found")
        return self.pulls[number]

    def add(self, author: str, body: str, pull: int = NUMBER) -> int:
        """Let somebody write a comment by hand."""
        number = self.next_number()
        now = self.now()
        comment = example(models.IssueComment)
        comment |= {
            "id": number,
            "body": body,
            "user": example(models.SimpleUser) | {"login": author, "type": _kind(author)},
            "issue_url": f"{self.url}/repos/{REPOSITORY}/issues/{pull}",
            "html_url": f"https://github.example/{REPOSITORY}/pull/{pull}#issuecomment-{number}",
            "url": f"{self.url}/repos/{REPOSITORY}/issues/comments/{number}",
            "created_at": now,
            "updated_at": now,
        }
        self.comments[number] = comment
        self.thread[number] = pull
        return number

    def bodies(self, author: str = BOT) -> list[str]:
        """Return what somebody's comments say."""
        comments = [one for one in self.comments.values() if one["user"]]
        return [one["body"] for one in comments if one["user"]["login"] == author]

    @property
    def writes(self) -> list[str]:
        """Return the requests that wanted to change something."""
        return [line for line in self.log if not line.startswith("GET") and "/graphql" not in line]

    def pull_payload(self, pull: Pull, model: Any = models.PullRequest) -> dict[str, Any]:
        """A pull request as GitHub tells of it."""
        payload = example(model)
        payload |= {
            "number": pull.number,
            "state": pull.state,
            "draft": pull.draft,
            "locked": pull.locked,
            "labels": [self._label_of(payload, name) for name in pull.labels],
            "user": example(models.SimpleUser) | {"login": pull.author},
        }
        head, base = payload["head"], payload["base"]
        head |= {"sha": pull.head, "ref": pull.branch, "label": f"{pull.owner}:{pull.branch}"}
        base |= {"sha": pull.base, "ref": "main"}
        name = REPOSITORY.split("/")[1]
        for side, owner, number in ((head, pull.owner, pull.repository_id), (base, "acme", 1)):
            if number is None:
                side["repo"] = side["user"] = None
                continue
            side["repo"] = example(models.Repository) | {
                "id": number,
                "name": name,
                "full_name": f"{owner}/{name}",
                "fork": number != 1,
            }
        return payload

    @staticmethod
    def _label_of(payload: dict[str, Any], name: str) -> dict[str, Any]:
        label = example(models.PullRequestPropLabelsItems)
        return label | {"name": name, "id": 7}

    def answer(
        self, verb: str, path: str, token: str, raw: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        """Do what a request asks for; raises Undescribed where GitHub knows no such request."""
        # GitHub Enterprise Server has the same API under /api/v3 and /api/graphql.
        url = urlsplit(path.removeprefix("/api/v3").replace("/api/graphql", "/graphql"))
        if url.path == "/graphql":
            return self._graphql(verb, token, raw)
        if self.moved and url.path.startswith(f"/repos/{self.moved}/"):
            to = f"{self.url}{path.replace(self.moved, REPOSITORY)}"
            return 301, {"message": "Moved Permanently", "url": to}, {"Location": to}
        route, values = find(verb, url.path)
        operation = route.operation
        values = {name: unquote(value) for name, value in values.items()}
        query = {name: found[0] for name, found in parse_qs(url.query).items()}
        check_query(operation, {*query})
        content = check_request(operation, raw)
        account = self.accounts.get(token)
        try:
            if route.permission == routes_apps.APP:
                if self.app is None or not routes_apps.proves(token, *self.app):
                    raise Refusal(401, "A JSON web token could not be decoded")
                account = Account("the App itself", usual="write")
            elif account is None:
                raise Refusal(401, "Bad credentials")
            elif f"{values.get('owner')}/{values.get('repo')}" != REPOSITORY:
                raise Refusal(404, "Not Found")
            if limited := self._limited(account):
                return limited
            if not account.may(route.permission, write=route.writes):
                raise Refusal(403, "Resource not accessible by integration")
            reply = route.answer(Call(self, account, values, query, content))
        except Refusal as refusal:
            reply = Reply(refusal.status, refusal.answer)
        if isinstance(reply.content, list) and verb == "GET" and reply.headers is None:
            reply = self._page(url, query, reply)
        sent = b"" if reply.content is None else json.dumps(reply.content).encode()
        check_answer(operation, reply.status, sent)
        content = reply.content | reply.beside if reply.beside else reply.content
        return reply.status, content, reply.headers or {}

    def _limited(self, account: Account) -> tuple[int, Any, dict[str, str]] | None:
        if account.remaining is None:
            return None
        if account.remaining > 0:
            account.remaining -= 1
            return None
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 60)}
        return 403, {"message": "API rate limit exceeded for installation ID 1."}, headers

    def _graphql(self, verb: str, token: str, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        # GraphQL has a schema of its own, which is not part of the description.
        if verb != "POST" or json.loads(raw) != {"query": "query { viewer { login } }"}:
            raise Undescribed(f"{verb} /graphql {raw!r}")
        account = self.accounts.get(token)
        if account is None:
            return 401, {"message": "Bad credentials"}, {}
        return 200, {"data": {"viewer": {"login": account.login}}}, {}

    def _page(self, url: Any, query: dict[str, str], reply: Reply) -> Reply:
        size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        every = reply.content
        last = max(1, -(-len(every) // size))
        steps = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        skipped = {"prev", "first"} if page == 1 else set()
        skipped |= {"next", "last"} if page >= last else set()
        links = [
            f'<{self.url}{url.path}?{urlencode({**query, "page": to})}>; rel="{name}"'
            for name, to in steps.items()
            if name not in skipped
        ]
        headers = {"Link": ", ".join(links)} if links else {}
        return Reply(reply.status, every[(page - 1) * size : page * size], headers)


def _kind(login: str) -> str:
    return "Bot" if login.endswith("[bot]") else "User"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: without a buffer each exchange waits 40 ms for an ACK.
    wbufsize = 65_536
    github: FakeGitHub

    def log_message(self, *words: object) -> None:
        pass

    def _serve(self) -> None:
        github, verb = self.github, self.command
        size = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(size)
        if len(raw) < size:  # who sends it was killed in the middle: GitHub does nothing of it
            self.close_connection = True
            return
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
