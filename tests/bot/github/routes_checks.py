"""Check runs and their annotations, and what somebody may do in the repository."""

from typing import Any

from githubkit_schemas.v2026_03_10.rest.checks import ChecksClient
from githubkit_schemas.v2026_03_10.rest.repos import ReposClient

from .description import example, models
from .routes import Call, Refusal, Reply, route

CHECKS = "checks"
# Of these the description of the API knows, but not whether an answer keeps to them.
MOST_ANNOTATIONS, LONGEST_TEXT = 50, 65_535
ROLES = {"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read"}


@route(ChecksClient.create, CHECKS)
def create_check(call: Call) -> Reply:
    number = call.github.next_number()
    made = example(models.CheckRun) | {
        "id": number,
        "name": call.content["name"],
        "head_sha": call.content["head_sha"],
        "status": "queued",
        "conclusion": None,
        "html_url": f"https://github.example/acme/models/runs/{number}",
        "pull_requests": [],
    }
    call.github.checks[number] = made
    call.github.annotations[number] = []
    _update(call, made)
    return Reply(201, made)


@route(ChecksClient.update, CHECKS)
def update_check(call: Call) -> Reply:
    """Annotations are appended to those that are there already."""
    check = _check_run(call)
    _update(call, check)
    return Reply(200, check)


@route(ChecksClient.get, CHECKS)
def get_check(call: Call) -> Reply:
    return Reply(200, _check_run(call))


@route(ChecksClient.list_annotations, CHECKS)
def list_annotations(call: Call) -> Reply:
    _check_run(call)
    return Reply(200, call.github.annotations[int(call.values["check_run_id"])])


@route(ChecksClient.list_for_ref, CHECKS)
def list_checks(call: Call) -> Reply:
    """The newest of each name, unless all are asked for."""
    wanted = call.query.get("check_name")
    found = [
        check
        for _, check in sorted(call.github.checks.items(), reverse=True)
        if check["head_sha"] == call.values["ref"] and wanted in (None, check["name"])
    ]
    if call.query.get("filter", "latest") == "latest":
        names = [check["name"] for check in found]
        found = [check for n, check in enumerate(found) if check["name"] not in names[:n]]
    return Reply(200, {"total_count": len(found), "check_runs": found})


@route(ReposClient.get_collaborator_permission_level, "metadata")
def get_permission(call: Call) -> Reply:
    role = call.github.roles.get(call.values["username"].lower(), "read")
    user = example(models.Collaborator) | {"login": call.values["username"], "role_name": role}
    told = {"permission": ROLES.get(role, "none"), "role_name": role, "user": user}
    return Reply(200, example(models.RepositoryCollaboratorPermission) | told)


def _check_run(call: Call) -> dict[str, Any]:
    number = int(call.values["check_run_id"])
    if number not in call.github.checks:
        raise Refusal(404, "Not Found")
    return call.github.checks[number]


def _update(call: Call, check: dict[str, Any]) -> None:
    asked = call.content
    output = asked.get("output") or {}
    annotations = output.get("annotations") or []
    if len(annotations) > MOST_ANNOTATIONS:
        raise Refusal(422, 'Invalid request.\n\nNo subschema in "anyOf" matched.')
    for part in ("summary", "text"):
        if len(output.get(part) or "") > LONGEST_TEXT:
            raise Refusal(422, f"Invalid request.\n\nOnly {LONGEST_TEXT} characters are allowed")
    if asked.get("status") == "completed" and "conclusion" not in asked:
        raise Refusal(422, "Invalid request.\n\nFor 'allOf/0', \"conclusion\" wasn't supplied.")
    for name in ("status", "conclusion", "details_url", "external_id", "name", "actions"):
        if name in asked and name in check:
            check[name] = asked[name]
    if "conclusion" in asked:
        check["status"] = "completed"
        check["completed_at"] = call.github.now()
    for part in ("title", "summary", "text"):
        if part in output:
            check["output"] = check["output"] | {part: output[part]}
    kept = call.github.annotations[check["id"]]
    kept += [example(models.CheckAnnotation) | one for one in annotations]
    check["output"] = check["output"] | {"annotations_count": len(kept)}
