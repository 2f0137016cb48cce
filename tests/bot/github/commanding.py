"""Comments with commands, as GitHub tells of them, and doubles for what does the work."""

import json
from dataclasses import dataclass, field
from typing import Any

from githubkit_schemas.v2026_03_10 import models
from githubkit_schemas.v2026_03_10.webhooks import IssueCommentEvent
from pydantic import TypeAdapter
from torch_perflint.bot.acks import Ack
from torch_perflint.bot.commands.event import read_comment_event
from torch_perflint.bot.commands.run import Hands, Outcome, obey
from torch_perflint.bot.commands.situation import Asked
from torch_perflint.bot.github.conversation import Conversation
from torch_perflint.bot.github.people import People
from torch_perflint.bot.report import Report

from .conftest import Bot
from .description import example
from .server import BOT, NUMBER, REPOSITORY, WORKFLOW, FakeGitHub


def event_of(github: FakeGitHub, comment: int, *, action: str = "created", **issue: Any) -> str:
    """The payload of `issue_comment` for a comment, valid by GitHub's description."""
    written = github.comments[comment]
    number = github.thread[comment]
    told = example(models.WebhookIssueCommentCreated)
    told["action"] = action
    told["comment"] |= {
        name: written[name]
        for name in ("id", "body", "user", "created_at", "updated_at", "issue_url")
    }
    pull_request = example(models.WebhookIssueCommentCreatedPropIssueAllof0PropPullRequest)
    told["issue"] |= {"number": number, "pull_request": pull_request, **issue}
    told["repository"] |= {"full_name": REPOSITORY}
    told["sender"] = written["user"] or example(models.SimpleUser)
    if action == "edited":
        told["changes"] = {"body": {"from": "x"}}
    if action in ("created", "edited") and issue.get("pull_request", pull_request) is not None:
        TypeAdapter(IssueCommentEvent).validate_python(told)
    return json.dumps(told)


@dataclass
class Workflow:
    """Starts and ends measurements, each once for a comment, as a `Measuring` has to."""

    started: dict[int, tuple[int, str, tuple[str, ...]]] = field(default_factory=dict)
    under_way: int = 1
    cancelled: int = 0

    def start(
        self, pull: int, sha: str, tests: tuple[str, ...], *, comment: int, again: bool
    ) -> None:
        assert again or comment not in self.started
        self.started.setdefault(comment, (pull, sha, tests))

    def cancel(self, pull: int) -> int:
        ended, self.under_way = self.under_way, 0
        self.cancelled += ended
        return ended


@dataclass
class Told:
    """What our comment tells: kept here, where the test can look at it."""

    told: Report | None = None
    accepted: tuple[Ack, ...] = ()
    writes: int = 0

    def report(self, pull: int) -> Report | None:
        return self.told

    def acks(self, pull: int) -> tuple[Ack, ...]:
        return self.accepted

    def accept(self, pull: int, acks: tuple[Ack, ...]) -> None:
        self.writes += 1
        self.accepted = acks


@dataclass
class Desk:
    """Where comments are written and obeyed."""

    github: FakeGitHub
    bot: Bot
    measuring: Workflow = field(default_factory=Workflow)
    results: Told = field(default_factory=Told)

    def hands(self, token: str = WORKFLOW) -> Hands:
        pull = self.bot.pull(token)
        client = pull.client
        return Hands(
            People(client, REPOSITORY),
            Conversation(client, REPOSITORY),
            pull,
            self.measuring,
            self.results,
        )

    def write(self, body: str, by: str = "maintainer", pull: int = NUMBER) -> Asked:
        """Let somebody write a comment, and read its event."""
        asked = read_comment_event(event_of(self.github, self.github.add(by, body, pull)))
        assert isinstance(asked, Asked), asked
        return asked

    def obey(self, asked: Asked, *, again: bool = False, token: str = WORKFLOW) -> Outcome:
        return obey(asked, self.hands(token), again=again)

    def command(self, body: str, by: str = "maintainer") -> Outcome:
        return self.obey(self.write(body, by))

    def signs(self, asked: Asked) -> list[str]:
        """Our reactions to a comment, in their order."""
        given = self.github.reactions.get(asked.comment, [])
        return [one["content"] for one in given if one["user"]["login"] == BOT]

    @property
    def replies(self) -> list[str]:
        return self.github.bodies()
