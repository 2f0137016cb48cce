"""`perflint bot publish` from the event of a run to what stands on the pull request."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("github")
pytest.importorskip("githubkit_schemas")

from torch_perflint import PerflintError
from torch_perflint.bot.handoff.publish_run import read_event
from torch_perflint.bot.handoff.publisher import RunEvent
from torch_perflint.bot.report import Report, Revision, RunLink
from torch_perflint.bot.sticky import read_marker

from ..github.lives import checks
from ..github.routes_actions import Run, add_artifact, add_run, begin_again
from ..github.server import HEAD, NUMBER, READ_ONLY, REPOSITORY, FakeGitHub, Pull
from .conftest import Publish
from .handed import FORK, made_by, zipped
from .hostile import HOSTILE

Captured = pytest.CaptureFixture[str]


WITHOUT = "### ⚠️ perflint: the run for `aaaaaaa` ended without a result"


def headline(github: FakeGitHub) -> str:
    [body] = github.bodies()
    return body.partition("\n")[0]


def begun(github: FakeGitHub, publish: Publish) -> Run:
    """A run whose beginning was told, and which is over by now."""
    run = add_run(github, status="in_progress", conclusion=None)
    assert publish(run, action="requested") == 0
    run.status, run.conclusion = "completed", "success"
    return run


def handed_over(github: FakeGitHub, run: Run, **changed: object) -> Report:
    made = made_by(run, **changed)  # type: ignore[arg-type]
    add_artifact(github, run.id, zipped(made))
    return made


def test_a_result_is_told_to_the_pull_request_that_ran(
    github: FakeGitHub, publish: Publish
) -> None:
    run = add_run(github)
    handed_over(github, run)
    assert publish(run) == 0
    [body] = github.bodies()
    assert body.startswith("### 🔴 perflint: `test_gpt_train` runs 26.3% slower")
    assert f"https://github.example/{REPOSITORY}/actions/runs/{run.id}" in body
    found = read_marker(body)
    assert found and (found[1].head, found[1].run, found[1].attempt) == (HEAD, run.id, 1)
    assert github.storage.authorizations == []


def test_the_life_of_a_run_is_one_comment(github: FakeGitHub, publish: Publish) -> None:
    run = add_run(github, status="queued", conclusion=None)
    assert publish(run, action="requested") == 0
    assert headline(github) == "### ⏳ perflint: measuring `aaaaaaa`"
    assert checks(github) == [("in_progress", None)]
    run.status, run.conclusion = "completed", "failure"
    begun = len(github.log), len(github.writes)
    handed_over(github, run)
    assert publish(run) == 0
    assert headline(github).startswith("### 🔴")
    assert checks(github) == [("completed", "failure")]
    assert github.pulls[NUMBER].labels == ["perf-regression"]
    assert len(github.writes) == begun[1] + 3 <= 6
    # The run, the pull request, the artifact and where it is, and the base are asked for first.
    assert len(github.log) - begun[0] <= 5 + 8
    before = list(github.writes)
    assert publish(run) == 0
    assert github.writes == before


def test_a_forks_run_waits_and_then_has_its_result(github: FakeGitHub, publish: Publish) -> None:
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    run = add_run(github, status="queued", conclusion=None, head_place=FORK)
    assert publish(run, action="requested") == 0
    assert headline(github).startswith("### ⏸️ perflint: waiting for a maintainer")
    assert "affected" not in github.bodies()[0]
    # Its reviewers approve it on its page.
    page = f"https://github.example/{REPOSITORY}/actions/runs/{run.id}"
    assert f"and approves [run {run.id}]({page})" in github.bodies()[0]
    assert checks(github) == [("queued", None)]
    run.status, run.conclusion = "completed", "success"
    handed_over(github, run)
    assert publish(run) == 0
    assert headline(github).startswith("### 🔴")


GATED = ("--environment", "perflint-fork")


def forged(github: FakeGitHub, publish: Publish) -> Run:
    """A fork's run that waited, and handed over a report."""
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    run = add_run(github, status="waiting", conclusion=None, head_place=FORK)
    publish(run, *GATED, action="requested")
    run.status, run.conclusion = "completed", "success"
    handed_over(github, run)
    return run


