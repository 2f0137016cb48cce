"""What is taken and what is refused, asked as uvicorn asks; every refusal beside what is taken."""

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.server.job import Job
from torch_perflint.bot.server.queue import Queue
from torch_perflint.bot.server.quota import Quotas
from torch_perflint.bot.server.serve import serve
from torch_perflint.bot.server.server import Server
from torch_perflint.bot.server.settings import Limits, Listen
from torch_perflint.bot.server.signature import is_signed, sign

from . import payloads
from .conftest import Answer, ask, settings, until, with_server
from .payloads import SECRET, delivery

OTHER = "fedcba9876543210" * 4


class Done:
    """Work that only remembers."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def __call__(
        self, job: Job, sleep: Callable[[float], None], again: bool = False
    ) -> Iterable[Job]:
        self.jobs.append(job)
        return ()


def asked(folder: Path, *requests: dict[str, Any], **changed: Any) -> tuple[list[Answer], Done]:
    """Send requests to a fresh server, wait for what they lead to, and end it."""
    done = Done()
    server = Server(settings(folder, **changed), done)

    async def what() -> list[Answer]:
        answers = [await ask(server, "/webhook", **request) for request in requests]
        taken = sum(answer.status == 202 for answer in answers)
        await until(lambda: len(done.jobs) >= taken)
        return answers

    return with_server(server, what), done


def request(payload: Any = None, event: str = "pull_request", **how: Any) -> dict[str, Any]:
    body, headers = delivery(event, payload or payloads.pull_request(), **how)
    return {"body": body, "headers": headers}


def test_a_signed_delivery_is_taken_and_done(tmp_path: Path) -> None:
    [answer], done = asked(tmp_path, request())
    assert (answer.status, json.loads(answer.text)) == (202, {"jobs": 1})
    assert [type(job).__name__ for job in done.jobs] == ["PullRequestChanged"]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        sign(json.dumps(payloads.pull_request()).encode(), OTHER),
        sign(b"another body", SECRET),
        sign(json.dumps(payloads.pull_request()).encode(), SECRET).upper(),
        "sha256=\u00e9" + "0" * 63,
    ],
)
def test_a_forged_delivery_is_refused_without_a_word(tmp_path: Path, signature: str) -> None:
    forged = request()
    forged["headers"]["x-hub-signature-256"] = signature
    answers, done = asked(tmp_path, forged, request())
    assert [answer.status for answer in answers] == [401, 202]
    assert answers[0].text == ""
    assert len(done.jobs) == 1


def test_the_example_of_githubs_own_pages_is_signed() -> None:
    digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Everybody"
    assert is_signed(b"Hello, World!", f"sha256={digits}", [secret])
    assert not is_signed(b"Hello, World?", f"sha256={digits}", [secret])


def test_a_body_that_was_changed_on_its_way_is_refused(tmp_path: Path) -> None:
    changed = request()
    changed["body"] = changed["body"].replace(b'"number": 5', b'"number": 6')
    answers, _ = asked(tmp_path, changed, request())
    assert [answer.status for answer in answers] == [401, 202]


def test_while_a_secret_is_replaced_both_hold(tmp_path: Path) -> None:
    body = b"x"
    assert is_signed(body, sign(body, OTHER), [SECRET, OTHER])
    assert not is_signed(body, sign(body, "third" * 8), [SECRET, OTHER])
    requests = request(), request(payloads.pull_request(number=6), secret=OTHER)
    both, _ = asked(tmp_path / "both", *requests, webhook_secrets=(OTHER, SECRET))
    new, _ = asked(tmp_path / "new", *requests, webhook_secrets=(OTHER,))
    assert [answer.status for answer in both] == [202, 202]
    assert [answer.status for answer in new] == [401, 202]


def test_a_delivery_that_comes_twice_is_done_once(tmp_path: Path) -> None:
    answers, done = asked(
        tmp_path,
        request(guid="one"),
        request(guid="one"),  # GitHub delivers again
        request(guid="two"),  # somebody who has seen the first
        request(payloads.pull_request(head="c" * 40), guid="three"),
    )
    assert [answer.status for answer in answers] == [202, 200, 409, 202]
    assert len(done.jobs) == 2


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_body_that_is_too_long_is_not_read_to_its_end(
    tmp_path: Path, parts: int, says_its_length: bool
) -> None:
    fits, long = request(), request(payloads.pull_request(text="x" * 20_000))
    if says_its_length:
        for one in (fits, long):
            one["headers"]["content-length"] = str(len(one["body"]))
    limits = Limits(body_bytes=len(fits["body"]))
    answers, done = asked(tmp_path, long | {"parts": parts}, fits, limits=limits)
    assert [answer.status for answer in answers] == [413, 202]
    assert len(done.jobs) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"headers": {"content-length": "many"}}, "Content-Length"),
        ({"headers": {"content-length": "-5"}}, "Content-Length"),
        ({"headers": {"content-length": "9" * 30}}, "Content-Length"),
        ({"headers": {"x-github-delivery": ""}}, "X-GitHub-Delivery"),
        ({"headers": {"x-github-delivery": "a b"}}, "X-GitHub-Delivery"),
        ({"headers": {"x-github-event": "Pull Request"}}, "X-GitHub-Event"),
        ({"headers": {"content-type": "application/x-www-form-urlencoded"}}, "application/json"),
        ({"body": b"{"}, "no JSON"),
        ({"body": b'{"a": NaN}'}, "no JSON"),
        ({"body": b"[" * 100_000}, "no JSON"),
        ({"body": b"\xff"}, "no JSON"),
        ({"body": b"[]"}, "no object"),
    ],
)
def test_what_github_never_sends_is_named(tmp_path: Path, change: Any, says: str) -> None:
    strange = request(change.get("body"))
    strange["headers"] |= change.get("headers", {})
    answers, _ = asked(tmp_path, strange, request())
    assert [answer.status for answer in answers] == [400, 202]
    assert says in answers[0].text


def test_what_does_not_concern_us_is_answered_and_not_kept(tmp_path: Path) -> None:
    answers, done = asked(tmp_path, request({"zen": "x"}, "ping"), request({"ref": "x"}, "push"))
    assert [answer.status for answer in answers] == [200, 200]
    assert done.jobs == []
    kept = sqlite3.connect(tmp_path / "queue.db").execute("SELECT count(*) FROM deliveries")
    assert kept.fetchone() == (0,)


def test_a_slow_body_is_not_waited_for(tmp_path: Path) -> None:
    limits = Limits(body_seconds=0.2)
    slow = request() | {"parts": 10, "pause": 0.05}
    answers, _ = asked(tmp_path, slow, request(), limits=limits)
    assert [answer.status for answer in answers] == [408, 202]


def test_who_hangs_up_leaves_nothing(tmp_path: Path) -> None:
    answers, done = asked(tmp_path, request() | {"parts": 3, "hang_up": True}, request())
    assert [answer.status for answer in answers] == [400, 202]
    assert len(done.jobs) == 1


def test_bodies_take_a_bounded_part_of_the_memory(tmp_path: Path) -> None:
    server = Server(settings(tmp_path, limits=Limits(held_bytes=30_000)), Done())

    async def what() -> list[Answer]:
        requests = [request(payloads.pull_request(number=n + 1)) for n in range(12)]
        together = [ask(server, "/webhook", parts=4, pause=0.05, **one) for one in requests]
        answers = await asyncio.gather(*together)
        return [*answers, await ask(server, "/webhook", **request())]

    *answers, last = with_server(server, what)
    refused = [answer for answer in answers if answer.status == 503]
    assert 0 < len(refused) < 12
    assert refused[0].headers["retry-after"] == "30"
    assert last.status in (200, 202, 409)


def test_a_full_queue_refuses_and_says_when_to_come_again(tmp_path: Path) -> None:
    class Never(Done):
        def __call__(
            self, job: Job, sleep: Callable[[float], None], again: bool = False
        ) -> Iterable[Job]:
            sleep(60)
            return ()

    server = Server(settings(tmp_path, limits=Limits(queue_jobs=2)), Never())

    async def what() -> list[Answer]:
        requests = [request(payloads.pull_request(number=n + 1)) for n in range(3)]
        return [await ask(server, "/webhook", **one) for one in requests]

    answers = with_server(server, what)
    assert [answer.status for answer in answers] == [202, 202, 503]
    assert answers[2].headers["retry-after"] == "30"
    assert "full" in answers[2].text
    # What was taken waits for the next server: nothing of it was lost by stopping.
    done = Done()
    with_server(Server(settings(tmp_path), done), lambda: until(lambda: len(done.jobs) == 2))


def test_over_quota_is_answered_and_not_done(tmp_path: Path) -> None:
    pushes = [request(payloads.pull_request(head=f"{n:040x}")) for n in range(4)]
    quotas = Quotas(per_pull_request=2)
    server = Server(settings(tmp_path, quotas=quotas), Done())

    async def what() -> tuple[list[Answer], str]:
        answers = [await ask(server, "/webhook", **one) for one in pushes]
        return answers, (await ask(server, "/metrics", "GET")).text

    answers, metrics = with_server(server, what)
    assert [json.loads(answer.text)["jobs"] for answer in answers] == [1, 1, 0, 0]
    assert "perflint_over_quota_total 2.0" in metrics


def test_health_and_metrics_tell_how_the_server_is(tmp_path: Path) -> None:
    server = Server(settings(tmp_path), Done())

    async def what() -> tuple[list[Answer], Answer]:
        await ask(server, "/webhook", **request())
        await ask(server, "/webhook", body=b"x", headers={"x-github-event": "made up \n"})
        paths = "/healthz", "/readyz", "/metrics", "/", "/webhook"
        answers = [await ask(server, path, "GET") for path in paths]
        server.end_intake()
        return answers, await ask(server, "/readyz", "GET")

    answers, stopping = with_server(server, what)
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 405]
    assert (stopping.status, stopping.text) == (503, "stopping\n")
    metrics = answers[2]
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = metrics.text.splitlines()
    assert 'perflint_deliveries_total{event="pull_request",outcome="accepted"} 1.0' in lines
    # Whatever somebody sends: there are as many series as events that we know.
    assert 'perflint_deliveries_total{event="other",outcome="unsigned"} 1.0' in lines
    assert "perflint_queue_dead 0.0" in lines


def test_a_stopping_server_takes_nothing_new(tmp_path: Path) -> None:
    server = Server(settings(tmp_path), Done())

    async def what() -> Answer:
        server.end_intake()
        return await ask(server, "/webhook", **request())

    assert with_server(server, what).status == 503


def test_a_job_that_is_being_done_ends_before_the_server(tmp_path: Path) -> None:
    ended: list[Job] = []

    def work(job: Job, sleep: Callable[[float], None], again: bool = False) -> Iterable[Job]:
        time.sleep(0.5)
        ended.append(job)
        return ()

    server = Server(settings(tmp_path, server=Listen(queue=str(tmp_path / "q.db"))), work)

    async def what() -> None:
        await ask(server, "/webhook", **request())
        await asyncio.sleep(0.1)
        assert ended == []

    with_server(server, what)
    assert len(ended) == 1
    left = sqlite3.connect(tmp_path / "q.db").execute("SELECT count(*) FROM jobs").fetchone()
    assert left == (0,)


def test_nothing_is_answered_before_it_is_on_the_disk(tmp_path: Path) -> None:
    done = Done()
    server = Server(settings(tmp_path), done)

    async def what() -> tuple[bool, Answer]:
        other = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # a disk that takes its time
        asking = asyncio.create_task(ask(server, "/webhook", **request()))
        await asyncio.sleep(0.3)
        early = asking.done()
        other.execute("ROLLBACK")
        other.close()
        return early, await asking

    early, answer = with_server(server, what)
    assert (early, answer.status) == (False, 202)


def test_what_the_disk_does_not_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    server = Server(settings(tmp_path), Done())

    async def what() -> list[Answer]:
        with monkeypatch.context() as broken:
            broken.setattr(Queue, "accept", full)
            refused = await ask(server, "/webhook", **request())
        return [refused, await ask(server, "/webhook", **request())]

    refused, taken = with_server(server, what)
    assert (refused.status, taken.status) == (503, 202)
    assert refused.headers["retry-after"] == "30"


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = Listen(port=taken.getsockname()[1], queue=str(tmp_path / "q.db"))
        told = settings(tmp_path, server=where)
        with pytest.raises(PerflintError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address"):
            serve(Server(told, Done()), told)
