"""The App proves who it is, gets tokens that may little, and asks for what it has missed."""

import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from torch_perflint import PerflintError
from torch_perflint.bot.event import Target
from torch_perflint.bot.github.app import App
from torch_perflint.bot.github.errors import GitHubError, NotAllowedError, NotFoundError
from torch_perflint.bot.github.pull_request import PullRequest
from torch_perflint.bot.server.missed import ask_again

from .routes_apps import LOGIN, delivery
from .server import NUMBER, REPOSITORY, FakeGitHub, Fault, serving

APP_ID, INSTALLATION = 4242, 77
TELL = {"checks": "write", "pull_requests": "write"}


@cache
def keys() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.decode(), key.public_key().public_bytes(pem, kind).decode()


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake:
        fake.app = (APP_ID, keys()[1])
        fake.installations[INSTALLATION] = {**TELL, "actions": "read"}
        yield fake
    assert fake.problems == []


class Clock:
    def __init__(self) -> None:
        self.later = 0.0

    def __call__(self) -> float:
        return time.time() + self.later


def an_app(github: FakeGitHub, **changed: Any) -> App:
    usual = {"app_id": APP_ID, "key": keys()[0], "api_url": github.url, "throttle": False}
    return App(**{**usual, **changed})


def test_the_proof_holds_less_than_ten_minutes(github: FakeGitHub) -> None:
    proof = an_app(github).proof()
    claims = jwt.decode(proof, keys()[1], algorithms=["RS256"])
    assert claims["iss"] == "4242"
    assert claims["iat"] <= time.time() - 59 and time.time() + 500 < claims["exp"]
    assert claims["exp"] - time.time() < 600


def test_a_token_may_what_was_asked_for_and_no_more(github: FakeGitHub) -> None:
    app = an_app(github)
    target = Target(REPOSITORY, NUMBER, github.url)
    client = app.client(INSTALLATION, 1, {"pull_requests": "write"}, sleep=lambda seconds: None)
    assert client.me() == LOGIN
    PullRequest(target, client).post("hello")
    assert len(github.bodies(LOGIN)) == 1
    reads = app.client(INSTALLATION, 1, {"pull_requests": "read"}, sleep=lambda seconds: None)
    with pytest.raises(NotAllowedError, match=r"pull-requests: write"):
        PullRequest(target, reads).post("hello")
    checks = app.client(INSTALLATION, 1, {"checks": "write"}, sleep=lambda seconds: None)
    with pytest.raises(NotAllowedError):
        PullRequest(target, checks).facts()
    assert [made[1:] for made in github.made_tokens] == [
        ([1], {"pull_requests": "write"}),
        ([1], {"pull_requests": "read"}),
        ([1], {"checks": "write"}),
    ]


def test_a_token_is_used_until_it_ends(github: FakeGitHub) -> None:
    clock = Clock()
    app = an_app(github, now=clock)
    app.client(INSTALLATION, 1, TELL)
    clock.later = 2900.0
    app.client(INSTALLATION, 1, TELL)
    assert len(github.made_tokens) == 1
    clock.later = 0.0
    app.forget(INSTALLATION)
    app.client(INSTALLATION, 1, TELL)
    assert len(github.made_tokens) == 2
    # A job that begins ten minutes before its end may outlive it.
    github.app = None  # the proof of this clock would be from the future
    clock.later = 3050.0
    with pytest.raises(NotAllowedError):
        app.client(INSTALLATION, 1, TELL)


def test_what_an_app_may_not_is_said_with_what_to_do(github: FakeGitHub) -> None:
    app = an_app(github)
    with pytest.raises(NotAllowedError, match=r"may not have actions: write .* grant it on"):
        app.client(INSTALLATION, 1, {"actions": "write"})
    with pytest.raises(NotAllowedError, match=r"on repository 2: grant"):
        app.client(INSTALLATION, 2, TELL)
    with pytest.raises(NotFoundError, match="has no installation 78"):
        app.client(78, 1, TELL)
    other = an_app(github, app_id=4243)
    with pytest.raises(NotAllowedError, match=r"does not take us for App 4243: check app_id"):
        other.client(INSTALLATION, 1, TELL)
    assert app.client(INSTALLATION, 1, TELL)


def test_a_failing_github_is_asked_again_for_a_token(github: FakeGitHub) -> None:
    github.faults = [Fault("POST", 502), Fault("POST", 502, after=True)]
    slept: list[float] = []
    an_app(github).client(INSTALLATION, 1, TELL, sleep=slept.append)
    assert slept == [1.0, 2.0]


@pytest.mark.parametrize("key", ["", "x", "-----BEGIN RSA PRIVATE KEY-----\nabc\n"])
def test_a_key_that_is_none_is_named_and_not_shown(github: FakeGitHub, key: str) -> None:
    with pytest.raises(PerflintError, match="no RSA key in PEM form") as error:
        an_app(github, key=key)
    assert "abc" not in str(error.value)
    assert error.value.__cause__ is None


def test_missed_deliveries_are_asked_for_once_more(github: FakeGitHub) -> None:
    now = time.time()
    ages = {"down": 900, "full": 800, "came": 700, "again": 600, "forged": 500, "fresh": 5}
    status = {"down": 0, "full": 503, "came": 202, "again": 502, "forged": 401, "fresh": 0}
    github.deliveries = [
        delivery(n + 1, guid, status[guid], now - ages[guid]) for n, guid in enumerate(ages)
    ]
    # One of them came at the second attempt, and one is older than GitHub keeps.
    github.deliveries.append(delivery(90, "again", 202, now - 550, redelivery=True))
    github.deliveries.append(delivery(91, "old", 0, now - 5 * 86_400))
    github.deliveries += [delivery(1000 + n, f"many{n}", 202, now - 450) for n in range(250)]
    github.deliveries.sort(key=lambda one: one["delivered_at"], reverse=True)
    app = an_app(github)
    assert ask_again(app, now, now - 3 * 86_400, lambda seconds: None) == 2
    assert github.delivered_again == [1, 2]  # the oldest first
    assert sum(line.startswith("GET /app/hook/deliveries") for line in github.log) == 3


def test_what_is_no_list_of_deliveries_is_an_error(github: FakeGitHub) -> None:
    github.deliveries = [delivery(1, "x", 0, 0.0)]
    app = an_app(github)
    assert [one.guid for one in app.deliveries()] == ["x"]
    github.faults = [Fault("GET", 200, page=b"<html>")]
    with pytest.raises(GitHubError, match="no deliveries"):
        list(app.deliveries())
