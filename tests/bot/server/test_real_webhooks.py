"""Payloads that GitHub really sent: each is read or passed over, and none brings the server down.

`webhooks.json` holds what counts of `@octokit/webhooks-examples` 7.6.1 (MIT license), as
`trim_webhooks.py` makes it.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.bot.server.events import EVENTS, UnreadableError, jobs_of
from torch_perflint.bot.server.job import (
    Commented,
    InstallationChanged,
    Job,
    PullRequestChanged,
    RerunAsked,
    RunChanged,
    kind_of,
    lane_of,
    read_job,
    write_job,
)

EXAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "webhooks.json").read_text(encoding="utf-8")
)
PAYLOADS = [
    pytest.param(event, payload, id=f"{event}-{payload.get('action')}-{number}")
    for event, payloads in EXAMPLES.items()
    for number, payload in enumerate(payloads)
]
# `path` came later than these examples.
WORKFLOW = ".github/workflows/perflint.yml"


def to_an_app(event: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The same as an App gets it today: with its installation, and a run with its workflow."""
    payload = copy.deepcopy(payload)
    payload.setdefault("installation", {"id": 77})
    if "workflow_run" in payload and event == "workflow_run":
        payload["workflow_run"]["path"] = WORKFLOW
        payload["workflow_run"].setdefault("run_attempt", 1)
    return payload


def jobs(event: str, payload: object) -> tuple[Job, ...]:
    return jobs_of(event, payload, WORKFLOW)


def refusal_of(event: str, payload: object) -> str | None:
    """Why a payload is refused; None where it is read or passed over."""
    try:
        jobs(event, payload)
    except UnreadableError as error:
        return str(error)
    return None


def test_they_are_all_there() -> None:
    assert len(PAYLOADS) == 329
    assert len(EXAMPLES) == 58
    assert set(EVENTS) <= set(EXAMPLES)


@pytest.mark.parametrize(("event", "payload"), PAYLOADS)
def test_each_is_read_or_passed_over(event: str, payload: dict[str, Any]) -> None:
    for job in jobs(event, to_an_app(event, payload)):
        assert read_job(write_job(job)) == job
        assert kind_of(job)
        assert lane_of(job)


@pytest.mark.parametrize(("event", "payload"), PAYLOADS)
def test_one_that_is_not_for_an_app_is_refused_with_a_word_or_passed_over(
    event: str, payload: dict[str, Any]
) -> None:
    said = refusal_of(event, payload)
    lacks = ("'installation'", "'path'", "'run_attempt'")
    assert said is None or (event in EVENTS and said.endswith(lacks))


def test_what_they_ask_for() -> None:
    asked: dict[type[Job], set[str]] = {}
    for event, payloads in EXAMPLES.items():
        for payload in payloads:
            for job in jobs(event, to_an_app(event, payload)):
                asked.setdefault(type(job), set()).add(f"{event} {payload['action']}")
    assert asked == {
        PullRequestChanged: {
            f"pull_request {action}"
            for action in ("opened", "closed", "ready_for_review", "reopened", "synchronize")
        },
        RerunAsked: {"check_run rerequested", "check_suite rerequested"},
        RunChanged: {"workflow_run requested", "workflow_run completed"},
        InstallationChanged: {
            *("installation created", "installation deleted", "installation suspend"),
            *("installation unsuspend", "installation new_permissions_accepted"),
            *("installation_repositories added", "installation_repositories removed"),
        },
    }


def test_none_of_their_comments_is_a_command_and_on_a_pull_request_one_is() -> None:
    created = [one for one in EXAMPLES["issue_comment"] if one["action"] == "created"]
    assert len(created) == 5
    for payload in created:
        told = to_an_app("issue_comment", payload)
        assert jobs("issue_comment", told) == ()
        told["comment"]["body"] = "/perflint help"
        if "pull_request" not in told["issue"]:
            assert jobs("issue_comment", told) == ()
        told["issue"] |= {"pull_request": {"url": "https://x"}, "state": "open"}
        by_a_bot = told["comment"]["user"]["type"] == "Bot" or told["sender"]["type"] == "Bot"
        found = jobs("issue_comment", told)
        assert [type(job) for job in found] == ([] if by_a_bot else [Commented])


@pytest.mark.parametrize(("event", "payload"), [one for one in PAYLOADS if one.values[0] in EVENTS])
def test_with_a_field_less_nothing_but_a_clear_refusal_comes_of_it(
    event: str, payload: dict[str, Any]
) -> None:
    whole = to_an_app(event, payload)
    for path in _paths(whole):
        for other in (None, 5, "x", [], {}):
            broken = copy.deepcopy(whole)
            *way, last = path
            at: Any = broken
            for step in way:
                at = at[step]
            at[last] = other
            said = refusal_of(event, broken)
            assert said is None or event in said


def _paths(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, one in items:
        found.append((*so_far, name))
        if isinstance(one, dict | list):
            found += _paths(one, (*so_far, name))
    return found
