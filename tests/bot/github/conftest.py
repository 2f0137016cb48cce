"""A fresh GitHub for each test, which fails where an exchange was not as described."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from torch_perflint.bot.event import Target
from torch_perflint.bot.github.client import Client
from torch_perflint.bot.github.pull_request import PullRequest
from torch_perflint.bot.post import Posted, post_comment
from torch_perflint.bot.sticky import State

from .server import HEAD, NUMBER, REPOSITORY, WORKFLOW, FakeGitHub, serving


@dataclass
class Bot:
    """Our side: posts what a run has to tell, and remembers how long it would have slept."""

    github: FakeGitHub
    slept: list[float] = field(default_factory=list)

    def target(self, **changed: Any) -> Target:
        facts = {"repository": REPOSITORY, "pull_request": NUMBER, "api_url": self.github.url}
        return Target(**{**facts, **changed})

    def pull(self, token: str = WORKFLOW, timeout: int = 5, **changed: Any) -> PullRequest:
        target = self.target(**changed)
        sleep = self.slept.append
        client = Client(token, target.api_url, timeout=timeout, sleep=sleep, throttle=False)
        return PullRequest(target, client)

    def post(
        self, body: str, run: int = 812, attempt: int = 1, head: str = HEAD, **changed: Any
    ) -> Posted:
        return post_comment(body, self.pull(**changed), State(head, "b" * 40, run, attempt))


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake:
        yield fake
    assert fake.problems == []


@pytest.fixture
def bot(github: FakeGitHub) -> Bot:
    return Bot(github)