@pytest.mark.parametrize(
    ("reviews", "says"),
    [
        ([], "no reviewer of the environment perflint-fork has approved it"),
        ([("approved", "staging")], "no reviewer of the environment perflint-fork"),
        ([("pending", "perflint-fork")], "no reviewer of the environment perflint-fork"),
        ([("rejected", "perflint-fork")], "a reviewer of the environment perflint-fork rejected"),
    ],
)
def test_a_report_of_a_forks_run_that_nobody_approved_is_refused_and_that_is_said(
    github: FakeGitHub, publish: Publish, reviews: list[tuple[str, str]], says: str
) -> None:
    """A fork that takes the environment out of its workflow runs by itself, on a machine of its."""
    run = forged(github, publish)
    github.reviews[run.id] = reviews
    assert publish(run, *GATED) == 1
    [body] = github.bodies()
    assert body.startswith(WITHOUT)
    assert f"Its report was refused: {says}" in body and "26.3%" not in body
    assert checks(github) == [("completed", "failure")]
    assert github.storage.asked == []


def test_a_report_of_a_forks_run_that_was_approved_is_told(
    github: FakeGitHub, publish: Publish
) -> None:
    run = forged(github, publish)
    github.reviews[run.id] = [("rejected", "perflint-fork"), ("approved", "Perflint-Fork")]
    requests = len(github.log)
    assert publish(run, *GATED) == 0
    assert headline(github).startswith("### 🔴")
    # One more than where no environment is named, and one for the files that the fork edits.
    assert len(github.log) - requests <= 7 + 8


@pytest.mark.parametrize(
    ("words", "reviews", "says"),
    [
        (GATED, [], "No reviewer of the environment perflint-fork has approved it."),
        (GATED, [("rejected", "perflint-fork")], "A reviewer of the environment perflint-fork rej"),
        ((), [("rejected", "perflint-fork")], "A reviewer rejected it."),
        (GATED, [("approved", "perflint-fork")], "It failed before it had a report."),
        ((), [], "It failed before it had a report."),
    ],
)
def test_a_forks_run_that_nobody_let_go_on_is_told_so(
    github: FakeGitHub,
    publish: Publish,
    words: tuple[str, ...],
    reviews: list[tuple[str, str]],
    says: str,
) -> None:
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    run = add_run(github, status="waiting", conclusion=None, head_place=FORK)
    publish(run, *words, action="requested")
    run.status, run.conclusion = "completed", "failure"
    github.reviews[run.id] = reviews
    assert publish(run, *words) == 0
    [body] = github.bodies()
    assert body.startswith(WITHOUT) and says in body
    assert len([line for line in github.log if "/approvals" in line]) == 1


@pytest.mark.parametrize("conclusion", ["success", "cancelled", "timed_out"])
def test_where_no_approval_can_be_the_reason_none_is_asked_for(
    github: FakeGitHub, publish: Publish, conclusion: str
) -> None:
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    run = add_run(github, head_place=FORK, conclusion=conclusion)
    assert publish(run, *GATED) == 0
    assert publish(add_run(github, conclusion="failure"), *GATED) == 0
    assert not [line for line in github.log if "/approvals" in line]


def test_a_run_of_ours_needs_no_approval(github: FakeGitHub, publish: Publish) -> None:
    run = add_run(github)
    handed_over(github, run)
    assert publish(run, *GATED) == 0
    assert headline(github).startswith("### 🔴")
    assert not [line for line in github.log if "/approvals" in line]


