"""The written workflows and the code that reads what comes of them agree, and give nothing away."""

import re
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

pytest.importorskip("github")

from torch_perflint.bot.commands import cli
from torch_perflint.bot.commands.workflow import WorkflowMeasuring
from torch_perflint.bot.handoff import publish_run
from torch_perflint.bot.handoff.origin import STARTED_FOR, asked_for
from torch_perflint.bot.outlook import OUTLOOK_ARTIFACT
from torch_perflint.bot.server.settings import Hub
from torch_perflint.bot.server.work import COMMAND, TELL
from torch_perflint.bot.setup.files import files
from torch_perflint.bot.workflow import (
    ARTIFACT,
    MEASURE_JOB,
    MEASURE_WORKFLOW,
    PUSH_WORKFLOW,
    Place,
    WorkflowRun,
)

from .written import APP, FORMS, GPU, NAMES, ROOT, parse, steps, workflow

TELLS = "Tell the pull request"
SHA = "0123456789abcdef0123456789abcdef01234567"
PUSH, MEASURE, REPORT, OBEY = NAMES
# What each job may, and no more.
PERMISSIONS = {
    (PUSH, "lint"): {"contents": "read"},
    (PUSH, "gate"): {"actions": "read"},
    (PUSH, "measure"): {"contents": "read"},
    (MEASURE, "look"): {"pull-requests": "read"},
    (MEASURE, "measure"): {"contents": "read"},
    (REPORT, "report"): {
        "actions": "read",
        "checks": "write",
        "contents": "read",
        "pull-requests": "write",
    },
    (OBEY, "command"): {
        "actions": "write",
        "checks": "write",
        "contents": "read",
        "pull-requests": "write",
    },
}
# Those in which a stranger's code, or settings, may run.
UNTRUSTED = [(PUSH, "lint"), (PUSH, "measure"), (MEASURE, "measure")]
EVERY = [*product(FORMS, NAMES)]
TEXTS = {(form, one.path.name): one.text for form in FORMS for one in files(FORMS[form])}


def job(form: str, name: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = workflow(form, name)["jobs"].get(key, {"steps": []})
    return found


def text_of(value: object) -> str:
    return str(value)


@pytest.mark.parametrize(("form", "name"), EVERY)
def test_each_job_may_what_it_has_to_and_no_more(form: str, name: str) -> None:
    found = workflow(form, name)
    assert found["permissions"] == {}
    for key, one in found["jobs"].items():
        assert one["permissions"] == PERMISSIONS[name, key]
        assert one["timeout-minutes"] <= 90


def test_the_pages_of_the_commands_name_these_permissions() -> None:
    for page, key in (
        (publish_run.HELP, (REPORT, "report")),
        (cli.HELP, (OBEY, "command")),
    ):
        told = dict(re.findall(r"`([a-z-]+): (read|write)`", page))
        assert told and told.items() <= PERMISSIONS[key].items()


def test_the_server_asks_for_the_same_permissions() -> None:
    for asked, key in ((TELL, (REPORT, "report")), (COMMAND, (OBEY, "command"))):
        assert {name.replace("_", "-"): kind for name, kind in asked.items()} == PERMISSIONS[key]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "key"), UNTRUSTED)
def test_where_strangers_code_runs_is_no_token_and_no_cache(form: str, name: str, key: str) -> None:
    found = job(form, name, key)
    assert not re.search(r"github\.token|GITHUB_TOKEN|secrets\.|cache", text_of(found))
    for step in found["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
            assert step["with"]["fetch-depth"] == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [REPORT, OBEY])
def test_where_a_token_may_write_nothing_is_checked_out(form: str, name: str) -> None:
    found = workflow(form, name)
    for step in steps(found):
        assert not re.search(r"actions/(checkout|cache|download)", step.get("uses", ""))
        assert not re.search(r"\bgit\b|curl|GITHUB_ENV|GITHUB_PATH", step.get("run", ""))
    assert "secrets." not in TEXTS[form, name]


@pytest.mark.parametrize(("form", "name"), EVERY)
def test_no_expression_stands_in_a_script(form: str, name: str) -> None:
    for step in steps(workflow(form, name)):
        assert "${{" not in step.get("run", "")


