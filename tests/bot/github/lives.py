"""Runs on the one pull request: what they find out, and how they tell it."""

from dataclasses import dataclass, replace
from typing import Any

from torch_perflint.bot.acks import Ack
from torch_perflint.bot.check import Conclusion
from torch_perflint.bot.interim import Ended, Running, Waiting
from torch_perflint.bot.outlook import Outlook
from torch_perflint.bot.publish import (
    Published,
    ended_without_result,
    finished,
    started,
    waiting,
)
from torch_perflint.bot.report import Report, Revision, RunLink
from torch_perflint.bot.state import State
from torch_perflint.bot.sticky import read_marker
from torch_perflint.lints.finding import Finding
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.verdict.compare import Verdict

from .. import reports
from .conftest import Bot
from .server import BOT, HEAD, NUMBER, REPOSITORY, FakeGitHub

OTHER_HEAD = "c" * 40
SLOWER = replace(reports.GPT, profile=None)
SAME = reports.timed("test_conv_train", Verdict.SAME, 0.001)
UNSURE = reports.UNSURE
ACK = Ack(
    SLOWER.test.id, "it is worth it", "alice", "2026-01-02T03:04:05Z", HEAD, -0.263, -0.271, -0.255
)


def findings(count: int) -> tuple[Finding, ...]:
    """So many findings, each on a line of its own."""
    return tuple(reports.finding(line=line) for line in range(1, count + 1))


@dataclass
class Life:
    """A run of our workflow, and the bot that tells about it."""

    bot: Bot
    run: int = 812
    attempt: int = 1
    head: str = HEAD

    @property
    def link(self) -> RunLink:
        return RunLink("https://github.com", REPOSITORY, self.run, self.attempt, NUMBER)

    def report(self, *tests: TestResult, **more: Any) -> Report:
        head = Revision(self.head, "HEAD")
        made = reports.report(*(tests or (SLOWER,)), link=self.link, **more)
        return replace(made, head=head, base=Revision("b" * 40, "main"))

    def start(self, **pull: Any) -> Published:
        running = Running(Revision(self.head, "HEAD"), link=self.link)
        return started(self.bot.pull(**pull), running)

    def look_ahead(self, **pull: Any) -> Published:
        """Tell what the run is going to do, known some time after its start."""
        outlook = Outlook(3, 1, 135.0)
        running = Running(Revision(self.head, "HEAD"), outlook, "gpu", link=self.link)
        return started(self.bot.pull(**pull), running)

    def wait(self, **pull: Any) -> Published:
        return waiting(self.bot.pull(**pull), Waiting(Revision(self.head, "HEAD"), link=self.link))

    def finish(self, *tests: TestResult, acks: Any = None, **more: Any) -> Published:
        pull = {name: more.pop(name) for name in ("token", "key", "timeout") if name in more}
        return finished(self.bot.pull(**pull), self.report(*tests, **more), acks)

    def end(self, conclusion: Conclusion = Conclusion.FAILURE, **pull: Any) -> Published:
        ended = Ended(Revision(self.head, "HEAD"), conclusion, "it broke", self.link)
        return ended_without_result(self.bot.pull(**pull), ended)


def headlines(github: FakeGitHub, author: str = BOT) -> list[str]:
    """The first line of each of our comments, without its name."""
    return [body.partition("\n")[0].partition("perflint: ")[2] for body in github.bodies(author)]


def icons(github: FakeGitHub) -> list[str]:
    """The icon of each of our comments."""
    return [body.split()[1] for body in github.bodies()]


def states(github: FakeGitHub) -> list[State]:
    """What our comments remember."""
    return [found[1] for body in github.bodies() if (found := read_marker(body))]


def checks(github: FakeGitHub, head: str | None = None) -> list[tuple[str, str | None]]:
    """Status and conclusion of each check run, the oldest first."""
    return [
        (check["status"], check["conclusion"])
        for _, check in sorted(github.checks.items())
        if head in (None, check["head_sha"])
    ]


def writes(github: FakeGitHub) -> list[str]:
    """The verb and the last word of the path of each request that wanted to change something."""
    return [f"{line.split()[0]} {line.rsplit('/', 1)[1]}" for line in github.writes]
