"""From a delivery to what stands on the pull request: by the server as it is, and only once."""

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.bot.github.app import App
from torch_perflint.bot.handoff.ahead import Ahead
from torch_perflint.bot.handoff.publisher import Publisher, RunEvent
from torch_perflint.bot.server import hands, job, workers
from torch_perflint.bot.server.hands import BotHands
from torch_perflint.bot.server.queue import Queue
from torch_perflint.bot.server.quota import Quotas
from torch_perflint.bot.server.server import Server
from torch_perflint.bot.server.settings import Hub
from torch_perflint.bot.server.work import AppWork
from torch_perflint.bot.server.workers import StoppingError, Workers
from torch_perflint.bot.sticky import read_marker

from ..github.lives import checks, headlines
from ..github.routes_actions import add_run
from ..github.routes_apps import LOGIN
from ..github.server import HEAD, NUMBER, FakeGitHub, Fault, Pull
from ..handoff.handed import hand_outlook
from . import payloads
from .conftest import APP_ID, ask, hand_over, keys, measured, settings, until, with_server
from .payloads import INSTALLATION, delivery

SENDERS = count(1)
DONE = ("completed", "failure")
FORK = (9, "stranger/models")
ACK = '/perflint ack test_gpt_train "the new head costs this"'


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "wait_seconds", lambda tries: 0.01)
    monkeypatch.setattr(workers, "_LOOK_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(Workers, "sleep", lambda self, seconds: None)
    monkeypatch.setattr(job, "LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(hands, "MOST_LOOKS", 2)


@dataclass
class Company:
    """A server for one repository, and the people who write there."""

    github: FakeGitHub
    folder: Path
    dead: list[str] = field(default_factory=list)

    branch: str = ""

    def send(self, event: str, payload: dict[str, Any]) -> None:
        """Deliver, and wait until all that it asks for is done."""
        # Else the same once more would be a replay.
        payload["sender"] |= {"id": next(SENDERS)}
        host = self.github.storage.host
        hub = Hub(
            APP_ID, self.github.url, artifact_host=f"x.example {host}", command_branch=self.branch
        )
        app = App(APP_ID, keys()[0], self.github.url, throttle=False, timeout=2)
        server = Server(settings(self.folder, github=hub), AppWork(app, BotHands(hub)))

        async def deliver() -> None:
            body, headers = delivery(event, payload)
            answer = await ask(server, "/webhook", body=body, headers=headers)
            assert answer.status == 202, answer.text
            await until(lambda: server._depth().open == 0)

        with_server(server, deliver)
        queue = Queue(self.folder / "queue.db", 1000, Quotas())
        self.dead = [one.error for one in queue.dead()]
        queue.close()

    def ran(self, run: int, action: str = "completed", **more: Any) -> None:
        self.send("workflow_run", payloads.run_completed(run, action=action, **more))

    def say(self, body: str, by: str = "maintainer") -> int:
        comment = self.github.add(by, body)
        self.send("issue_comment", payloads.comment(body, sender=by, id=comment))
        return comment

    def signs(self, comment: int) -> list[str]:
        return [one["content"] for one in self.github.reactions.get(comment, [])]


@pytest.fixture
def company(github: FakeGitHub, tmp_path: Path) -> Company:
    github.roles = {"maintainer": "write"}
    return Company(github, tmp_path)


def of_fork(github: FakeGitHub) -> None:
    github.pulls[NUMBER] = Pull(owner="stranger", repository_id=9, author="stranger")


def test_the_life_of_a_run_costs_what_the_bars_allow(github: FakeGitHub, company: Company) -> None:
    run = add_run(github, id=900, status="queued", conclusion=None)
    company.ran(900, "requested")
    assert (icons_of(github), checks(github)) == (["⏳"], [("in_progress", None)])
    run.status, run.conclusion = "completed", "success"
    hand_over(github, run)
    requests, writes = len(github.log), len(written(github))
    company.ran(900)
    assert headlines(github, LOGIN) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert (checks(github), github.pulls[NUMBER].labels) == ([DONE], ["perf-regression"])
    assert len(written(github)) - writes <= 3
    assert len(written(github)) <= 6
    # A token, and five to find out what there is to tell; then eight to tell it.
    assert len(github.log) - requests <= 1 + 5 + 8
    before = written(github)
    company.ran(900)
    assert written(github) == before
    assert company.dead == []


def test_what_a_run_is_going_to_do_is_told_once_it_is_known(
    github: FakeGitHub, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(github, id=900, status="in_progress", conclusion=None)
    looks = []
    look = Publisher.ahead

    def ahead(publisher: Publisher, event: RunEvent) -> Ahead:
        looks.append(event)
        if len(looks) == 2:
            hand_outlook(github, run)
        return look(publisher, event)

    monkeypatch.setattr(Publisher, "ahead", ahead)
    company.ran(900, "requested")
    assert len(looks) == 2
    [body] = github.bodies(LOGIN)
    assert "— 3 perf tests, about 2 min of timing at most\n" in body
    assert "Lint: 1 new finding." in body
    assert len(written(github)) == 3
    assert company.dead == []


def test_the_server_does_not_look_for_ever(github: FakeGitHub, company: Company) -> None:
    add_run(github, id=900, status="in_progress", conclusion=None)
    company.ran(900, "requested")
    looks = [line for line in github.log if "name=perflint-outlook" in line]
    assert len(looks) == 1 + 2  # with the start, and later as often as it may
    assert company.dead == []


def test_a_forks_pull_request_from_its_push_to_its_result(
    github: FakeGitHub, company: Company
) -> None:
    of_fork(github)
    company.send("pull_request", payloads.pull_request("opened", from_fork=True))
    [body] = github.bodies(LOGIN)
    assert f"```\n/perflint ok {HEAD}\n```" in body
    assert checks(github) == [("queued", None)]
    # Its own run measures nothing of it and changes nothing about that.
    own = add_run(github, head_place=FORK, status="in_progress", conclusion=None)
    company.ran(own.id, "requested", number=None, fork=FORK[1])
    own.status, own.conclusion = "completed", "success"
    company.ran(own.id, number=None, fork=FORK[1])
    assert (github.bodies(LOGIN), checks(github)) == ([body], [("queued", None)])
    # But for what its lint has found.
    hand_outlook(github, own)
    company.ran(own.id, number=None, fork=FORK[1])
    [body] = github.bodies(LOGIN)
    assert f"```\n/perflint ok {HEAD}\n```" in body and checks(github) == [("queued", None)]
    assert "3 perf tests are affected. Lint, which runs without approval: 1 new finding." in body
    comment = company.say(f"/perflint ok {HEAD}")
    [(workflow, ref, inputs)] = github.dispatched
    assert (workflow, ref, inputs["commit"]) == ("perflint-measure.yml", "main", HEAD)
    assert company.signs(comment) == ["eyes", "rocket"]
    [run] = [one for one in github.runs.values() if one.event == "workflow_dispatch"]
    begun = len(written(github))
    measure = {"number": None, "path": ".github/workflows/perflint-measure.yml"}
    company.ran(run.id, "requested", **measure)
    assert icons_of(github) == ["⏳"]
    run.status, run.conclusion = "completed", "success"
    hand_over(github, run)
    company.ran(run.id, **measure)
    assert headlines(github, LOGIN) == ["`test_gpt_train` runs 26.3% slower with this PR"]
    assert checks(github) == [DONE, DONE]  # that which waited ends with the result
    assert len(written(github)) - begun <= 6
    # A push needs a new approval; the last verdict stays visible.
    github.head = "c" * 40
    push = payloads.pull_request("synchronize", head="c" * 40, from_fork=True)
    company.send("pull_request", push)
    [body] = github.bodies(LOGIN)
    assert f"/perflint ok {'c' * 40}\n" in body and "26.3% slower" in body
    assert company.dead == []


def test_a_report_that_a_forks_own_run_hands_over_is_no_result(
    github: FakeGitHub, company: Company
) -> None:
    """Whoever edits the workflow in a fork can hand over any report: nobody has let it measure."""
    of_fork(github)
    company.send("pull_request", payloads.pull_request("opened", from_fork=True))
    told = github.bodies(LOGIN), checks(github)
    own = measured(github, head_place=FORK)
    company.ran(own.id, number=None, fork=FORK[1])
    assert (github.bodies(LOGIN), checks(github)) == told
    assert "⏸️" in told[0][0]
    comment = company.say(ACK)
    assert company.signs(comment) == ["eyes", "confused"]


def test_a_fork_that_is_told_already_is_not_told_to_wait(
    github: FakeGitHub, company: Company
) -> None:
    of_fork(github)
    title = f"perflint #{NUMBER} at {HEAD} for comment 1"
    measured(github, event="workflow_dispatch", head="f" * 40, branch="main", title=title)
    company.ran(900, number=None)
    before = written(github)
    for action in ("reopened", "ready_for_review"):
        company.send("pull_request", payloads.pull_request(action, from_fork=True))
    assert written(github) == before


def test_where_no_workflow_measures_nothing_is_said(github: FakeGitHub, company: Company) -> None:
    of_fork(github)
    github.workflows = {"tests.yml"}
    company.send("pull_request", payloads.pull_request("opened", from_fork=True))
    assert written(github) == []


def test_closed_nobody_waits_any_more_and_reopened_it_waits_again(
    github: FakeGitHub, company: Company
) -> None:
    of_fork(github)
    company.send("pull_request", payloads.pull_request("opened", from_fork=True))
    github.pulls[NUMBER].state = "closed"
    company.send("pull_request", payloads.pull_request("closed", from_fork=True))
    assert icons_of(github) == ["⏹️"]
    assert "closed before a maintainer allowed it" in github.bodies(LOGIN)[0]
    assert checks(github) == [("completed", "cancelled")]
    before = written(github)
    company.send("pull_request", payloads.pull_request("closed", from_fork=True))
    assert written(github) == before
    github.pulls[NUMBER].state = "open"
    company.send("pull_request", payloads.pull_request("reopened", from_fork=True))
    assert icons_of(github) == ["⏸️"]


def test_a_push_to_a_branch_of_ours_asks_github_nothing(
    github: FakeGitHub, company: Company
) -> None:
    for action in ("opened", "synchronize", "closed"):
        company.send("pull_request", payloads.pull_request(action))
    assert github.log == []


def test_a_superseded_run_ends_its_check_and_leaves_the_newer_hourglass(
    github: FakeGitHub, company: Company
) -> None:
    old = add_run(github, id=900, status="in_progress", conclusion=None)
    company.ran(900, "requested")
    github.head = "c" * 40
    add_run(github, id=901, head="c" * 40, status="in_progress", conclusion=None)
    company.ran(901, "requested", head="c" * 40)
    old.status, old.conclusion = "completed", "cancelled"
    company.ran(900)
    assert checks(github, HEAD) == [("completed", "cancelled")]
    assert checks(github, "c" * 40) == [("in_progress", None)]
    assert [(icon, state.run) for icon, state in standing(github)] == [("⏳", 901)]


def test_commands_in_comments_are_obeyed_once(github: FakeGitHub, company: Company) -> None:
    measured(github)
    company.ran(900)
    comment = company.say("/perflint rerun")
    [(_, _, inputs)] = github.dispatched
    assert (inputs["commit"], inputs["comment"]) == (HEAD, str(comment))
    assert company.signs(comment) == ["eyes", "rocket"]
    # GitHub delivers once more, under another id.
    body = "/perflint rerun"
    company.send("issue_comment", payloads.comment(body, sender="maintainer", id=comment))
    assert len(github.dispatched) == 1
    comment = company.say(ACK)
    assert company.signs(comment) == ["eyes", "rocket"]
    [body] = github.bodies(LOGIN)
    assert "the new head costs this" in body
    [check] = [one for one in github.checks.values() if one["head_sha"] == HEAD]
    assert check["conclusion"] == "neutral"
    assert github.pulls[NUMBER].labels == ["perf-regression", "perf-regression-acked"]
    assert company.dead == []


def test_what_a_command_starts_is_on_the_branch_that_was_chosen(
    github: FakeGitHub, company: Company
) -> None:
    of_fork(github)
    company.branch = "perflint"
    company.say(f"/perflint ok {HEAD}")
    [(_, ref, inputs)] = github.dispatched
    assert (ref, inputs["commit"]) == ("perflint", HEAD)


def test_who_may_not_is_not_obeyed(github: FakeGitHub, company: Company) -> None:
    measured(github)
    company.ran(900)
    before = github.bodies(LOGIN)
    comment = company.say(f"/perflint ok {HEAD}\n{ACK}", by="stranger")
    assert company.signs(comment) == ["confused"]
    assert github.dispatched == [] and github.bodies(LOGIN) == before


def test_the_button_measures_again_what_rerun_would(github: FakeGitHub, company: Company) -> None:
    company.send("check_run", payloads.rerequested())
    [(workflow, ref, inputs)] = github.dispatched
    assert (workflow, ref) == ("perflint-measure.yml", "main")
    assert (inputs["commit"], inputs["comment"]) == (HEAD, "31")
    kinds = {"actions": "write", "pull_requests": "read"}
    assert [made[1:] for made in github.made_tokens] == [([1], kinds)]
    # Without a number it is found by its commit.
    company.send("check_suite", payloads.suite_rerequested(None))
    assert len(github.dispatched) == 2


@pytest.mark.parametrize("why", ["stranger", "fork", "old", "closed"])
def test_a_button_starts_nothing_that_a_command_would_not(
    github: FakeGitHub, company: Company, why: str
) -> None:
    if why == "stranger":
        github.roles = {}
    if why == "fork":
        of_fork(github)
    if why == "old":
        github.head = "c" * 40
    if why == "closed":
        github.pulls[NUMBER].state = "closed"
    company.send("check_run", payloads.rerequested(None if why == "fork" else NUMBER))
    assert github.dispatched == [] and company.dead == []


FAULTS = [
    Fault("GET", path="/actions/runs/900"),
    Fault("GET", path="/artifacts/"),
    Fault("POST", after=True, path="/comments"),
    Fault("POST", dropped=True, path="/comments"),
    Fault("POST", after=True, path="/check-runs"),
    Fault("POST", after=True, path="/labels"),
    Fault("GET", 429, path="/check-runs"),
    Fault("POST", 403, headers={"Retry-After": "600"}, message="secondary rate limit"),
]


@pytest.mark.parametrize("often", [1, 7])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: f"{one.verb} {one.path} {one.after}")
def test_whatever_fails_in_the_middle_it_is_told_once(
    github: FakeGitHub, company: Company, fault: Fault, often: int
) -> None:
    measured(github)
    github.faults = [fault] * often
    company.ran(900)
    assert company.dead == [] and len(github.faults) < often
    assert [state.run for _, state in standing(github)] == [900]
    assert checks(github) == [DONE]
    assert github.pulls[NUMBER].labels == ["perf-regression"]


def test_a_command_that_fails_in_the_middle_is_done_once(
    github: FakeGitHub, company: Company
) -> None:
    github.faults = [Fault("POST", 502, after=True, path="/dispatches")]
    comment = company.say("/perflint run")
    assert len(github.dispatched) == 1
    github.faults = [Fault("GET", 502, path="/permission")] * 6
    other = company.say("/perflint rerun")
    assert len(github.dispatched) == 2
    assert company.signs(comment) == company.signs(other) == ["eyes", "rocket"]


@pytest.mark.parametrize("path", ["/issues/comments/", "/pulls/", "/reactions"])
def test_a_command_that_github_does_not_show_everywhere_yet_is_obeyed(
    github: FakeGitHub, company: Company, path: str
) -> None:
    verb = "POST" if path == "/reactions" else "GET"
    github.faults = [Fault(verb, 404, message="Not Found", path=path)] * 2
    comment = company.say("/perflint run")
    assert company.dead == [] and github.faults == []
    assert company.signs(comment) == ["eyes", "rocket"]
    assert len(github.dispatched) == 1


def test_a_command_that_was_deleted_is_nobodys_trouble(
    github: FakeGitHub, company: Company
) -> None:
    company.send("issue_comment", payloads.comment("/perflint run", sender="maintainer", id=7))
    assert company.dead == [] and github.dispatched == []


def test_a_run_that_github_does_not_show_everywhere_yet_is_told(
    github: FakeGitHub, company: Company
) -> None:
    measured(github)
    github.faults = [Fault("GET", 404, message="Not Found", path="/actions/runs/900")] * 2
    company.ran(900)
    assert company.dead == [] and github.faults == []
    assert [state.run for _, state in standing(github)] == [900]


def test_stopped_in_the_middle_it_goes_on_at_the_next_start(
    github: FakeGitHub, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(github)
    stops = [1]

    def sleep(self: Workers, seconds: float) -> None:
        if stops:
            stops.pop()
            raise StoppingError

    monkeypatch.setattr(Workers, "sleep", sleep)
    github.faults = [Fault("POST", 502, after=True, path="/check-runs")]
    company.ran(900)
    assert stops == []
    assert [state.run for _, state in standing(github)] == [900]
    assert checks(github) == [DONE]


def test_in_a_locked_conversation_the_check_tells_and_nothing_is_dead(
    github: FakeGitHub, company: Company
) -> None:
    measured(github)
    github.locked = True
    company.ran(900)
    assert github.bodies(LOGIN) == []
    assert (checks(github), github.pulls[NUMBER].labels) == ([DONE], ["perf-regression"])
    assert company.dead == []


def test_a_permission_that_is_missing_is_given_up_with_its_name(
    github: FakeGitHub, company: Company
) -> None:
    measured(github)
    github.installations[INSTALLATION]["checks"] = "read"
    company.ran(900)
    [error] = company.dead
    assert "may not have" in error and "checks: write" in error
    assert written(github) == []


@pytest.mark.parametrize("event", ["run", "command"])
def test_a_token_that_ends_too_early_is_replaced_by_a_new_one(
    github: FakeGitHub, company: Company, event: str
) -> None:
    """A token that is a second old is not known yet in all of GitHub, and any may be taken back."""
    measured(github)
    bad = Fault("GET", 401, message="Bad credentials")
    github.faults = [bad, Fault("POST", 401, message="Bad credentials", path="/dispatches")]
    if event == "run":
        company.ran(900)
        assert [state.run for _, state in standing(github)] == [900]
    else:
        comment = company.say("/perflint run")
        assert company.signs(comment) == ["eyes", "rocket"]
        assert len(github.dispatched) == 1
    assert company.dead == []
    assert len(github.made_tokens) >= 2


def test_each_kind_of_job_has_the_least_permissions_that_do(
    github: FakeGitHub, company: Company
) -> None:
    """The stand-in refuses what a token may not, so that none has too few."""
    of_fork(github)
    company.send("pull_request", payloads.pull_request("opened", from_fork=True))
    company.say(f"/perflint ok {HEAD[:7]}")
    company.say("/perflint cancel")
    follow, command = (made[2] for made in github.made_tokens[:2])
    assert follow == {"actions": "read", "checks": "write", "pull_requests": "write"}
    assert command == follow | {"actions": "write", "contents": "read"}
    assert company.dead == []
    assert len(github.dispatched) == 1


def standing(github: FakeGitHub) -> list[tuple[str, Any]]:
    """Icon and state of each comment that tells about a run."""
    found = [(body.split()[1], read_marker(body)) for body in github.bodies(LOGIN)]
    return [(icon, marker[1]) for icon, marker in found if marker]


def icons_of(github: FakeGitHub) -> list[str]:
    return [icon for icon, _ in standing(github)]


def written(github: FakeGitHub) -> list[str]:
    """What wanted to change something, tokens aside."""
    return [line for line in github.writes if "/access_tokens" not in line]