def test_no_expression_stands_in_a_script_of_the_action() -> None:
    action = parse((ROOT / "action.yml").read_text(encoding="utf-8"))
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]


@pytest.mark.parametrize(("form", "name"), EVERY)
def test_every_action_is_pinned_and_says_its_version(form: str, name: str) -> None:
    used = re.findall(r"uses: (.*)", TEXTS[form, name])
    assert used or form.startswith("lock")
    for one in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)


def test_our_own_workflows_use_the_same_actions() -> None:
    ours = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / ".github" / "workflows").glob("*.yml")
    )
    pinned = set(re.findall(r"actions/\S+@\w{40} # \S+", "".join(TEXTS.values())))
    assert set(re.findall(r"actions/\S+@\w{40} # \S+", ours)) <= pinned


@pytest.mark.parametrize("form", [form for form in FORMS if not FORMS[form].by_command])
def test_a_forks_code_waits_for_the_reviewers_of_the_environment(form: str) -> None:
    found = workflow(form, PUSH)["jobs"]
    fork = "github.event.pull_request.head.repo.full_name != github.repository"
    assert found["gate"]["if"] == fork
    assert found["measure"]["environment"] == f"${{{{ {fork} && 'perflint-fork' || '' }}}}"
    # A gate that is skipped lets it through, one that fails does not.
    assert found["measure"]["needs"] == "gate"
    assert found["measure"]["if"] == "${{ !cancelled() && needs.gate.result != 'failure' }}"


@pytest.mark.parametrize("form", FORMS)
def test_a_forks_report_is_told_where_the_reviewers_of_that_environment_approved(form: str) -> None:
    """What the pull request's own files say of an environment is the fork's to change."""
    if "environment" not in job(form, PUSH, "measure"):  # by command a fork's runs tell nothing
        assert "environment" not in TEXTS[form, REPORT]
        return
    [told] = [step for step in job(form, REPORT, "report")["steps"] if step.get("name") == TELLS]
    named = told.get("with", {}).get("environment") or told["run"].split(" --environment ")[1]
    assert named.split()[0].strip("'") == "perflint-fork"


def test_where_an_app_tells_a_forks_code_waits_for_a_command() -> None:
    texts = {one.path.name: one.text for one in files(APP["app"]) if one.path.suffix == ".yml"}
    assert set(texts) == {PUSH, MEASURE}
    jobs = parse(texts[PUSH])["jobs"]
    assert [*jobs] == ["lint", "measure"]
    assert jobs["measure"]["if"] == (
        "github.event.pull_request.head.repo.full_name == github.repository"
    )
    assert texts[MEASURE] == TEXTS["by-command", MEASURE]
    for key, one in jobs.items():
        assert one["permissions"] == PERMISSIONS[PUSH, key]


@pytest.mark.parametrize("form", FORMS)
def test_your_own_machine_only_measures(form: str) -> None:
    for name in NAMES:
        for key, one in workflow(form, name)["jobs"].items():
            labels = one["runs-on"]
            assert key == "measure" or labels == "ubuntu-latest"
            if labels != "ubuntu-latest":
                assert labels == list(GPU)


@pytest.mark.parametrize("form", ["by-command", "lock-by-command"])
def test_by_command_a_push_measures_nothing(form: str) -> None:
    assert [*workflow(form, PUSH)["jobs"]] == ["lint"]
    assert workflow(form, REPORT)["on"]["workflow_run"]["workflows"] == ["perflint measure"]


@pytest.mark.parametrize("form", FORMS)
def test_one_artifact_with_one_file_is_handed_over(form: str) -> None:
    for name in (PUSH, MEASURE):
        uploads = {
            step["with"]["name"]: step
            for step in steps(workflow(form, name))
            if step.get("uses", "").startswith("actions/upload-artifact@")
        }
        if name == PUSH:
            ahead = uploads.pop(OUTLOOK_ARTIFACT)
            assert ahead["if"] == "${{ !cancelled() }}"
            assert ahead["with"]["path"] == "${{ steps.perflint.outputs.outlook }}"
        if name == PUSH and FORMS[form].by_command:
            assert uploads == {}
            continue
        [upload] = uploads.values()
        assert upload["if"] == "always()"
        assert upload["with"]["name"] == ARTIFACT
        assert upload["with"]["path"] == "${{ steps.perflint.outputs.report }}"
        job = workflow(form, name)["jobs"][MEASURE_JOB]
        [measured] = [step for step in job["steps"] if step.get("id") == "perflint"]
        assert measured.get("with", {}).get("command", "measure") == "measure"