def deleted(github: FakeGitHub, run: Run, pull: Pull) -> None:
    """The fork of a run is deleted, which closes its pull request, and the run ends."""
    run.head_place = pull.repository_id = None
    pull.state = "closed"
    run.status, run.conclusion = "completed", "success"


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_fork_that_is_deleted_in_the_middle_leaves_no_hourglass(
    github: FakeGitHub, publish: Publish, attempt: int
) -> None:
    pull = github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    status = {"status": "queued", "conclusion": None, "attempt": attempt}
    run = add_run(github, head_place=FORK, **status)
    assert publish(run, action="requested") == 0
    deleted(github, run, pull)
    handed_over(github, run)
    requests = len(github.log)
    assert publish(run) == 0
    [body] = github.bodies()
    assert body.startswith(WITHOUT)
    assert "The fork that it took its code from was deleted" in body
    assert checks(github) == [("completed", "failure")]
    assert len(github.log) - requests <= 2 + 6
    before = list(github.writes)
    assert publish(run) == 0
    assert github.writes == before


@pytest.mark.parametrize("listed", [(NUMBER, 6), (6, NUMBER)])
def test_a_fork_that_is_deleted_ends_nothing_of_other_runs_on_the_same_commit(
    github: FakeGitHub, publish: Publish, listed: tuple[int, ...]
) -> None:
    """Two forks may have the same commit: by what stands there we know which is which."""
    mine = Pull(owner="contributor", repository_id=2)
    other = Pull(6, owner="other", repository_id=3)
    github.pulls = {number: mine if number == NUMBER else other for number in listed}
    theirs = add_run(github, head_place=(3, "other/models"), status="queued", conclusion=None)
    publish(theirs, action="requested")
    run = add_run(github, head_place=FORK, status="queued", conclusion=None)
    publish(run, action="requested")
    other.repository_id = None
    deleted(github, run, mine)
    assert publish(run) == 0
    told = {github.thread[number]: one["body"] for number, one in github.comments.items()}
    assert told[6].startswith("### ⏸️") and told[NUMBER].startswith(WITHOUT)


def test_of_a_deleted_fork_that_was_told_nothing_nothing_is_told(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    pull = github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    run = add_run(github, head_place=FORK)
    deleted(github, run, pull)
    handed_over(github, run)
    assert publish(run) == 0
    assert github.writes == []
    assert "took its code from is gone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "conclusion"), [("waiting", None), ("completed", "action_required")]
)
def test_a_run_that_github_holds_back_waits(
    github: FakeGitHub, publish: Publish, status: str, conclusion: str | None
) -> None:
    run = add_run(github, status=status, conclusion=conclusion)
    assert publish(run) == 0
    assert headline(github).startswith("### ⏸️")


@pytest.mark.parametrize(
    ("conclusion", "heading", "says", "ends"),
    [
        ("cancelled", "### ⏹️ perflint: the run for `aaaaaaa` was cancelled", "", "cancelled"),
        ("timed_out", "### ⚠️ perflint: the run for `aaaaaaa` took too long", "", "timed_out"),
        ("failure", WITHOUT, "It failed before it had a report", "failure"),
        ("success", WITHOUT, "It handed over no report", "failure"),
        ("startup_failure", WITHOUT, "GitHub could not start it", "failure"),
        ("stale", WITHOUT, "It ended without a report", "failure"),
    ],
)
def test_a_run_that_ends_without_a_report_leaves_no_hourglass(
    github: FakeGitHub, publish: Publish, conclusion: str, heading: str, says: str, ends: str
) -> None:
    run = add_run(github, status="in_progress", conclusion=None)
    publish(run, action="requested")
    run.status, run.conclusion = "completed", conclusion
    assert publish(run) == 0
    [body] = github.bodies()
    assert body.startswith(heading)
    assert says in body
    assert checks(github) == [("completed", ends)]


def test_a_run_for_a_head_that_was_pushed_over_ends_its_check_and_no_newer_comment(
    github: FakeGitHub, publish: Publish
) -> None:
    old = add_run(github, status="in_progress", conclusion=None)
    publish(old, action="requested")
    github.head = "c" * 40
    new = add_run(github, head=github.head, status="in_progress", conclusion=None)
    publish(new, action="requested")
    old.status, old.conclusion = "completed", "cancelled"
    assert publish(old) == 0
    assert checks(github, HEAD) == [("completed", "cancelled")]
    assert checks(github, new.head) == [("in_progress", None)]
    assert headline(github) == "### ⏳ perflint: measuring `ccccccc`"


