"""What is told of a run before its result, once the job that lints has handed it over."""

from collections.abc import Callable

import pytest

pytest.importorskip("github")
pytest.importorskip("githubkit_schemas")

from torch_perflint.bot.handoff import publish_run

from ..github.lives import checks
from ..github.routes_actions import Run, add_artifact, add_run, begin_again
from ..github.server import HEAD, NUMBER, REPOSITORY, FakeGitHub, Pull
from .conftest import Publish
from .handed import FORK, hand_outlook, made_by, zipped

PAGE = f"https://github.example/{REPOSITORY}/actions/runs/"


def begun(github: FakeGitHub, publish: Publish, **facts: object) -> Run:
    run = add_run(github, **({"status": "in_progress", "conclusion": None} | facts))
    assert publish(run, action="requested") == 0
    return run


def test_what_a_run_is_going_to_do_is_one_more_write(github: FakeGitHub, publish: Publish) -> None:
    run = begun(github, publish)
    assert github.bodies()[0].startswith("### ⏳ perflint: measuring `aaaaaaa`\n")
    footer = f"<sub>[run {run.id}]({PAGE}{run.id}) · `/perflint cancel` · `/perflint help`</sub>"
    assert footer in github.bodies()[0]
    check = dict(github.checks[max(github.checks)])
    before = len(github.writes)
    run.jobs = {"lint": ("completed", "x"), "measure": ("in_progress", "self-hosted", "gpu")}
    hand_outlook(github, run)
    publish(run, action="requested")
    [body] = github.bodies()
    assert body.startswith(
        "### ⏳ perflint: measuring `aaaaaaa` on `gpu` — 3 perf tests, "
        "about 2 min of timing at most\n"
    )
    assert "\nLint: 1 new finding." in body and footer in body
    assert len(github.writes) == before + 1
    assert github.checks[max(github.checks)] == check
    publish(run, action="requested")
    assert len(github.writes) == before + 1
    run.status, run.conclusion = "completed", "success"
    add_artifact(github, run.id, zipped(made_by(run)))
    publish(run)
    assert github.bodies()[0].startswith("### 🔴")
    assert len(github.writes) == 6


def test_a_machine_that_does_not_measure_yet_is_not_named(
    github: FakeGitHub, publish: Publish
) -> None:
    run = begun(github, publish)
    run.jobs = {"lint": ("in_progress", "x"), "measure": ("queued", "gpu")}
    hand_outlook(github, run, affected=0)
    publish(run, action="requested")
    assert "measuring `aaaaaaa` — no perf test affected\n" in github.bodies()[0]


def test_a_fork_that_waits_is_told_what_would_run(github: FakeGitHub, publish: Publish) -> None:
    github.pulls[NUMBER] = Pull(owner="contributor", repository_id=2)
    run = begun(github, publish, status="waiting", head_place=FORK)
    hand_outlook(github, run, affected=1, findings=0)
    publish(run, action="requested")
    [body] = github.bodies()
    assert "1 perf test is affected. Lint, which runs without approval: no new findings." in body
    assert "· `/perflint help`</sub>" in body and "cancel" not in body
    assert checks(github) == [("queued", None)]


def test_without_commands_none_is_named(github: FakeGitHub, publish: Publish) -> None:
    run = add_run(github, status="in_progress", conclusion=None)
    publish(run, "--no-commands", action="requested")
    assert f"<sub>[run {run.id}]({PAGE}{run.id})</sub>" in github.bodies()[0]


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Callable[[], object]]], list[float]]:
    """Do a thing of a list in each nap; the clock goes on in naps alone. Return their lengths."""

    def prepare(todo: list[Callable[[], object]]) -> list[float]:
        lengths: list[float] = []

        def sleep(seconds: float) -> None:
            lengths.append(seconds)
            if todo:
                todo.pop(0)()

        monkeypatch.setattr(publish_run.time, "sleep", sleep)
        monkeypatch.setattr(publish_run.time, "monotonic", lambda: sum(lengths))
        return lengths

    return prepare


Naps = Callable[[list[Callable[[], object]]], list[float]]


def test_the_job_that_tells_waits_for_the_lint(
    github: FakeGitHub, publish: Publish, naps: Naps
) -> None:
    run = add_run(github, status="in_progress", conclusion=None)
    lengths = naps([lambda: None, lambda: hand_outlook(github, run)])
    publish(run, action="requested", follow="300")
    assert "Lint: 1 new finding." in github.bodies()[0]
    assert lengths == [15.0, 15.0]


def test_it_waits_no_longer_than_it_was_told_to(
    github: FakeGitHub, publish: Publish, naps: Naps
) -> None:
    lengths = naps([])
    run = add_run(github, status="in_progress", conclusion=None)
    assert publish(run, action="requested", follow="40") == 0
    assert lengths == [15.0, 15.0, 10.0]
    assert "Lint" not in github.bodies()[0]


@pytest.mark.parametrize("event", ["over", "again"])
def test_it_waits_for_no_run_that_is_over(
    github: FakeGitHub, publish: Publish, naps: Naps, event: str
) -> None:
    run = add_run(github, status="in_progress", conclusion=None)

    def end() -> None:
        run.status = "completed"
        if event == "again":
            begin_again(github, run)

    lengths = naps([end])
    assert publish(run, action="requested", follow="300") == 0
    assert lengths == [15.0]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other.json"},
        {"affected": -1},
        {"affected": 10**7},
        {"findings": "<b>none</b>"},
        {"seconds": 1e9},
        {"more": "x" * 5000},
    ],
)
def test_what_is_no_outlook_is_refused_and_the_log_says_so(
    github: FakeGitHub,
    publish: Publish,
    naps: Naps,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, object],
) -> None:
    lengths = naps([])
    run = add_run(github, status="in_progress", conclusion=None)
    hand_outlook(github, run, **changed)  # type: ignore[arg-type]
    assert publish(run, action="requested", follow="300") == 0
    assert "what it is going to do was refused: " in capsys.readouterr().out
    assert github.bodies()[0].startswith("### ⏳ perflint: measuring `aaaaaaa`\n")
    assert lengths == []


def test_a_new_attempt_does_not_tell_what_the_one_before_it_was_going_to_do(
    github: FakeGitHub, publish: Publish
) -> None:
    run = add_run(github, status="in_progress", conclusion=None)
    hand_outlook(github, run)
    begin_again(github, run)
    publish(run, action="requested")
    assert "Lint" not in github.bodies()[0]


@pytest.mark.parametrize(("place", "told"), [((1, REPOSITORY), True), (FORK, False)])
def test_a_run_by_command_tells_what_the_lint_of_the_push_has_found(
    github: FakeGitHub, publish: Publish, place: tuple[int, str], told: bool
) -> None:
    """Of the same commit in somebody else's fork nothing is told, and of no number of tests."""
    push = add_run(github, head_place=place)
    hand_outlook(github, push)
    asked = add_run(
        github,
        event="workflow_dispatch",
        head="f" * 40,
        branch="main",
        path=".github/workflows/perflint-measure.yml",
        title=f"perflint #{NUMBER} at {HEAD} for comment 7",
        status="in_progress",
        conclusion=None,
        jobs={"measure": ("in_progress", "gpu")},
    )
    workflows = ("--workflow", "perflint.yml", "--workflow", "perflint-measure.yml")
    publish(asked, *workflows, action="requested", follow="300")
    [body] = github.bodies()
    assert ("Lint: 1 new finding." in body) is told
    where = " on `gpu`" if told else ""
    assert body.startswith(f"### ⏳ perflint: measuring `aaaaaaa`{where}\n")