@pytest.mark.parametrize("form", FORMS)
def test_the_report_workflow_listens_to_those_that_hand_over(form: str) -> None:
    found = workflow(form, REPORT)
    [trigger] = found["on"].values()
    handing = [
        workflow(form, name)["name"]
        for name in (PUSH, MEASURE)
        if f"name: {ARTIFACT}\n" in TEXTS[form, name]
    ]
    assert [*found["on"]] == ["workflow_run"]
    assert trigger["workflows"] == handing
    assert sorted(trigger["types"]) == ["completed", "requested"]
    assert [*workflow(form, PUSH)["on"]] == ["pull_request"]
    assert [*workflow(form, MEASURE)["on"]] == ["workflow_dispatch"]
    condition = found["jobs"]["report"]["if"]
    # By command no workflow of ours hands over on `pull_request`, but one of a fork's could.
    heard = ["pull_request"] * (not FORMS[form].by_command) + ["workflow_dispatch"]
    assert re.findall(r"event == '(\w+)'", condition) == heard


@pytest.mark.parametrize("form", FORMS)
def test_both_trusted_workflows_know_the_files_that_measure(form: str) -> None:
    assert (PUSH_WORKFLOW, MEASURE_WORKFLOW) == (PUSH, MEASURE)
    assert Hub().workflow == f".github/workflows/{PUSH_WORKFLOW}"
    for name in (REPORT, OBEY):
        last = steps(workflow(form, name))[-1]
        if "with" in last:
            assert last["with"]["workflows"].split() == [PUSH, MEASURE]
        else:
            found = re.findall(r"workflow (\S+\.yml)", last["run"])
            assert found == [PUSH, MEASURE]
        said = text_of(last)
        for host in ("files.example:8443", "more.example"):
            assert (f"--artifact-host {host}" in said) == bool(FORMS[form].artifact_host)


