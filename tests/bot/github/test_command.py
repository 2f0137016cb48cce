"""`perflint comment` from the words of the command line to what stands on the pull request."""

import functools
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.bot import tell
from torch_perflint.bot.github.client import Client
from torch_perflint.bot.post import NotPosted
from torch_perflint.bot.publish import Published
from torch_perflint.bot.report import LintResult, Report, Revision, RunLink, write_report
from torch_perflint.bot.state import LastVerdict
from torch_perflint.bot.sticky import State, read_marker
from torch_perflint.bot.tell import all_findings, announce, tell_page, tell_report
from torch_perflint.runners.result import RunResult, Selection

from ..reports import finding
from .conftest import Bot
from .server import (
    EXPIRED,
    HEAD,
    NUMBER,
    READ_ONLY,
    REPOSITORY,
    WORKFLOW,
    Account,
    FakeGitHub,
    Fault,
)

MARKDOWN = "### perflint: no performance change\n\nNothing new.\n"
ACTIONS = (
    "GITHUB_ACTIONS",
    "GITHUB_SERVER_URL",
    "GITHUB_API_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_TOKEN",
)


@pytest.fixture(autouse=True)
def _outside_actions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be nowhere, with nothing to wait for, beside a file of Markdown."""
    for name in ACTIONS:
        monkeypatch.delenv(name, raising=False)
    patient = functools.partial(Client, throttle=False, timeout=1, sleep=lambda seconds: None)
    monkeypatch.setattr(tell, "Client", patient)
    monkeypatch.chdir(tmp_path)
    Path("note.md").write_text(MARKDOWN, encoding="utf-8")


@pytest.fixture
def in_actions(
    monkeypatch: pytest.MonkeyPatch, github: FakeGitHub, tmp_path: Path
) -> Callable[..., None]:
    """Enter a run of GitHub Actions on the pull request."""

    def enter(token: str = WORKFLOW, **changed: str) -> None:
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": NUMBER}}), encoding="utf-8")
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "812",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_TOKEN": token,
        }
        for name, value in {**environ, **changed}.items():
            monkeypatch.setenv(name, value)

    return enter


def here(github: FakeGitHub, *words: str) -> list[str]:
    """Return the words for our pull request, said on the command line."""
    place = ["--repo", REPOSITORY, "--pr", str(NUMBER), "--api-url", github.url]
    return ["comment", "--body", "note.md", *place, *words]


def a_report(run: int = 900) -> Report:
    return Report(
        perflint="0.1.0",
        base=Revision("b" * 40, "main"),
        head=Revision(HEAD, "HEAD"),
        created="2026-01-02T03:04:05Z",
        seconds=12.0,
        lint=LintResult(),
        run=RunResult(Selection(3, 0), (), None, 0),
        link=RunLink("https://github.com", REPOSITORY, run, 2, NUMBER),
    )


def test_a_report_is_posted_from_a_run_that_says_where(
    github: FakeGitHub, in_actions: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_actions()
    write_report(a_report(), Path("report.json"))
    assert main(["comment", "report.json"]) == 0
    [body] = github.bodies()
    # The run that measured, not the one that posts: by it the results are put in order.
    last = LastVerdict(HEAD, "✅", "nothing to measure")
    assert read_marker(body) == ("default", State(HEAD, "b" * 40, 900, 2, last=last))
    [check] = github.checks.values()
    assert (check["name"], check["conclusion"]) == ("perflint", "success")
    assert "perflint" in body.splitlines()[0]
    assert "comment posted: https://github.example/acme/models/pull/5" in capsys.readouterr().out
    assert not Path("summary.md").exists()


def test_markdown_is_posted_from_the_command_line_alone(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_TOKEN", f" {WORKFLOW}\n")
    words = here(github, "--token-env", "MY_TOKEN", "--key", "notes")
    assert main(words) == main(words) == 0
    [body] = github.bodies()
    assert body.startswith(MARKDOWN)
    assert read_marker(body) == ("notes", State())
    assert "comment kept" in capsys.readouterr().out
    assert github.seen_tokens == {WORKFLOW}


def test_a_dry_run_shows_the_comment_and_sends_nothing(
    github: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["comment", "--body", "note.md", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(MARKDOWN)
    assert read_marker(out) == ("default", State())
    assert github.log == []


@pytest.mark.parametrize(
    ("token", "words", "fault", "says"),
    [
        (EXPIRED, [], None, "does not accept the token (401: Bad credentials)"),
        (READ_ONLY, [], None, "`pull-requests: write`"),
        (WORKFLOW, ["--repo", "acme/other"], None, "finds no pull request acme/other#5 (404"),
        (WORKFLOW, ["--pr", "6"], None, "finds no pull request acme/models#6 (404"),
        (WORKFLOW, [], Fault("GET", 502), "GitHub failed (502"),
        (WORKFLOW, [], Fault("GET", 503, message="Unavailable"), "GitHub failed (503: Unavailable"),
        (WORKFLOW, [], Fault("GET", dropped=True), "cannot reach GitHub"),
        (WORKFLOW, [], Fault("POST", 422, message="Validation Failed"), "422: Validation Failed"),
        ("two words", [], None, "characters that no token has"),
        ("tökèn", [], None, "characters that no token has"),
    ],
)
def test_what_keeps_us_from_posting_is_said_aloud_and_fails_nothing(
    github: FakeGitHub,
    in_actions: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    token: str,
    words: list[str],
    fault: Fault | None,
    says: str,
) -> None:
    in_actions(token)
    github.faults = [fault] * 5 if fault else []
    assert main(["comment", "--body", "note.md", *words]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("perflint: comment not posted: ")
    assert says in err
    assert "The same Markdown is in the job summary" in err
    assert "Traceback" not in err
    assert out.startswith("::warning title=perflint::comment not posted: ")
    assert token not in out + err
    assert Path("summary.md").read_text(encoding="utf-8") == f"{MARKDOWN}\n"
    assert github.bodies() == []


def test_a_locked_conversation_is_named(
    github: FakeGitHub, in_actions: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_actions()
    github.locked = True
    assert main(["comment", "--body", "note.md"]) == 0
    assert "the conversation of pull request acme/models#5 is locked" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_named(
    in_actions: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    in_actions()
    assert main(["comment", "--body", "note.md", "--api-url", address]) == 0
    assert f"cannot reach GitHub at {address}" in capsys.readouterr().err


def test_the_job_summary_keeps_what_stood_there(
    in_actions: Callable[..., None],
) -> None:
    in_actions(READ_ONLY)
    Path("summary.md").write_text("of another step\n", encoding="utf-8")
    main(["comment", "--body", "note.md"])
    assert Path("summary.md").read_text(encoding="utf-8") == f"of another step\n{MARKDOWN}\n"


def test_a_job_summary_that_cannot_be_written_is_said(
    in_actions: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_actions(READ_ONLY, GITHUB_STEP_SUMMARY=str(tmp_path))
    assert main(["comment", "--body", "note.md"]) == 0
    err = capsys.readouterr().err
    assert "cannot be written either" in err
    assert "The same Markdown is in" not in err


def test_outside_actions_there_is_no_job_summary_to_speak_of(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", READ_ONLY)
    assert main(here(github)) == 0
    out, err = capsys.readouterr()
    assert "`pull-requests: write`" in err
    assert "summary" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["comment"], "name either REPORT.json or --body"),
        (["comment", "report.json", "--body", "note.md"], "name either REPORT.json or --body"),
        (["comment", "--body", "missing.md"], "cannot read the Markdown in missing.md"),
        (["comment", "missing.json"], "cannot read the report missing.json"),
        (["comment", "note.md"], "no report of perflint"),
        (["comment", "--body", "note.md"], "say --repo OWNER/NAME"),
        (["comment", "--body", "note.md", "--repo", "acme/models"], "say --pr NUMBER"),
        (["comment", "--body", "note.md", "--repo", "acme", "--pr", "5"], "write OWNER/NAME"),
        (["comment", "--body", "note.md", "--repo", "a/b", "--pr", "0"], "0 is no number"),
        (
            ["comment", "--body", "note.md", "--repo", "acme/models", "--pr", "5"],
            "the environment variable GITHUB_TOKEN has no token",
        ),
        (
            ["comment", "--body", "note.md", "--repo", "a/b", "--pr", "5", "--token-env", "T"],
            "the environment variable T has no token",
        ),
        (["comment", "--body", "note.md", "--dry-run", "--key", "a b"], "cannot be the key"),
        (["comment", "--body", "long.md", "--dry-run"], "GitHub takes 65,536"),
        (["comment", "--body", "empty.md", "--dry-run"], "empty.md is empty"),
    ],
)
def test_what_the_user_can_mend_ends_in_status_2_and_says_how(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("long.md").write_text("x" * 65_536, encoding="utf-8")
    Path("empty.md").write_text(" \n", encoding="utf-8")
    assert main(words) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err


def test_a_push_has_no_pull_request_to_tell(
    in_actions: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_actions(GITHUB_EVENT_NAME="push")
    (tmp_path / "event.json").write_text("{}", encoding="utf-8")
    assert main(["comment", "--body", "note.md"]) == 2
    assert "this run's event is 'push'" in capsys.readouterr().err


def test_the_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["comment", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    options = ("--body", "--repo", "--pr", "--token-env", "--api-url", "--key", "--dry-run")
    assert [option for option in options if option not in told] == []


def test_inside_ci_a_missing_token_fails_nothing(bot: Bot, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    outcome = tell_page(MARKDOWN, bot.target(), State(), token=None, summary=summary)
    assert isinstance(outcome.comment, NotPosted)
    assert "GITHUB_TOKEN: ${{ github.token }}" in str(outcome)
    assert summary.read_text(encoding="utf-8") == f"{MARKDOWN}\n"


def test_words_of_a_server_cannot_give_commands_to_the_runner(
    capsys: pytest.CaptureFixture[str],
) -> None:
    announce(Published(NotPosted("no\n::error::forged 100%")), in_actions=True)
    assert capsys.readouterr().out == (
        "::warning title=perflint::comment not posted: no%0A::error::forged 100%25\n"
    )


def with_findings(count: int) -> Report:
    """A report whose comment shows the first ten findings only."""
    lint = LintResult(tuple(finding(line=line) for line in range(1, count + 1)))
    return replace(a_report(), lint=lint)


def test_a_fork_loses_no_finding_and_is_told_the_missing_permission(
    github: FakeGitHub, in_actions: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_actions(READ_ONLY)
    write_report(with_findings(40), Path("report.json"))
    assert main(["comment", "report.json"]) == 0
    out, err = capsys.readouterr()
    assert "`pull-requests: write`" in err
    assert "`checks: write`" in err
    assert "The same Markdown is in the job summary" in err
    assert out.count("::warning file=minitrain/steps.py,line=") == 40
    summary = Path("summary.md").read_text(encoding="utf-8")
    assert summary.startswith("### ")
    assert sum(f"minitrain/steps.py:{line}`" in summary for line in range(1, 41)) == 40
    assert (github.bodies(), github.checks, github.writes[3:]) == ([], {}, [])


def test_a_summary_never_grows_beyond_what_github_takes() -> None:
    found = all_findings(with_findings(30_000))
    assert len(found.encode()) < 800_000
    assert "more findings, which report.json has" in found


def test_without_the_permission_for_checks_the_log_has_the_annotations(
    github: FakeGitHub, in_actions: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_actions()
    github.accounts[WORKFLOW] = Account("github-actions[bot]", permissions={"checks": "none"})
    write_report(with_findings(3), Path("report.json"))
    assert main(["comment", "report.json"]) == 0
    out, err = capsys.readouterr()
    assert len(github.bodies()) == 1
    assert out.count("::warning file=") == 3
    assert "comment posted" in out
    assert "checks" in err


def test_an_empty_token_is_said_and_keeps_all(tmp_path: Path, bot: Bot) -> None:
    summary = tmp_path / "summary.md"
    done = tell_report(with_findings(12), bot.target(), token=None, summary=summary)
    assert isinstance(done.comment, NotPosted)
    assert "there is no token" in str(done)
    assert "minitrain/steps.py:12" in summary.read_text(encoding="utf-8")
