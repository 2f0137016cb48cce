"""What each delivery asks for; the payloads are made with GitHub's published models."""

from typing import Any

import pytest
from torch_perflint.bot.server.events import UnreadableError, jobs_of
from torch_perflint.bot.server.job import (
    Commented,
    InstallationChanged,
    Place,
    PullRequestChanged,
    RerunAsked,
    RunChanged,
    kind_of,
    lane_of,
    read_job,
    write_job,
)

from ..github.server import HEAD, NUMBER, REPOSITORY
from . import payloads
from .payloads import INSTALLATION, WORKFLOW

PLACE = Place(repository=REPOSITORY, repository_id=1, installation=INSTALLATION)


def jobs(event: str, payload: Any) -> tuple[Any, ...]:
    return jobs_of(event, payload, [WORKFLOW])


@pytest.mark.parametrize(
    "action", ["opened", "synchronize", "reopened", "closed", "ready_for_review"]
)
def test_a_pull_request_that_changes_is_followed(action: str) -> None:
    [job] = jobs("pull_request", payloads.pull_request(action))
    assert job == PullRequestChanged(
        place=PLACE, pull_request=NUMBER, actor="contributor", action=action, head=HEAD
    )


def test_a_phone_may_begin_the_command_with_a_capital() -> None:
    assert len(jobs("issue_comment", payloads.comment("/Perflint run"))) == 1


def test_a_comment_that_names_perflint_is_read() -> None:
    [job] = jobs("issue_comment", payloads.comment("hello\n/perflint run all"))
    assert job == Commented(
        place=PLACE,
        pull_request=NUMBER,
        actor="maintainer",
        comment=4711,
        body="hello\n/perflint run all",
    )


@pytest.mark.parametrize(
    "payload",
    [
        payloads.comment("nice work"),
        payloads.comment(on_issue=True),
        payloads.comment(state="closed"),
        payloads.comment(kind="Bot"),
        payloads.comment(sender="perflint[bot]"),
        payloads.comment() | {"action": "edited"},
        payloads.comment() | {"action": "deleted"},
    ],
    ids=["no command", "issue", "closed", "bot", "bot by name", "edited", "deleted"],
)
def test_other_comments_are_not(payload: Any) -> None:
    assert jobs("issue_comment", payload) == ()


def test_a_re_run_of_our_check_or_of_all_checks_is_asked_for() -> None:
    [one] = jobs("check_run", payloads.rerequested())
    [every] = jobs("check_suite", payloads.suite_rerequested(None))
    assert one == RerunAsked(
        place=PLACE, pull_request=NUMBER, actor="maintainer", head=HEAD, check=31
    )
    assert (every.check, every.pull_request) == (None, None)


def test_a_run_of_our_workflow_is_told_of() -> None:
    [ours] = jobs("workflow_run", payloads.run_completed(path=f"{WORKFLOW}@refs/heads/main"))
    [forks] = jobs("workflow_run", payloads.run_completed(number=None, fork="stranger/models"))
    assert isinstance(ours, RunChanged)
    assert (ours.run, ours.attempt, ours.head, ours.pull_request) == (900, 1, HEAD, NUMBER)
    assert (forks.pull_request, forks.head_repository) == (None, "stranger/models")
    [asked_for] = jobs("workflow_run", payloads.run_completed(action="requested"))
    assert (asked_for.action, asked_for.conclusion, ours.action) == ("requested", "", "completed")
    assert jobs("workflow_run", payloads.run_completed() | {"action": "in_progress"}) == ()
    assert jobs("workflow_run", payloads.run_completed(path=".github/workflows/other.yml")) == ()


def test_an_installation_that_changes_is_noticed() -> None:
    for event, action in (("installation", "created"), ("installation_repositories", "removed")):
        [job] = jobs(event, payloads.installation(action))
        assert job == InstallationChanged(installation=INSTALLATION, actor="owner", action=action)


@pytest.mark.parametrize("event", ["ping", "push", "star", "pull_request_review", "x"])
def test_other_events_ask_for_nothing(event: str) -> None:
    assert jobs(event, {"zen": "Keep it simple.", "hook_id": 1}) == ()


@pytest.mark.parametrize(
    ("event", "change"),
    [
        ("pull_request", {"pull_request": None}),
        ("pull_request", {"installation": None}),
        ("pull_request", {"installation": {"id": "77"}}),
        ("pull_request", {"installation": {"id": True}}),
        ("pull_request", {"repository": {"id": 1, "full_name": "../x"}}),
        ("pull_request", {"repository": {"id": 1, "full_name": "a/b/c"}}),
        ("pull_request", {"repository": {"id": -1, "full_name": "a/b"}}),
        ("pull_request", {"sender": None}),
        ("pull_request", {"pull_request": {"number": 5, "head": {"sha": "$(id)"}}}),
        ("pull_request", {"pull_request": {"number": 2**70, "head": {"sha": HEAD}}}),
    ],
)
def test_a_payload_that_is_not_as_described_is_refused(event: str, change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError, match="not as GitHub describes it"):
        jobs(event, payloads.pull_request() | change)
    assert jobs(event, payloads.pull_request())  # without the change it is fine


@pytest.mark.parametrize("payload", [None, [], "x", 1])
def test_a_payload_that_is_no_object_is_refused(payload: Any) -> None:
    with pytest.raises(UnreadableError, match="no object"):
        jobs("pull_request", payload)


def test_every_job_survives_the_queue() -> None:
    every = [
        *jobs("pull_request", payloads.pull_request()),
        *jobs("issue_comment", payloads.comment('/perflint ack `ünï` "why"\n')),
        *jobs("check_run", payloads.rerequested()),
        *jobs("workflow_run", payloads.run_completed(number=None)),
        *jobs("installation", payloads.installation()),
    ]
    assert len({kind_of(job) for job in every}) == 5
    assert [read_job(write_job(job)) for job in every] == every


def test_jobs_of_one_pull_request_share_a_lane() -> None:
    lanes = {
        lane_of(job)
        for event, payload in (
            ("pull_request", payloads.pull_request()),
            ("issue_comment", payloads.comment()),
            ("workflow_run", payloads.run_completed()),
        )
        for job in jobs(event, payload)
    }
    assert lanes == {f"1#{NUMBER}"}
    [other] = jobs("pull_request", payloads.pull_request(number=6))
    assert lane_of(other) not in lanes