@pytest.mark.parametrize("form", FORMS)
def test_commands_start_what_measures_on_the_branch_that_was_chosen(form: str) -> None:
    """Else a stranger's code could write caches that others restore on the default branch."""
    said = text_of(steps(workflow(form, OBEY))[-1])
    assert ("perf/lint" in said) == bool(FORMS[form].command_branch)
    [obey] = [
        step
        for step in parse((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
        if step["name"] == "Tell or obey"
    ]
    assert obey["env"]["BRANCH"] == "${{ inputs.command-branch }}"
    assert 'words+=(--ref "$BRANCH")' in obey["run"]


@pytest.mark.parametrize("form", FORMS)
def test_a_command_is_read_from_new_comments_and_none_waits(form: str) -> None:
    found = workflow(form, OBEY)
    assert found["on"] == {"issue_comment": {"types": ["created"]}}
    assert "concurrency" not in found
    assert "concurrency" not in found["jobs"]["command"]


@dataclass
class Dispatched:
    """What GitHub is asked to start."""

    inputs: dict[str, str] = field(default_factory=dict)
    workflow: str = ""

    def dispatch(self, workflow: str, ref: str, inputs: dict[str, str]) -> None:
        self.workflow, self.inputs = workflow, inputs


def started(*tests: str) -> Dispatched:
    actions = Dispatched()
    measuring = WorkflowMeasuring(actions, None, MEASURE_WORKFLOW, "main")  # type: ignore[arg-type]
    measuring.start(5, SHA, tests, comment=812, again=False)
    return actions


def filled(template: str, inputs: dict[str, str]) -> str:
    """Fill a run-name as GitHub does."""
    comment = inputs["comment"]
    shown = f" for comment {comment}" if comment else ""
    text = template.replace(
        "${{ inputs.comment && format(' for comment {0}', inputs.comment) }}", shown
    )
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


@pytest.mark.parametrize("form", FORMS)
def test_the_inputs_are_those_that_a_command_gives(form: str) -> None:
    inputs = workflow(form, MEASURE)["on"]["workflow_dispatch"]["inputs"]
    assert set(inputs) == set(started("test_a", "test_b").inputs)
    assert started().workflow == MEASURE
    assert {name for name, one in inputs.items() if one.get("required")} == {
        "pull_request",
        "commit",
    }
    assert {one["type"] for one in inputs.values()} == {"string"}
    assert set(re.findall(r"inputs\.(\w+)", TEXTS[form, MEASURE])) == set(inputs)


@pytest.mark.parametrize("form", FORMS)
def test_the_name_of_a_run_says_what_it_is_for(form: str) -> None:
    template = workflow(form, MEASURE)["run-name"]
    inputs = started().inputs
    title = filled(template, inputs)
    run = WorkflowRun(
        id=1,
        attempt=1,
        event="workflow_dispatch",
        path=f".github/workflows/{MEASURE}",
        status="completed",
        conclusion="success",
        head="f" * 40,
        branch="main",
        place=Place(1, "acme/models"),
        head_place=Place(1, "acme/models"),
        title=title,
    )
    assert asked_for(run) == (5, SHA)
    assert title == f"perflint #5 at {SHA} for comment 812"
    # Started by hand, without a comment.
    assert STARTED_FOR.fullmatch(filled(template, inputs | {"comment": ""}))


@pytest.mark.parametrize("form", FORMS)
def test_what_is_measured_is_the_commit_that_was_named(form: str) -> None:
    found = job(form, MEASURE, "measure")["steps"]
    checkout, verify = found[0], found[1]
    assert checkout["with"]["ref"] == "refs/pull/${{ inputs.pull_request }}/head"
    assert verify["env"] == {"COMMIT": "${{ inputs.commit }}"}
    assert "git rev-parse HEAD" in verify["run"] and "exit 1" in verify["run"]
    assert job(form, MEASURE, "measure")["needs"] == "look"
    for one in job(form, PUSH, "measure")["steps"][:1]:
        assert one["with"]["ref"] == "${{ github.event.pull_request.head.sha }}"


@pytest.mark.parametrize("form", FORMS)
def test_a_new_run_of_a_pull_request_ends_the_one_before_it(form: str) -> None:
    push, measure = (workflow(form, name)["concurrency"] for name in (PUSH, MEASURE))
    number = "${{ github.event.pull_request.number }}"
    assert push["group"].replace(number, "5") == "perflint-5"
    assert measure["group"].replace("${{ inputs.pull_request }}", "5") == "perflint-5"
    assert push["cancel-in-progress"] and measure["cancel-in-progress"]
    report = workflow(form, REPORT)["concurrency"]
    assert not report["cancel-in-progress"]


@pytest.mark.parametrize("form", [form for form in FORMS if form.startswith("lock")])
def test_locked_packages_are_installed_by_their_hashes(form: str) -> None:
    for name, key in (((PUSH), "lint"), (REPORT, "report"), (OBEY, "command")):
        [install] = [one for one in job(form, name, key)["steps"] if "LOCKED" in one.get("env", {})]
        assert install["env"]["LOCKED"].splitlines() == list(FORMS[form].source.lines)  # type: ignore[union-attr]
        assert "--require-hashes --only-binary :all:" in install["run"]


def test_the_action_takes_what_the_workflows_give_it() -> None:
    action = parse((ROOT / "action.yml").read_text(encoding="utf-8"))
    given = {
        key
        for form, name in EVERY
        for step in steps(workflow(form, name))
        if step.get("uses", "").startswith("acme/perflint@")
        for key in step["with"]
    }
    assert {"command", "base", "tests", "workflows", "annotate"} <= given <= set(action["inputs"])


def test_only_the_steps_that_tell_see_a_token() -> None:
    action = parse((ROOT / "action.yml").read_text(encoding="utf-8"))
    seeing = [step["name"] for step in action["runs"]["steps"] if "token" in text_of(step)]
    assert seeing == ["Comment", "Tell or obey"]
    for step in action["runs"]["steps"]:
        if step["name"] in seeing:
            assert re.search(r"inputs\.command == '(ci|report)'", step["if"])


def test_a_token_where_strangers_code_runs_would_be_seen() -> None:
    found = job("action", PUSH, "measure")
    found["steps"][-1]["env"] = {"GITHUB_TOKEN": "${{ github.token }}"}
    assert re.search(r"github\.token", text_of(found))
