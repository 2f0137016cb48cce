"""What is read from the environment and the event of a run."""

import json
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.event import ActionsRun, Target, read_run, this_run, web_of
from torch_perflint.bot.report import RunLink

ENVIRON = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_API_URL": "https://github.example/api/v3",
    "GITHUB_REPOSITORY": "acme/models",
    "GITHUB_RUN_ID": "812",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_STEP_SUMMARY": "summary.md",
}
EVENT = json.dumps({"action": "synchronize", "number": 5, "pull_request": {"number": 5, "id": 1}})


def test_a_run_on_a_pull_request_is_read_whole() -> None:
    assert read_run(ENVIRON, EVENT) == ActionsRun(
        server="https://github.example",
        api_url="https://github.example/api/v3",
        repository="acme/models",
        run_id=812,
        attempt=2,
        event="pull_request",
        pull_request=5,
        summary=Path("summary.md"),
    )


def test_a_report_links_to_the_run_that_made_it() -> None:
    run = read_run(ENVIRON, EVENT)
    assert run is not None
    assert run.link == RunLink("https://github.example", "acme/models", 812, 2, 5)


def test_outside_github_actions_there_is_no_run() -> None:
    assert read_run({}, "") is None
    assert read_run({**ENVIRON, "GITHUB_ACTIONS": ""}, EVENT) is None


def test_what_github_com_need_not_say_has_its_known_value() -> None:
    least = {
        name: ENVIRON[name] for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    }
    assert read_run(least, "") == ActionsRun(
        "https://github.com", "https://api.github.com", "acme/models", 812
    )


@pytest.mark.parametrize(
    "event",
    [
        {"ref": "refs/heads/main"},
        {"workflow_run": {"pull_requests": [{"number": 9}]}},
        {"issue": {"number": 9}, "comment": {"body": "/perflint run"}},
        {"pull_request": None},
        {"pull_request": {"number": "5"}},
        [],
    ],
)
def test_the_event_of_anything_else_names_no_pull_request(event: object) -> None:
    run = read_run(ENVIRON, json.dumps(event))
    assert run is not None
    assert run.pull_request is None


@pytest.mark.parametrize(
    ("changed", "event", "says"),
    [
        ({"GITHUB_REPOSITORY": ""}, EVENT, "GITHUB_REPOSITORY is not set"),
        ({"GITHUB_RUN_ID": "latest"}, EVENT, "GITHUB_RUN_ID is 'latest', which is no number"),
        ({}, "{", "no JSON"),
        ({}, "[" * 100_000, "no JSON"),
    ],
)
def test_a_broken_environment_is_named(changed: dict[str, str], event: str, says: str) -> None:
    with pytest.raises(PerflintError, match=says):
        read_run(ENVIRON | changed, event)


def test_this_run_is_read_from_the_environment_and_the_event_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "event.json"
    path.write_text(EVENT, encoding="utf-8")
    for name, value in {**ENVIRON, "GITHUB_EVENT_PATH": str(path)}.items():
        monkeypatch.setenv(name, value)
    assert this_run() == read_run(ENVIRON, EVENT)
    path.unlink()
    with pytest.raises(PerflintError, match="GITHUB_EVENT_PATH"):
        this_run()


@pytest.mark.parametrize(
    ("repository", "number", "api_url"),
    [
        ("models", 5, "https://api.github.com"),
        ("acme/models/pulls", 5, "https://api.github.com"),
        ("acme/..", 5, "https://api.github.com"),
        ("acme/models?x=1", 5, "https://api.github.com"),
        ("acme/models", 0, "https://api.github.com"),
        ("acme/models", 5, "api.github.com"),
        ("acme/models", 5, "ftp://api.github.com"),
    ],
)
def test_a_target_that_can_be_no_pull_request_is_refused(
    repository: str, number: int, api_url: str
) -> None:
    with pytest.raises(PerflintError):
        Target(repository, number, api_url)


@pytest.mark.parametrize(
    ("api_url", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.github.com/", "https://github.com"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("https://git.acme.example/api/v3", "https://git.acme.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_pages_of_a_github_are_known_from_its_api(api_url: str, web: str) -> None:
    assert web_of(api_url) == web
