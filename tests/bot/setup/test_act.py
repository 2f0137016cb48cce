"""The workflows that `perflint init` writes, run for real by `act`: what comes of them on GitHub.

act enforces no permissions, environments, concurrency and runner labels: `test_workflows.py` reads
these. Nothing is timed: the change affects no perf test, and the lint alone has something to tell.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("github")
pytest.importorskip("githubkit_schemas")

from torch_perflint.bot.setup.files import files

from ...conftest import Repo
from ..github.commanding import event_of
from ..github.routes_actions import Run, add_artifact, add_run
from ..github.server import BOT, NUMBER, FakeGitHub, Pull, serving
from ..github.storage import storing
from .acting import Act, pull_of
from .tools import program
from .written import FORMS

pytestmark = pytest.mark.act

TRAIN = """\
import torch

def train(model, loader, optimizer):
    for batch in loader:
        loss = model(batch)
        loss.backward()
        optimizer.step()
        print(loss.item())
"""
SETTINGS = "[tool.perflint.runners]\npaths = ['perf_tests']\n"
MEASURE = "perflint-measure.yml"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as fake, storing() as fake.storage:
        yield fake
    assert fake.problems == []


@pytest.fixture
def act(github: FakeGitHub, make_repo: Callable[[str], Repo], tmp_path: Path) -> Act:
    """A repository that is set up, and a pull request that adds a host sync to its training."""
    program("act")
    repo = make_repo("repo")
    here = replace(FORMS["action"], artifact_host=github.storage.host)
    written = {str(one.path): one.text for one in files(here)}
    base = repo.commit({"pyproject.toml": SETTINGS, "train.py": "import torch\n", **written})
    return push(Act(repo, github, tmp_path / "act"), base, {"train.py": TRAIN})


def push(act: Act, base: str, changed: dict[str, str], **pull: object) -> Act:
    """Let head be these changes, and the workflows be those of base, as on the default branch."""
    act.repo.git("checkout", "--quiet", "--detach", base)
    head = act.repo.commit(changed)
    act.repo.git("update-ref", f"refs/pull/{NUMBER}/head", head)
    act.repo.git("checkout", "--quiet", "--detach", base)
    pull_of(act.github, head, base, **pull)  # type: ignore[arg-type]
    return act


def pull_request(act: Act, **changed: object) -> Run:
    """Run what a push starts; the run as GitHub then has it, with what it handed over."""
    pull = act.github.pulls[NUMBER]
    run = add_run(act.github, head=pull.head, branch=pull.branch, status="completed")
    run.head_place = (pull.repository_id, f"{pull.owner}/models")
    well = act.run("pull_request", "perflint.yml", act.event(pull, **changed), run=run.id)
    run.conclusion = "success" if well else "failure"
    return run


def report(act: Act, run: Run, **changed: object) -> bool:
    """Run what GitHub starts once a run is over."""
    told = {"id": run.id, "run_attempt": run.attempt, "event": run.event, "head_branch": run.branch}
    payload = {"action": "completed", "workflow_run": told | changed}
    return act.run("workflow_run", "perflint-report.yml", payload, run=9000)


def test_a_pull_request_gets_its_comment(act: Act, github: FakeGitHub) -> None:
    run = pull_request(act)
    # The finding fails both jobs, and the report is handed over all the same.
    assert run.conclusion == "failure"
    assert "Job failed" in act.log and "PFL101" in act.log
    # No token in what measures, nor in what it started.
    assert github.seen_tokens == set()
    # While it goes on, the job that lints has handed over what is known.
    run.status = "in_progress"
    add_artifact(github, run.id, act.artifact(run.id, "perflint-outlook"), "perflint-outlook")
    assert report(act, run), act.log
    [body] = github.bodies()
    assert body.startswith(f"### ⏳ perflint: measuring `{run.head[:7]}` — no perf test affected\n")
    assert "Lint: 1 new finding." in body
    run.status = "completed"
    add_artifact(github, run.id, act.artifact(run.id))
    assert report(act, run), act.log
    [body] = github.bodies()
    assert body.startswith("### 🟠 perflint: 1 new performance finding")
    assert "train.py:8" in body


def test_a_report_of_a_fork_that_nobody_approved_is_refused(act: Act, github: FakeGitHub) -> None:
    pull = github.pulls[NUMBER]
    pull.owner, pull.repository_id = "stranger", 9
    run = add_run(github, head=pull.head, branch=pull.branch, head_place=(9, "stranger/models"))
    add_artifact(github, run.id, b"")
    assert not report(act, run)
    assert "no reviewer of the environment perflint-fork has approved it" in act.log


def test_every_package_of_what_has_a_token_is_installed_by_its_hash(
    act: Act, github: FakeGitHub
) -> None:
    report(act, add_run(github, conclusion="skipped"))
    locked, ours = (act.folder / "pip.log").read_text().splitlines()
    assert "--require-hashes --only-binary :all: --requirement" in locked
    assert "--no-deps --no-build-isolation" in ours


def command(act: Act, body: str) -> bool:
    """Write a comment, and run what GitHub starts for it."""
    number = act.github.add("maintainer", body)
    payload = json.loads(event_of(act.github, number))
    return act.run("issue_comment", "perflint-command.yml", payload, run=9001)


def measure(act: Act, **changed: str) -> bool:
    """Run what the command has started, with its inputs."""
    _, _, inputs = act.github.dispatched[-1]
    words = [word for pair in (inputs | changed).items() for word in ("--input", "=".join(pair))]
    payload = {"inputs": inputs | changed, "repository": {"full_name": "acme/models"}}
    return act.run("workflow_dispatch", MEASURE, payload, *words, run=77)


def test_an_approved_commit_of_a_fork_is_measured(act: Act, github: FakeGitHub) -> None:
    github.roles = {"maintainer": "write"}
    pull = github.pulls[NUMBER]
    pull.owner, pull.repository_id = "stranger", 9
    assert command(act, f"/perflint ok {pull.head[:8]}"), act.log
    assert [workflow for workflow, _, _ in github.dispatched] == [MEASURE]
    measure(act)
    made = json.loads(_only_file(act.artifact(77)))
    assert made["head"]["sha"] == pull.head and made["base"]["sha"] == pull.base
    assert [finding["code"] for finding in made["lint"]["findings"]] == ["PFL101"]


def test_what_moved_since_it_was_approved_is_not_run(act: Act, github: FakeGitHub) -> None:
    github.roles = {"maintainer": "write"}
    pull = github.pulls[NUMBER]
    command(act, f"/perflint ok {pull.head}")
    before, pull.head = pull.head, "e" * 40
    assert not measure(act)
    assert "head of the pull request is another commit by now" in act.log
    # GitHub's answer can be older than what is checked out then.
    pull.head = before
    act.repo.git("update-ref", f"refs/pull/{NUMBER}/head", pull.base)
    assert not measure(act)
    assert f"head of the pull request is {pull.base} by now, and {before} was named" in act.log
    assert "Install the project" not in act.log.partition("was named")[2]
    assert not (act.folder / "artifacts" / "77").exists()
    pull.state = "closed"
    assert not measure(act) and "is not open" in act.log


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"pull_request": "5 $(touch $PWNED-input)"}, "pull_request is no number"),
        ({"pull_request": "../../../x/y/pulls/5"}, "pull_request is no number"),
        ({"commit": "main"}, "commit has to have 40 digits"),
        ({"commit": "a" * 39 + "`touch $PWNED-input`"}, "commit has to have 40 digits"),
    ],
)
def test_inputs_that_are_none_are_refused(
    act: Act, github: FakeGitHub, tmp_path: Path, changed: dict[str, str], says: str
) -> None:
    github.dispatched.append(("", "", {"pull_request": "5", "commit": github.head}))
    act.environment["PWNED"] = str(tmp_path / "pwned")
    assert not measure(act, **changed)
    assert says in act.log
    assert not list(tmp_path.glob("pwned*"))


@pytest.mark.parametrize("rules", [None, [], ["wait_timer"], ["required_reviewers"]])
def test_without_reviewers_a_forks_code_does_not_run(
    act: Act, github: FakeGitHub, rules: list[str] | None
) -> None:
    if rules is not None:
        github.environments["perflint-fork"] = rules
    pull = github.pulls[NUMBER]
    pull.owner, pull.repository_id = "stranger", 9
    assert pull_request(act).conclusion == "failure"
    assert "reviewers" in act.log
    assert "[perflint/measure]" not in act.log


def test_with_reviewers_it_may_once_they_agree(act: Act, github: FakeGitHub) -> None:
    github.environments["perflint-fork"] = ["wait_timer", "required_reviewers maintainer"]
    pull = github.pulls[NUMBER]
    pull.owner, pull.repository_id = "stranger", 9
    run = pull_request(act)
    assert json.loads(_only_file(act.artifact(run.id)))["head"]["sha"] == pull.head


def _only_file(archive: bytes) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
        [name] = unpacked.namelist()
        assert name == "report.json"
        return unpacked.read(name)


VULNERABLE = """\
name: vulnerable
on: pull_request
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event.pull_request.title }}"
      - if: always()
        run: echo "${{ github.head_ref }}"
      - if: always()
        run: echo "${{ github.event.pull_request.labels[0].name }}"
      - if: always()
        id: changed
        run: |
          cd "$TEST_ORIGIN"
          echo "files=$(git diff --name-only HEAD refs/pull/5/head | head -1)" >> "$GITHUB_OUTPUT"
      - if: always()
        run: echo "${{ steps.changed.outputs.files }}"
