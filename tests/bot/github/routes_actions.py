"""Runs of workflows, what they hand over, and what is in the history of a branch."""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from githubkit_schemas.v2026_03_10.rest.actions import ActionsClient
from githubkit_schemas.v2026_03_10.rest.repos import ReposClient

from .description import example, models
from .routes import Call, Refusal, Reply, route

if TYPE_CHECKING:
    from .server import FakeGitHub

ACTIONS = "actions"
# The `run-name` of a workflow that measures.
RUN_NAME = "perflint #{pull_request} at {commit} for comment {comment}"


@dataclass
class Run:
    """A run of a workflow; `head_place` is the repository that its code comes from, or came."""

    id: int
    head: str = "a" * 40
    branch: str = "topic"
    event: str = "pull_request"
    path: str = ".github/workflows/perflint.yml"
    status: str = "completed"
    conclusion: str | None = "success"
    attempt: int = 1
    head_place: tuple[int, str] | None = (1, "acme/models")
    title: str = "Make it faster"
    began: str = "2026-01-02T00:00:00Z"  # this attempt
    jobs: dict[str, tuple[str, ...]] = field(default_factory=dict)  # to status and labels


@dataclass
class Stored:
    """An artifact of a run; `size` and `digest` are what GitHub tells, None for the truth."""

    id: int
    run: int
    name: str
    content: bytes
    expired: bool = False
    size: int | None = None
    digest: str | None = None
    created: str = ""


def add_run(github: "FakeGitHub", **facts: Any) -> Run:
    """Let a run have been."""
    made = Run(**({"id": github.next_number(), "began": github.now()} | facts))
    github.runs[made.id] = made
    return made


def add_artifact(
    github: "FakeGitHub", run: int, content: bytes, name: str = "perflint-report", **facts: Any
) -> Stored:
    """Let a run hand something over; the second host keeps it."""
    made = Stored(github.next_number(), run, name, content, created=github.now(), **facts)
    github.artifacts[made.id] = made
    github.storage.files[f"/{made.id}.zip"] = content
    return made


def begin_again(github: "FakeGitHub", run: Run) -> None:
    """Begin another attempt at a run; what the earlier one handed over stays."""
    run.attempt, run.began = run.attempt + 1, github.now()
    run.status, run.conclusion = "queued", None


@route(ActionsClient.get_workflow_run, ACTIONS)
def get_run(call: Call) -> Reply:
    run = _run(call)
    # The description has no room for a fork that was deleted.
    gone = {"head_repository": None} if run.head_place is None else None
    return Reply(200, _payload(run), beside=gone)


@route(ActionsClient.list_workflow_runs_for_repo, ACTIONS)
def list_runs(call: Call) -> Reply:
    asked = call.query
    found = [
        _payload(run)
        for _, run in sorted(call.github.runs.items(), reverse=True)
        if asked.get("head_sha", run.head) == run.head
        and asked.get("event", run.event) == run.event
        and asked.get("status", run.status) in (run.status, run.conclusion)
    ]
    return Reply(200, {"total_count": len(found), "workflow_runs": found})


@route(ActionsClient.get_reviews_for_run, ACTIONS)
def list_reviews(call: Call) -> Reply:
    """What reviewers said of a run, in whole: it has no pages."""
    environment = models.EnvironmentApprovalsPropEnvironmentsItems
    told = [
        example(models.EnvironmentApprovals)
        | {"state": state, "environments": [example(environment) | {"name": name}]}
        for state, name in call.github.reviews.get(_run(call).id, ())
    ]
    return Reply(200, told, headers={})


@route(ActionsClient.list_jobs_for_workflow_run_attempt, ACTIONS)
def list_jobs(call: Call) -> Reply:
    run = _run(call)
    if int(call.values["attempt_number"]) != run.attempt:
        raise Refusal(404, "Not Found")
    found = [
        example(models.Job) | {"name": name, "status": status, "labels": list(labels)}
        for name, (status, *labels) in run.jobs.items()
    ]
    return Reply(200, {"total_count": len(found), "jobs": found})


@route(ActionsClient.list_workflow_run_artifacts, ACTIONS)
def list_artifacts(call: Call) -> Reply:
    run = _run(call)
    found = [
        _artifact_payload(one)
        for _, one in sorted(call.github.artifacts.items(), reverse=True)
        if one.run == run.id and call.query.get("name", one.name) == one.name
    ]
    return Reply(200, {"total_count": len(found), "artifacts": found})


