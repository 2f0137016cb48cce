"""A server in a process of its own, killed in the middle: what it took is told exactly once."""

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from torch_perflint.bot.sticky import read_marker

from ..github.routes_apps import LOGIN
from ..github.server import HEAD, FakeGitHub, Fault, Pull
from . import payloads
from .conftest import Process, keys, measured
from .payloads import INSTALLATION, SECRET

Make = Callable[..., Process]


def told(github: FakeGitHub) -> dict[int, list[int | None]]:
    """The runs that our comments tell of, by pull request."""
    found: dict[int, list[int | None]] = {}
    for number, comment in github.comments.items():
        if comment["user"]["login"] == LOGIN:
            marker = read_marker(comment["body"])
            assert marker is not None
            found.setdefault(github.thread[number], []).append(marker[1].run)
    # Whatever happened, nothing else of it stands twice either, and nothing is missing.
    heads = [check["head_sha"] for check in github.checks.values()]
    assert len(heads) == len(set(heads))
    assert {check["conclusion"] for check in github.checks.values()} <= {"failure"}
    for number in found:
        assert github.pulls[number].labels == ["perf-regression"]
        assert github.pulls[number].head in heads
    return found


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def idle(server: Process) -> bool:
    return server.metric("perflint_queue_jobs") == 0


def test_a_result_is_told_by_the_command_itself(make_process: Make, github: FakeGitHub) -> None:
    """As a company runs it: with the second between two writes that GitHub asks for."""
    measured(github)
    times: list[float] = []

    def note(verb: str, path: str) -> None:
        if verb != "GET" and path.startswith("/repos/"):
            times.append(time.monotonic())

    github.before = note
    server = make_process()
    server.start("-m", "torch_perflint", "bot", "serve", "--config", str(server.config))
    assert server.deliver("workflow_run", payloads.run_completed()).status == 202
    wait_until(lambda: idle(server), 30)
    assert told(github) == {5: [900]}
    assert len(times) == 3 and all(later - earlier > 0.9 for earlier, later in pairwise(times))
    assert server.end() == 0


def test_a_result_is_told_by_the_real_server(make_process: Make, github: FakeGitHub) -> None:
    measured(github)
    server = make_process()
    server.start()
    answer = server.deliver("workflow_run", payloads.run_completed())
    assert (answer.status, json.loads(answer.text)) == (202, {"jobs": 1})
    wait_until(lambda: idle(server))
    assert told(github) == {5: [900]}
    # Nothing more than what telling needs, and for this repository alone.
    kinds = {"actions": "read", "checks": "write", "contents": "read", "pull_requests": "write"}
    assert [made[1:] for made in github.made_tokens] == [([1], kinds)]
    assert server.metric('perflint_jobs_total{kind="run",outcome="done"}') == 1
    assert server.end() == 0
    assert "stopped" in server.log.read_text()


@pytest.mark.parametrize("after", [False, True], ids=["before it is written", "after"])
def test_killed_while_it_posts_it_posts_once(
    make_process: Make, github: FakeGitHub, after: bool
) -> None:
    server = make_process()
    server.start()
    measured(github)
    path = "/issues/5/comments"
    github.faults = [Fault("POST", silent=2.0, after=after, path=path)]
    server.deliver("workflow_run", payloads.run_completed())
    wait_until(lambda: any(line.startswith("POST") and path in line for line in github.log))
    if after:
        wait_until(lambda: bool(github.comments))
    server.kill()
    assert len(github.comments) == after
    server.start()
    wait_until(lambda: idle(server))
    assert told(github) == {5: [900]}
    assert "1 had been begun" in server.log.read_text()


def test_killed_again_and_again_every_report_stands_once(
    make_process: Make, github: FakeGitHub
) -> None:
    numbers = range(1, 25)
    for number in numbers:
        github.pulls[number] = Pull(number, head=f"{number:040x}", branch=f"topic-{number}")
        measured(github, number, 900 + number)
    # Every fifth comment is late, so that a kill finds one on its way.
    github.before = lambda verb, path: time.sleep(0.01)
    server = make_process()
    server.start()
    with ThreadPoolExecutor(8) as pool:
        sent = [
            pool.submit(
                server.deliver,
                "workflow_run",
                payloads.run_completed(run=900 + n, number=n, head=f"{n:040x}"),
            )
            for n in numbers
        ]
        assert {one.result().status for one in sent} == {202}
    begun = 0
    for seconds in (0.1, 0.25, 0.4):
        time.sleep(seconds)
        server.kill()
        server.start()
        begun += int(re.findall(r"of which (\d+) had been begun", server.log.read_text())[-1])
    wait_until(lambda: idle(server), 60)
    assert told(github) == {n: [900 + n] for n in numbers}
    assert begun > 0  # else no kill came in the middle of anything