def test_a_result_that_comes_after_a_push_is_on_its_own_commit_alone(
    github: FakeGitHub, publish: Publish
) -> None:
    old = add_run(github)
    handed_over(github, old)
    github.head = "c" * 40
    new = add_run(github, head=github.head, status="queued", conclusion=None)
    publish(new, action="requested")
    before = github.bodies()
    assert publish(old) == 0
    assert checks(github, HEAD) == [("completed", "failure")]
    assert (github.bodies(), github.pulls[NUMBER].labels) == (before, [])
    # And an event that comes late begins nothing on it.
    late = add_run(github, status="queued", conclusion=None)
    assert publish(late, action="requested") == 0
    assert checks(github, HEAD) == [("completed", "failure")]


@pytest.mark.parametrize("reported", [True, False])
def test_a_closed_pull_request_keeps_no_hourglass(
    github: FakeGitHub, publish: Publish, reported: bool
) -> None:
    run = add_run(github, status="queued", conclusion=None)
    publish(run, action="requested")
    github.pulls[NUMBER].state = "closed"
    run.status, run.conclusion = "completed", "success" if reported else "cancelled"
    if reported:
        handed_over(github, run)
    assert publish(run) == 0
    assert headline(github).startswith("### 🔴" if reported else "### ⏹️")
    assert checks(github) == [("completed", "failure" if reported else "cancelled")]
    assert github.pulls[NUMBER].labels == []


def test_a_run_that_was_skipped_is_told_to_nobody(github: FakeGitHub, publish: Publish) -> None:
    assert publish(add_run(github, conclusion="skipped")) == 0
    assert github.bodies() == []


def test_a_report_about_another_pull_request_is_refused_and_that_is_said(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    github.pulls[2] = Pull(2, owner="victim", branch="other", head="d" * 40)
    run = begun(github, publish)
    handed_over(github, run, pull=2)
    assert publish(run) == 1
    [body] = github.bodies()
    assert github.thread[next(iter(github.comments))] == NUMBER
    assert "Its report was refused: it says that it is about another pull request than" in body
    assert "::warning title=perflint::" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"head": Revision("d" * 40, "HEAD")}, "another commit than the"),
        ({"base": Revision("d" * 40, "main")}, "base branch does not have"),
        ({"link": RunLink("https://github.com", "evil/models", 1)}, "another repository"),
        ({"link": RunLink("https://github.com", REPOSITORY, 1)}, "another run than"),
    ],
)
def test_a_report_that_lies_is_refused_and_that_is_said(
    github: FakeGitHub, publish: Publish, changed: dict[str, object], says: str
) -> None:
    run = begun(github, publish)
    handed_over(github, run, **changed)
    assert publish(run) == 1
    [body] = github.bodies()
    assert "ended without a result" in body and says in body
    assert "26.3%" not in body and "d" * 40 not in body


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_that_is_said(
    github: FakeGitHub, publish: Publish, name: str
) -> None:
    run = begun(github, publish)
    add_artifact(github, run.id, HOSTILE[name]() or b"\0")
    assert publish(run) == 1
    [body] = github.bodies()
    assert "Its report was refused" in body
    assert len(body) < 1500
    assert checks(github) == [("completed", "failure")]


def test_no_link_of_the_artifact_gets_into_the_comment(
    github: FakeGitHub, publish: Publish
) -> None:
    run = add_run(github)
    evil = RunLink("https://evil.example", REPOSITORY, run.id, 1, NUMBER)
    handed_over(github, run, link=evil)
    assert publish(run) == 0
    assert "evil.example" not in github.bodies()[0]
    assert f"https://github.example/{REPOSITORY}/commit/{'b' * 40}" in github.bodies()[0]


