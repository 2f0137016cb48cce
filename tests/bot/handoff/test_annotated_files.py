"""On which files a run's report may put annotations, and whether its comment tells of commands."""

import pytest

pytest.importorskip("github")
pytest.importorskip("githubkit_schemas")

from torch_perflint.bot.report import LintResult

from ..github.routes_actions import add_artifact, add_run
from ..github.server import HEAD, NUMBER, FakeGitHub, Fault, Pull
from ..reports import finding
from .conftest import Publish
from .handed import FORK, made_by, zipped

Captured = pytest.CaptureFixture[str]


def tell(github: FakeGitHub, publish: Publish, *words: str, fork: bool = True) -> int:
    """Tell what a run found in two files, of which the pull request edits one."""
    files = [f"earlier_{number}.py" for number in range(150)]
    owner, place = ("contributor", 2) if fork else ("acme", 1)
    github.pulls[NUMBER] = Pull(
        owner=owner, repository_id=place, files=[*files, "train.py", "later.py"]
    )
    run = add_run(github, head_place=FORK) if fork else add_run(github)
    lint = LintResult((finding("train.py"), finding("secrets.py")))
    add_artifact(github, run.id, zipped(made_by(run, lint=lint)))
    return publish(run, *words)


def annotated(github: FakeGitHub) -> set[str]:
    return {one["path"] for told in github.annotations.values() for one in told} & {
        "train.py",
        "secrets.py",
    }


def test_a_stranger_annotates_no_file_that_the_pull_request_leaves_alone(
    github: FakeGitHub, publish: Publish
) -> None:
    assert tell(github, publish) == 0
    assert annotated(github) == {"train.py"}
    # The comment has it all the same: nothing is lost.
    assert "secrets.py" in github.bodies()[0]
    # The second page has what was looked for; the rest is not asked for.
    assert sum("/files?" in line for line in map(str, github.log)) == 2


def test_a_stranger_whose_run_a_command_started_annotates_no_more(
    github: FakeGitHub, publish: Publish
) -> None:
    """To GitHub such a run is this repository's: whose code it measured, the pull request says."""
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2, files=["train.py"])
    title = f"perflint #{NUMBER} at {HEAD} for comment 7"
    run = add_run(github, event="workflow_dispatch", head="f" * 40, branch="main", title=title)
    lint = LintResult((finding("train.py"), finding("secrets.py")))
    add_artifact(github, run.id, zipped(made_by(run, pull=None, lint=lint)))
    assert publish(run) == 0
    assert annotated(github) == {"train.py"}


def test_our_own_run_may_name_any_file_and_nobody_is_asked(
    github: FakeGitHub, publish: Publish
) -> None:
    assert tell(github, publish, fork=False) == 0
    assert annotated(github) == {"train.py", "secrets.py"}
    assert not any("/files?" in line for line in map(str, github.log))


def test_the_log_of_the_job_is_as_careful_where_the_check_cannot_be_written(
    github: FakeGitHub, publish: Publish, capsys: Captured
) -> None:
    github.faults = [Fault("POST", 422, path="/check-runs")]
    tell(github, publish)
    out = capsys.readouterr().out
    assert "file=train.py" in out
    assert "file=secrets.py" not in out


def test_commands_are_told_only_where_somebody_reads_them(
    github: FakeGitHub, publish: Publish
) -> None:
    tell(github, publish, "--no-commands")
    assert "/perflint" not in github.bodies()[0]
    tell(github, publish)
    assert "/perflint ack" in github.bodies()[0]
