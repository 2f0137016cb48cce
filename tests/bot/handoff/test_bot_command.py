"""`perflint bot command` from the event of a comment to what GitHub then has."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.bot.acks import Ack
from torch_perflint.bot.commands import cli
from torch_perflint.bot.commands.cli import Client
from torch_perflint.bot.event import Target
from torch_perflint.bot.github.pull_request import PullRequest
from torch_perflint.bot.publish import finished
from torch_perflint.bot.state import Stage, State, pack
from torch_perflint.bot.sticky import LARGEST_MARKER, marker, read_marker, with_marker

from ..github.commanding import event_of
from ..github.routes_actions import add_artifact, add_run
from ..github.server import HEAD, NUMBER, REPOSITORY, WORKFLOW, FakeGitHub, Fault, Pull
from .handed import made_by, zipped

Command = Callable[..., int]
ACK = '/perflint ack test_gpt_train "the new head costs this"'


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, github: FakeGitHub, tmp_path: Path) -> Command:
    """Write a comment and run the command on its event, as the trusted workflow does."""
    patient = functools.partial(Client, throttle=False, timeout=5, sleep=lambda seconds: None)
    monkeypatch.setattr(cli, "Client", patient)
    monkeypatch.setattr("sys.stdout", __import__("sys").stdout)
    monkeypatch.setattr("sys.stderr", __import__("sys").stderr)
    github.roles = {"maintainer": "write"}

    def run(body: str, by: str = "maintainer", attempt: int = 1, comment: int = 0) -> int:
        event = tmp_path / "event.json"
        event.write_text(event_of(github, comment or github.add(by, body)), encoding="utf-8")
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": github.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "9000",
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_REF_NAME": "main",
            "GITHUB_EVENT_NAME": "issue_comment",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_TOKEN": WORKFLOW,
        }.items():
            monkeypatch.setenv(name, value)
        return main(["bot", "command", "--artifact-host", github.storage.host])

    return run


def tell(github: FakeGitHub) -> None:
    """Let a run have measured, and its result be told."""
    run = add_run(github)
    made = made_by(run, created="2026-01-01T00:00:00+00:00")
    add_artifact(github, run.id, zipped(made))
    target = Target(REPOSITORY, NUMBER, github.url)
    client = Client(WORKFLOW, github.url, throttle=False, sleep=lambda seconds: None)
    assert finished(PullRequest(target, client), made).failures == ()


def signs(github: FakeGitHub) -> list[str]:
    return [one["content"] for given in github.reactions.values() for one in given]


def test_an_approval_starts_the_workflow_on_the_full_hash(
    github: FakeGitHub, command: Command
) -> None:
    github.pulls[NUMBER] = Pull(owner="stranger", repository_id=9)
    assert command(f"/perflint ok {HEAD[:7]}") == 0
    [(workflow, ref, inputs)] = github.dispatched
    assert (workflow, ref) == ("perflint-measure.yml", "main")
    [comment] = github.comments
    assert inputs == {
        "pull_request": str(NUMBER),
        "commit": HEAD,
        "tests": "",
        "comment": str(comment),
    }
    assert signs(github) == ["eyes", "rocket"]


def test_an_acknowledgement_is_told_in_comment_check_and_labels(
    github: FakeGitHub, command: Command
) -> None:
    tell(github)
    [check] = github.checks.values()
    assert check["conclusion"] == "failure"
    assert command(ACK) == 0
    [body] = github.bodies()
    assert "the new head costs this" in body
    found = read_marker(body)
    assert found
    [ack] = found[1].acks
    assert (ack.by, ack.head) == ("maintainer", HEAD)
    assert github.checks[check["id"]]["conclusion"] == "neutral"
    assert "perf-regression-acked" in github.pulls[NUMBER].labels
    assert signs(github) == ["eyes", "rocket"]
    assert command("/perflint unack test_gpt_train") == 0
    [body] = github.bodies()
    assert "the new head costs this" not in body
    assert github.checks[check["id"]]["conclusion"] == "failure"
    assert github.pulls[NUMBER].labels == ["perf-regression"]


def test_without_a_result_there_is_nothing_to_acknowledge(
    github: FakeGitHub, command: Command
) -> None:
    assert command(ACK) == 0
    assert "no result" in github.bodies()[0]


@pytest.mark.parametrize("why", ["under way", "expired"])
def test_who_takes_back_what_cannot_be_told_now_gets_an_answer(
    github: FakeGitHub, command: Command, why: str
) -> None:
    tell(github)
    assert command(ACK) == 0
    if why == "under way":
        [before] = github.bodies()
        found = read_marker(before)
        assert found
        state = replace(found[1], stage=Stage.RUNNING, run=999)
        [ours] = [one for one in github.comments.values() if one["body"] == before]
        ours["body"] = with_marker("### ⏳ perflint: measuring", "default", state)
    else:
        for artifact in github.artifacts.values():
            artifact.expired = True
    assert command("/perflint unack test_gpt_train") == 0
    [_, answer] = github.bodies()
    assert "say it again once a measurement of the head has ended" in answer
    assert signs(github)[-2:] == ["eyes", "confused"]


def test_a_workflow_that_cannot_be_started_is_told_to_who_asked(
    github: FakeGitHub, command: Command
) -> None:
    words = "Workflow does not have 'workflow_dispatch' trigger"
    github.faults = [Fault("POST", 422, path="/dispatches", message=words)]
    assert command("/perflint run") == 0
    [answer] = github.bodies()
    assert "does not have `'workflow_dispatch'` trigger" in answer
    assert signs(github) == ["eyes", "confused"]


def test_more_than_the_comment_can_remember_is_told_to_who_asked(
    github: FakeGitHub, command: Command
) -> None:
    tell(github)
    [ours] = github.comments.values()
    found = read_marker(ours["body"])
    assert found
    ack = Ack("test_other", "理" * 200, "maintainer", "2026-01-01T00:00:00Z", HEAD, -0.1)
    one = len(pack(State(acks=(ack,)))) - len(pack(State()))
    room = LARGEST_MARKER - len(marker("default", found[1]))
    many = tuple(replace(ack, test=f"test_{number}") for number in range(room // one))
    state = replace(found[1], acks=many)
    ours["body"] = with_marker(ours["body"].rpartition("\n")[0], "default", state)
    assert command(f'/perflint ack test_gpt_train "{"理" * 200}"') == 0
    answer = github.bodies()[1]
    assert f"cannot remember {len(many) + 1} acknowledgements: take some back" in answer
    assert signs(github) == ["eyes", "confused"]


def test_cancel_ends_this_pull_requests_runs_and_no_others(
    github: FakeGitHub, command: Command
) -> None:
    here, path = (
        {"status": "in_progress", "conclusion": None},
        ".github/workflows/perflint-measure.yml",
    )
    mine = add_run(
        github, event="workflow_dispatch", path=path, title=f"perflint #5 at {HEAD}", **here
    )
    pushed = add_run(github, path=".github/workflows/perflint.yml", **here)
    other = add_run(
        github, event="workflow_dispatch", path=path, title=f"perflint #55 at {HEAD}", **here
    )
    tests = add_run(github, path=".github/workflows/ci.yml", **here)
    assert command("/perflint cancel", by="contributor") == 0
    ended = [run.id for run in (mine, pushed, other, tests) if run.conclusion == "cancelled"]
    assert ended == [mine.id, pushed.id]


def test_who_opens_a_pull_request_of_somebodys_commit_ends_none_of_their_runs(
    github: FakeGitHub, command: Command
) -> None:
    going = {"status": "in_progress", "conclusion": None}
    path = ".github/workflows/perflint.yml"
    theirs = add_run(github, path=path, **going)
    same_branch = add_run(github, path=path, branch="other", head_place=(9, "x/models"), **going)
    github.pulls[NUMBER] = Pull(owner="x", repository_id=9, author="x")
    mine = add_run(github, path=path, head_place=(9, "x/models"), **going)
    assert command("/perflint cancel", by="x") == 0
    ended = [run.id for run in (theirs, same_branch, mine) if run.conclusion == "cancelled"]
    assert ended == [mine.id]


def test_a_second_attempt_starts_nothing_that_is_under_way(
    github: FakeGitHub, command: Command
) -> None:
    command("/perflint run")
    [comment] = github.comments
    [run] = github.runs.values()
    run.title = f"perflint #5 at {HEAD} for comment {comment}"
    [_, done] = github.reactions[comment]
    github.reactions[comment].remove(done)  # it ended before its receipt
    assert command("", comment=comment, attempt=2) == 0
    assert len(github.dispatched) == 1
    assert signs(github) == ["eyes", "rocket"]


def test_without_its_event_it_says_where_it_belongs(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    assert main(["bot", "command"]) == 2
    assert "for a workflow on `issue_comment`" in capsys.readouterr().err
