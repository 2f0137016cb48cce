"""The stand-in cannot be fooled: what GitHub does not describe fails."""

import json
import re
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from .description import Undescribed, check_answer, example, models
from .routes import ROUTES, find
from .server import NUMBER, REPOSITORY, WORKFLOW, FakeGitHub

THREAD = f"/repos/{REPOSITORY}/issues/{NUMBER}/comments"


def send(github: FakeGitHub, verb: str, path: str, body: object = None) -> tuple[int, Any]:
    raw = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"token {WORKFLOW}"}
    request = urllib.request.Request(github.url + path, raw, headers, method=verb)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def caught(github: FakeGitHub) -> str:
    """Return the problem that the fixture would fail the test for, and forget it."""
    [problem] = github.problems
    github.problems.clear()
    return problem


def test_the_operations_are_those_of_the_published_description() -> None:
    told = {(one.operation.verb, one.operation.template) for one in ROUTES}
    assert len(told) == len(ROUTES)
    assert told >= {
        ("GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
        ("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
        ("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
        ("DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
        ("GET", "/repos/{owner}/{repo}/pulls/{pull_number}"),
        ("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    }
    operation = find("POST", THREAD)[0].operation
    assert {model.__name__ for model in operation.errors.values()} == {
        "BasicError",
        "ValidationError",
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"bod": "words"}, "body\n  Field required"),
        ({"body": 5}, "valid string"),
        ({"body": "words", "colour": "red"}, "knows no .*colour"),
        ([], "type=model_type"),
    ],
)
def test_a_request_that_is_not_as_described_is_caught(
    github: FakeGitHub, body: object, says: str
) -> None:
    assert send(github, "POST", THREAD, body)[0] == 500
    assert re.search(says, caught(github))


def test_a_path_that_is_not_described_is_caught(github: FakeGitHub) -> None:
    assert send(github, "GET", f"/repos/{REPOSITORY}/comments")[0] == 500
    assert "no operation GET" in caught(github)


def test_an_answer_that_is_not_as_described_is_caught(github: FakeGitHub) -> None:
    number = github.add("maintainer", "words")
    del github.comments[number]["html_url"]
    assert send(github, "GET", THREAD)[0] == 500
    assert "html_url" in caught(github)


def test_an_answer_of_a_status_that_is_not_described_is_caught() -> None:
    operation = find("POST", THREAD)[0].operation
    comment = json.dumps(example(models.IssueComment)).encode()
    check_answer(operation, 201, comment)
    with pytest.raises(Undescribed, match="302"):
        check_answer(operation, 302, comment)
    with pytest.raises(Undescribed):
        check_answer(operation, 422, b"[]")


def test_a_query_that_we_do_not_ask_is_caught(github: FakeGitHub) -> None:
    assert send(github, "POST", "/graphql", {"query": "query { viewer { email } }"})[0] == 500
    assert "graphql" in caught(github)


def test_a_body_may_have_65536_characters_and_not_one_more(github: FakeGitHub) -> None:
    assert send(github, "POST", THREAD, {"body": "é" * 65_536})[0] == 201
    status, answer = send(github, "POST", THREAD, {"body": "é" * 65_537})
    assert (status, answer["message"]) == (422, "Validation Failed")


def test_comments_come_in_pages_of_thirty_and_at_most_a_hundred(github: FakeGitHub) -> None:
    for number in range(120):
        github.add("maintainer", str(number))
    assert len(send(github, "GET", THREAD)[1]) == 30
    assert len(send(github, "GET", f"{THREAD}?per_page=500&page=1")[1]) == 100
    assert [one["body"] for one in send(github, "GET", f"{THREAD}?per_page=100&page=2")[1]] == [
        str(number) for number in range(100, 120)
    ]


def test_of_a_request_that_breaks_off_nothing_is_done(github: FakeGitHub) -> None:
    host, port = github.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sending:
        sending.sendall(
            f"POST {THREAD} HTTP/1.1\r\nHost: x\r\nAuthorization: token {WORKFLOW}\r\n"
            'Content-Length: 100\r\n\r\n{"body": "x'.encode()
        )
        sending.shutdown(socket.SHUT_WR)
        assert sending.recv(100) == b""
    assert (github.log, github.bodies(), github.problems) == ([], [], [])