def test_what_was_answered_with_202_is_there_after_a_kill(
    make_process: Make, github: FakeGitHub
) -> None:
    # GitHub is down: nothing is done, all of it waits.
    github.app = None
    server = make_process()
    server.start()
    stop, taken = threading.Event(), []

    def deliver(lane: int) -> None:
        for n in range(10_000):
            if stop.is_set():
                return
            number = lane * 10_000 + n + 1
            try:
                push = payloads.pull_request(number=number, from_fork=True)
                answer = server.deliver("pull_request", push, guid=f"d{number}")
            except OSError:
                return
            assert answer.status == 202
            taken.append(f"d{number}")

    threads = [threading.Thread(target=deliver, args=(lane,)) for lane in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(taken) > 100)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    server.start()
    database = sqlite3.connect(server.folder / "queue.db")
    kept = [row[0] for row in database.execute("SELECT id FROM deliveries")]
    waiting = "SELECT delivery FROM jobs UNION ALL SELECT delivery FROM dead"
    jobs = [row[0] for row in database.execute(waiting)]
    database.close()
    assert {*taken} <= {*kept} and len(kept) <= len(taken) + 4  # one on its way in each thread
    assert sorted(jobs) == sorted(kept)


def test_a_log_has_no_secret_whatever_fails(make_process: Make, github: FakeGitHub) -> None:
    server = make_process()
    server.start()
    measured(github)
    private = "\n/perflint our secret plan\n"
    github.faults = [Fault("POST", 502), Fault("GET", 403, message="no")]
    server.deliver("workflow_run", payloads.run_completed())
    number = github.add("contributor", private)
    server.deliver("issue_comment", payloads.comment(private, id=number))
    server.deliver("pull_request", payloads.pull_request(), secret="wrong" * 8)
    server.deliver("pull_request", {"action": "opened"})
    wait_until(lambda: idle(server))
    github.installations.clear()
    server.deliver("installation", payloads.installation())
    server.deliver("workflow_run", payloads.run_completed(run=901))
    # Things do fail; a young job is not given up for that.
    wait_until(lambda: "has no installation 77" in server.log.read_text())
    assert server.end() == 0
    log = server.log.read_text()
    secrets = [SECRET, "wrong" * 8, "secret plan", *keys()[0].split("\n")[1:-2]]
    secrets += [made[0] for made in github.made_tokens]
    assert github.made_tokens
    assert [secret for secret in secrets if secret in log] == []
    assert not re.search(r"eyJ[\w-]+\.", log)  # the beginning of every signed proof
    words = (server.folder / "server.toml").read_text()
    assert SECRET not in words


def test_a_server_that_is_asked_to_end_ends_what_it_does(
    make_process: Make, github: FakeGitHub
) -> None:
    server = make_process()
    server.start()
    measured(github)
    github.before = lambda verb, path: time.sleep(0.1)
    server.deliver("workflow_run", payloads.run_completed())
    wait_until(lambda: bool(github.log))
    begin = time.monotonic()
    assert server.end() == 0
    assert time.monotonic() - begin < 5
    assert told(github) == {5: [900]}


def test_a_server_that_waits_for_github_ends_soon_and_goes_on_later(
    make_process: Make, github: FakeGitHub
) -> None:
    server = make_process()
    server.start()
    measured(github)
    wait = {"Retry-After": "20"}
    github.faults = [Fault("GET", 429, headers=wait, message="slow down", path="/pulls/5")]
    server.deliver("workflow_run", payloads.run_completed())
    wait_until(lambda: not github.faults)
    begin = time.monotonic()
    assert server.end() == 0
    assert time.monotonic() - begin < 5
    assert github.comments == {}
    server.start()
    wait_until(lambda: idle(server))
    assert told(github) == {5: [900]}


def test_an_older_result_that_comes_late_replaces_nothing(
    make_process: Make, github: FakeGitHub
) -> None:
    server = make_process()
    server.start()
    for run in (901, 900):
        measured(github, run=run)
        server.deliver("workflow_run", payloads.run_completed(run=run, head=HEAD))
    wait_until(lambda: idle(server))
    assert told(github) == {5: [901]}
    assert INSTALLATION in github.installations
