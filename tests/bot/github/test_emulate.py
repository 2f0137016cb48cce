"""The life of a run on a GitHub that others wrote: `emulate` of npm, started as its users start it.

    npm install --prefix DIR emulate@0.12.2      (it needs Node 22 or newer)
    PERFLINT_EMULATE="node DIR/node_modules/emulate/dist/index.js" pytest -m emulate tests/bot

It knows comments, labels and check runs. GraphQL, reactions, statuses and the archives of artifacts
it does not, and what GitHub refuses for its size it takes.
"""

import json
import os
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.bot.check import Conclusion
from torch_perflint.bot.event import Target
from torch_perflint.bot.github.client import Client
from torch_perflint.bot.github.pull_request import PullRequest
from torch_perflint.bot.interim import Ended, Running
from torch_perflint.bot.post import Action, Posted
from torch_perflint.bot.publish import Published, ended_without_result, finished, started
from torch_perflint.bot.report import Revision, RunLink
from torch_perflint.bot.sticky import read_marker
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.verdict.compare import Verdict

from .. import reports

pytestmark = pytest.mark.emulate

REPOSITORY = "octocat/models"
TOKEN = "ghp_perflint"
SEED = """\
tokens:
  ghp_perflint: {login: perflint-user, scopes: [repo, user]}
  ghp_other: {login: octocat, scopes: [repo, user]}
github:
  users: [{login: octocat, name: Octo}, {login: perflint-user, name: perflint}]
  repos: [{owner: octocat, name: models, language: Python, auto_init: true}]
"""


class KnownClient(Client):
    """Knows whose its token is: that is asked by GraphQL, of which the emulator has none."""

    def me(self) -> str:
        return "perflint-user"


SAME = reports.timed("test_conv_train", Verdict.SAME, 0.001)


@dataclass(frozen=True)
class Emulator:
    """A pull request there, and what stands on it as plain HTTP tells."""

    url: str
    number: int
    head: str

    def ask(self, verb: str, path: str, content: object = None, token: str = "ghp_other") -> Any:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=verb)
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def about(self, path: str) -> Any:
        return self.ask("GET", f"/repos/{REPOSITORY}/{path}")

    @property
    def comments(self) -> list[str]:
        return [one["body"] for one in self.about(f"issues/{self.number}/comments?per_page=100")]

    @property
    def labels(self) -> list[str]:
        return sorted(one["name"] for one in self.about(f"issues/{self.number}/labels"))

    @property
    def checks(self) -> list[tuple[str, str | None]]:
        runs = self.about(f"commits/{self.head}/check-runs?filter=all")["check_runs"]
        return [(one["status"], one["conclusion"]) for one in sorted(runs, key=lambda r: r["id"])]

    def pull(self) -> PullRequest:
        target = Target(repository=REPOSITORY, pull_request=self.number, api_url=self.url)
        return PullRequest(
            target, KnownClient(TOKEN, self.url, sleep=lambda _: None, throttle=False)
        )

    def link(self, run: int) -> RunLink:
        return RunLink("https://github.com", REPOSITORY, run, 1, self.number)

    def start(self, run: int = 812) -> Published:
        running = Running(Revision(self.head, "HEAD"), link=self.link(run))
        return started(self.pull(), running)

    def finish(self, test: TestResult, run: int = 812, **more: Any) -> Published:
        made = reports.report(test, link=self.link(run), **more)
        return finished(self.pull(), replace(made, head=Revision(self.head, "HEAD")))

    def end(self, run: int) -> Published:
        ended = Ended(Revision(self.head, "HEAD"), Conclusion.CANCELLED, link=self.link(run))
        return ended_without_result(self.pull(), ended)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = shlex.split(os.environ.get("PERFLINT_EMULATE", ""))
    if not command:
        pytest.fail("say in PERFLINT_EMULATE how it is started")
    folder = tmp_path_factory.mktemp("emulate")
    (folder / "seed.yaml").write_text(SEED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = ["start", "--service", "github", "--port", str(port), "--seed", "seed.yaml"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *words, "--base-url", url], cwd=folder, stdout=out, stderr=out
        )
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{url}/repos/{REPOSITORY}", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the emulator does not answer: {log.read_text()[-500:]}")