"""
KINDS = ("title", "branch", "label", "file")


def hostile(kind: str) -> str:
    """A text that makes a file where a shell reads it as code, good as a branch and as a name."""
    return f"x$(touch${{IFS}}$PWNED-{kind})"


@pytest.fixture
def attacked(act: Act, tmp_path: Path) -> Act:
    """The same pull request, whose title, branch, label and file name are code."""
    act.environment["PWNED"] = str(tmp_path / "pwned")
    act.repo.git("rm", "--quiet", "-r", "perf_tests")
    base = act.repo.commit({"pyproject.toml": ""})
    return push(act, base, {f"{hostile('file')}.py": TRAIN}, branch=hostile("branch"))


def _attack(act: Act) -> dict[str, object]:
    title = hostile("title")
    return {
        "title": f'{title} "; touch $PWNED-title; " `touch $PWNED-title`\n{title}',
        "labels": [{"name": hostile("label")}],
    }


def _pwned(act: Act) -> list[str]:
    pwned = Path(act.environment["PWNED"])
    return sorted(file.name.partition("-")[2] for file in pwned.parent.glob("pwned-*"))


def test_a_vulnerable_workflow_runs_what_a_stranger_wrote(attacked: Act) -> None:
    target = attacked.repo.root / ".github" / "workflows" / "vulnerable.yml"
    target.write_text(VULNERABLE, encoding="utf-8")
    payload = attacked.event(attacked.github.pulls[NUMBER], **_attack(attacked))
    attacked.run("pull_request", "vulnerable.yml", payload)
    assert _pwned(attacked) == sorted(KINDS), attacked.log


def test_ours_run_nothing_of_it(attacked: Act, github: FakeGitHub) -> None:
    github.roles = {"maintainer": "write"}
    run = pull_request(attacked, **_attack(attacked))
    assert "PFL101" in attacked.log
    add_artifact(github, run.id, attacked.artifact(run.id))
    run.title = str(_attack(attacked)["title"])
    assert report(attacked, run, display_title=run.title), attacked.log
    [body] = github.bodies()
    assert "PFL101" in body
    assert command(attacked, f"/perflint run {hostile('title')}\n\n/perflint cancel")
    github.dispatched.append(("", "", {"pull_request": "5", "commit": github.head}))
    measure(attacked, tests=hostile("title"), comment="1")
    assert "Run Main Lint, measure, profile" in attacked.log
    assert _pwned(attacked) == []


def test_a_comment_of_the_bot_itself_starts_nothing(act: Act, github: FakeGitHub) -> None:
    number = github.add(BOT, "/perflint run all")
    payload = json.loads(event_of(github, number))
    assert act.run("issue_comment", "perflint-command.yml", payload)
    assert github.writes == [] and github.dispatched == []


def test_the_stand_ins_refuse_what_ours_have_to_ask_for(act: Act, github: FakeGitHub) -> None:
    """A checkout that kept the token, or had no history, would be seen."""
    workflow = act.repo.root / ".github" / "workflows" / "perflint.yml"
    text = workflow.read_text(encoding="utf-8")
    workflow.write_text(text.replace("persist-credentials: false", ""), encoding="utf-8")
    assert not act.run("pull_request", "perflint.yml", act.event(Pull(head=github.head)))
    assert "PFL101" not in act.log