@pytest.mark.parametrize(
    ("pull", "says"),
    [
        (Pull(head="e" * 40, state="closed"), "which is the head of no pull request any more"),
        (Pull(repository_id=3), "no pull request has the branch"),
        (Pull(branch="another"), "no pull request has the branch"),
    ],
)
def test_what_belongs_to_no_pull_request_is_told_to_none(
    github: FakeGitHub, publish: Publish, capsys: Captured, pull: Pull, says: str
) -> None:
    github.pulls[NUMBER] = pull
    run = add_run(github)
    handed_over(github, run)
    assert publish(run) == 0
    assert github.bodies() == [] and github.writes == []
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("pull", [Pull(head="e" * 40), Pull(state="closed")])
def test_of_an_old_head_or_a_closed_pull_request_the_check_alone_tells(
    github: FakeGitHub, publish: Publish, pull: Pull
) -> None:
    github.pulls[NUMBER] = pull
    run = add_run(github)
    handed_over(github, run)
    assert publish(run) == 0
    assert github.bodies() == [] and pull.labels == []
    assert checks(github, HEAD) == [("completed", "failure")]


def test_of_two_pull_requests_of_one_branch_the_one_that_was_measured_is_told(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    github.pulls[6] = Pull(6)
    run = add_run(github, status="queued", conclusion=None)
    assert publish(run, action="requested") == 0
    assert "which is it?" in capsys.readouterr().out
    run.status = "completed"
    handed_over(github, run, pull=6)
    assert publish(run) == 0
    assert list(github.thread.values()) == [6]


def test_an_event_of_an_older_attempt_tells_nothing(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    run = add_run(github)
    handed_over(github, run)
    github.runs[run.id] = replace(run, attempt=2, status="queued", conclusion=None)
    assert publish(run) == 0
    assert github.writes == []
    assert "attempt 2 of run" in capsys.readouterr().out


def test_an_event_that_comes_late_does_not_tell_that_the_run_goes_on(
    github: FakeGitHub, publish: Publish
) -> None:
    run = add_run(github)
    handed_over(github, run)
    assert publish(run, action="requested") == 0
    assert headline(github).startswith("### 🔴")


def test_the_newest_artifact_counts_and_an_expired_one_is_said(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    run = add_run(github)
    add_artifact(github, run.id, b"no zip")
    add_artifact(github, run.id, zipped(made_by(run)))
    assert publish(run) == 0
    add_artifact(github, run.id, zipped(made_by(run)), expired=True)
    assert publish(run) == 1
    assert "GitHub keeps it no longer" in capsys.readouterr().out
    assert headline(github).startswith("### 🔴")  # what was told before is true all the same


@pytest.mark.parametrize(
    ("conclusion", "says"),
    [("failure", "It failed before it had a report"), ("success", "It handed over no report")],
)
def test_a_new_attempt_is_not_told_with_the_report_of_the_one_before_it(
    github: FakeGitHub, publish: Publish, conclusion: str, says: str
) -> None:
    run = add_run(github, conclusion="failure")
    handed_over(github, run)
    assert publish(run) == 0
    begin_again(github, run)
    assert publish(run, action="requested") == 0
    run.status, run.conclusion = "completed", conclusion
    assert publish(run) == 0
    [body] = github.bodies()
    assert body.startswith(WITHOUT) and says in body
    # Its own is taken, however many there are.
    begin_again(github, run)
    publish(run, action="requested")
    run.status, run.conclusion = "completed", "success"
    handed_over(github, run)
    assert publish(run) == 0
    assert headline(github).startswith("### 🔴")
    found = read_marker(github.bodies()[0])
    assert found and found[1].attempt == 3


def test_runs_of_other_workflows_are_passed_over(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    run = add_run(github, path=".github/workflows/evil.yml")
    handed_over(github, run)
    assert publish(run, "--workflow", "perflint.yml") == 0
    assert github.writes == []
    assert "of another workflow than perflint.yml" in capsys.readouterr().out
    handed_over(github, replace(run, id=add_run(github).id))
    assert publish(github.runs[run.id + 2], "--workflow", "perflint.yml") == 0
    assert len(github.bodies()) == 1


def test_a_run_that_a_command_started_tells_the_pull_request_of_its_name(
    github: FakeGitHub, publish: Publish
) -> None:
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    title = f"perflint #{NUMBER} at {HEAD}"
    run = add_run(github, event="workflow_dispatch", head="f" * 40, branch="main", title=title)
    handed_over(github, run, pull=None)
    assert publish(run) == 0
    assert headline(github).startswith("### 🔴")
    assert checks(github, HEAD) == [("completed", "failure")]
    github.pulls[NUMBER].head = "e" * 40
    before = list(github.writes)
    assert publish(run) == 0
    assert github.writes == before


def test_a_run_that_a_command_started_is_believed_about_no_other_commit(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    """Whatever was checked out, the commit that was approved is what a result may be about."""
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    title = f"perflint #{NUMBER} at {HEAD} for comment 7"
    run = add_run(github, event="workflow_dispatch", head="f" * 40, branch="main", title=title)
    handed_over(github, run, head=Revision("d" * 40, "HEAD"))
    assert publish(run) == 1
    assert "another commit than the aaaaaaaaaaaa" in capsys.readouterr().out
    assert checks(github, HEAD) == [("completed", "failure")]
    assert checks(github, "d" * 40) == [] and github.bodies() == []


def test_where_the_comment_cannot_be_written_the_job_summary_has_it(
    github: FakeGitHub, publish: Publish, capsys: Captured, tmp_path: Path
) -> None:
    run = add_run(github)
    handed_over(github, run)
    assert publish(run, token=READ_ONLY) == 0
    summary = (tmp_path / "summary.md").read_text()
    assert "### 🔴 perflint" in summary
    out = capsys.readouterr().out
    assert "The same Markdown is in the job summary" in out
    assert "`pull-requests: write`" in out and "`checks: write`" in out
    assert "::error file=minitrain/" in out


def test_another_event_is_refused(
    github: FakeGitHub,
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    run = add_run(github)
    assert publish(run, token=" ") == 2
    assert "has no token" in capsys.readouterr().err
    for text in ("{}", '{"workflow_run": {"id": "5"}}', "[" * 10**5, ""):
        with pytest.raises(PerflintError):
            read_event(text)
    assert read_event('{"workflow_run": {"id": 5}}') == RunEvent(5, 1)


@pytest.mark.parametrize("hostile", ["::set-output name=x::y", "##[add-mask]z", "a\n::error::b"])
def test_no_text_of_strangers_is_a_command_in_the_log(
    github: FakeGitHub, publish: Publish, capsys: Captured, hostile: str
) -> None:
    run = add_run(github, branch=hostile, title=hostile, path=hostile)
    github.pulls[NUMBER].branch = hostile
    made = handed_over(github, run, perflint=hostile)
    bad = json.loads(json.dumps({"v": made.perflint}))["v"]
    assert bad == hostile
    publish(run)
    said = capsys.readouterr()
    lines = (said.out + said.err).splitlines()
    assert lines
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


BUG = """
import sys
from torch_perflint.__main__ import main
from torch_perflint.bot.handoff import publish_run
def broken(text):
    raise {error}("x\\n::error::forged\\n  ::add-mask::y\\nsome ##[error]forged")
publish_run.read_event = broken
sys.exit(main(["bot", "publish"]))
"""


@pytest.mark.parametrize(
    ("error", "says"), [("ValueError", "this is a bug"), ("publish_run.PerflintError", "perflint:")]
)
def test_an_error_with_a_strangers_words_is_no_command_either(
    tmp_path: Path, error: str, says: str
) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": "1",
        "GITHUB_EVENT_NAME": "workflow_run",
        "GITHUB_EVENT_PATH": str(event),
    }
    done = subprocess.run(
        [sys.executable, "-c", BUG.format(error=error)],
        capture_output=True,
        text=True,
        env={**os.environ, **actions},
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert says in done.stderr and "forged" in done.stderr
    lines = (done.stdout + done.stderr).splitlines()
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