@pytest.fixture
def emulator(server: str, request: pytest.FixtureRequest) -> Emulator:
    """A pull request of its own for each test."""
    here = Emulator(server, 0, "")
    branch = request.node.name[:40]
    main = here.about("git/ref/heads/main")["object"]["sha"]
    at = f"/repos/{REPOSITORY}"
    here.ask("POST", f"{at}/git/refs", {"ref": f"refs/heads/{branch}", "sha": main})
    content = {"message": "a change", "content": b64encode(branch.encode()).decode()}
    here.ask("PUT", f"{at}/contents/{branch}.py", {**content, "branch": branch})
    pull = here.ask(
        "POST", f"{at}/pulls", {"title": "a change", "head": branch, "base": "main", "body": ""}
    )
    return Emulator(server, pull["number"], pull["head"]["sha"])


def test_a_run_is_told_in_place_from_its_start_to_its_result(emulator: Emulator) -> None:
    begun = emulator.start()
    assert begun.failures == ()
    assert [body[:5] for body in emulator.comments] == ["### ⏳"]
    assert emulator.checks == [("in_progress", None)]
    done = emulator.finish(reports.GPT, findings=(reports.finding(), reports.finding(line=3)))
    assert done.failures == ()
    [body] = emulator.comments
    assert body.startswith("### 🔴 perflint: `test_gpt_train` runs 26.3% slower with this PR\n")
    assert read_marker(body) is not None
    assert emulator.checks == [("completed", "failure")]
    assert emulator.labels == ["perf-regression"]


def test_the_same_again_writes_nothing(emulator: Emulator) -> None:
    emulator.finish(reports.GPT)
    [before] = emulator.about(f"issues/{emulator.number}/comments")
    again = emulator.finish(reports.GPT)
    assert isinstance(again.comment, Posted)
    assert again.comment.action is Action.KEPT
    [after] = emulator.about(f"issues/{emulator.number}/comments")
    assert (after["body"], after["updated_at"]) == (before["body"], before["updated_at"])
    assert emulator.checks == [("completed", "failure")]


def test_a_later_result_takes_the_label_off_and_an_older_one_changes_nothing(
    emulator: Emulator,
) -> None:
    emulator.ask(
        "POST", f"/repos/{REPOSITORY}/issues/{emulator.number}/labels", {"labels": ["bug"]}
    )
    emulator.finish(reports.GPT, run=812)
    assert emulator.labels == ["bug", "perf-regression"]
    emulator.finish(SAME, run=813)
    assert emulator.labels == ["bug"]
    emulator.finish(reports.GPT, run=811)
    [body] = emulator.comments
    assert body.startswith("### ✅ perflint: ")
    assert emulator.labels == ["bug"]


def test_a_line_of_ours_in_a_strangers_comment_is_not_ours(emulator: Emulator) -> None:
    emulator.finish(reports.GPT)
    [ours] = emulator.comments
    forged = f"nothing to see\n\n{ours.rstrip().rsplit(chr(10), 1)[1]}"
    path = f"/repos/{REPOSITORY}/issues/{emulator.number}/comments"
    emulator.ask("POST", path, {"body": forged})
    emulator.finish(SAME, run=813)
    assert forged in emulator.comments
    assert len(emulator.comments) == 2
    assert sum(body.startswith("### ✅ perflint: ") for body in emulator.comments) == 1


def test_a_comment_behind_many_others_is_found(emulator: Emulator) -> None:
    path = f"/repos/{REPOSITORY}/issues/{emulator.number}/comments"
    for number in range(105):
        emulator.ask("POST", path, {"body": f"word {number}"})
    emulator.finish(reports.GPT)
    emulator.finish(SAME, run=813)
    pages = [
        emulator.about(f"issues/{emulator.number}/comments?per_page=100&page={n}") for n in (1, 2)
    ]
    assert sum("perflint:comment" in one["body"] for page in pages for one in page) == 1


def test_a_cancelled_run_ends_its_check(emulator: Emulator) -> None:
    emulator.start(814)
    emulator.end(814)
    assert emulator.checks == [("completed", "cancelled")]
    [body] = emulator.comments
    assert "was cancelled" in body.splitlines()[0]