@route(ActionsClient.download_artifact, ACTIONS)
def download_artifact(call: Call) -> Reply:
    """GitHub keeps no artifact itself: it says where to ask."""
    number = int(call.values["artifact_id"])
    if number not in call.github.artifacts or call.values["archive_format"] != "zip":
        raise Refusal(404, "Not Found")
    if call.github.artifacts[number].expired:
        raise Refusal(410, "Artifact has expired")
    address = call.github.elsewhere or call.github.storage.url(f"/{number}.zip")
    return Reply(302, headers={"Location": address})


@route(ActionsClient.get_workflow, ACTIONS)
def get_workflow(call: Call) -> Reply:
    name = call.values["workflow_id"]
    if name not in call.github.workflows:
        raise Refusal(404, "Not Found")
    told = {"path": f".github/workflows/{name}", "state": "active"}
    return Reply(200, example(models.Workflow) | told)


@route(ActionsClient.create_workflow_dispatch, ACTIONS)
def dispatch(call: Call) -> Reply:
    """Inputs that the workflow does not know are refused; these here know any, up to 25."""
    if len(call.content.get("inputs") or {}) > 25:
        raise Refusal(422, "Inputs are limited to 25 properties")
    workflow = call.values["workflow_id"]
    if workflow not in call.github.workflows:
        raise Refusal(404, "Not Found")
    asked = call.content.get("inputs") or {}
    named = {"title": RUN_NAME.format(**asked)} if "commit" in asked else {}
    run = add_run(
        call.github,
        event="workflow_dispatch",
        head="f" * 40,  # of the branch
        branch=call.content["ref"],
        path=f".github/workflows/{workflow}",
        status="queued",
        conclusion=None,
        **named,
    )
    call.github.dispatched.append((workflow, call.content["ref"], call.content.get("inputs") or {}))
    told = {"workflow_run_id": run.id, "run_url": "x", "html_url": "x"}
    return Reply(200, told)


@route(ActionsClient.cancel_workflow_run, ACTIONS)
def cancel_run(call: Call) -> Reply:
    run = _run(call)
    if run.status == "completed":
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    run.status, run.conclusion = "completed", "cancelled"
    return Reply(202, {})


@route(ActionsClient.re_run_workflow, ACTIONS)
def rerun(call: Call) -> Reply:
    run = _run(call)
    if run.status != "completed":
        raise Refusal(403, "This workflow is already running")
    begin_again(call.github, run)
    return Reply(201, {})


@route(ReposClient.compare_commits, "contents")
def compare(call: Call) -> Reply:
    base, _, head = call.values["basehead"].partition("...")
    if base not in call.github.commits:
        raise Refusal(404, "Not Found")
    status = "ahead" if base in call.github.history.get(head, ()) else "diverged"
    return Reply(200, example(models.CommitComparison) | {"status": status})


def _run(call: Call) -> Run:
    number = int(call.values["run_id"])
    if number not in call.github.runs:
        raise Refusal(404, "Not Found")
    return call.github.runs[number]


def _place(number: int, name: str) -> dict[str, Any]:
    return example(models.MinimalRepository) | {"id": number, "full_name": name}


def _payload(run: Run) -> dict[str, Any]:
    told = {
        "id": run.id,
        "event": run.event,
        "path": run.path,
        "status": run.status,
        "conclusion": run.conclusion,
        "head_sha": run.head,
        "head_branch": run.branch,
        "run_attempt": run.attempt,
        "run_started_at": run.began,
        "repository": _place(1, "acme/models"),
        "head_repository": _place(*(run.head_place or (1, "acme/models"))),
        "display_title": run.title,
        "pull_requests": [],  # as it is for forks
    }
    return example(models.WorkflowRun) | told


def _artifact_payload(one: Stored) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(one.content).hexdigest()}"
    return example(models.Artifact) | {
        "id": one.id,
        "name": one.name,
        "size_in_bytes": len(one.content) if one.size is None else one.size,
        "expired": one.expired,
        "created_at": one.created,
        "digest": digest if one.digest is None else one.digest,
    }
