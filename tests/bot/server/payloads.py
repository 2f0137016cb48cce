"""Deliveries as GitHub sends them: made and checked with the published models, and signed."""

import json
from copy import deepcopy
from typing import Any
from uuid import uuid4

from githubkit_schemas.v2026_03_10 import models
from torch_perflint.bot.server.signature import sign

from ..github.description import Undescribed, example
from ..github.server import HEAD, NUMBER, REPOSITORY

SECRET = "0123456789abcdef" * 4
INSTALLATION = 77
WORKFLOW = ".github/workflows/perflint.yml"


def checked(model: Any, payload: dict[str, Any]) -> dict[str, Any]:
    """Hold a payload against GitHub's description of it."""
    try:
        model.model_validate_json(json.dumps(payload), strict=True)
    except ValueError as error:
        raise Undescribed(f"no {model.__name__}: {error}") from error
    return payload


def _common(model: Any, action: str, sender: str, kind: str = "User") -> dict[str, Any]:
    payload = example(model) | {
        "action": action,
        "installation": example(models.SimpleInstallation) | {"id": INSTALLATION},
        "sender": example(models.SimpleUser) | {"login": sender, "type": kind},
    }
    if "repository" in model.model_fields:
        repository = example(models.RepositoryWebhooks)
        named = {"id": 1, "full_name": REPOSITORY, "default_branch": "main"}
        payload["repository"] = repository | named
    return payload


def pull_request(
    action: str = "synchronize",
    number: int = NUMBER,
    head: str = HEAD,
    sender: str = "contributor",
    text: str = "",
    from_fork: bool = False,
) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in action.split("_"))
    model = getattr(models, f"WebhookPullRequest{name}")
    payload = _common(model, action, sender)
    payload["number"] = number
    pull = payload["pull_request"]
    pull |= {"number": number, "body": text, "state": "closed" if action == "closed" else "open"}
    pull["head"] |= {"sha": head}
    # The models' own examples leave it out where it may be left out.
    code = pull["head"]["repo"] or deepcopy(pull["base"]["repo"])
    pull["head"]["repo"] = code | {"id": 9 if from_fork else 1}
    return checked(model, payload)


def comment(
    body: str = "/perflint run all",
    number: int = NUMBER,
    sender: str = "maintainer",
    kind: str = "User",
    on_issue: bool = False,
    state: str = "open",
    id: int = 4711,
) -> dict[str, Any]:
    model = models.WebhookIssueCommentCreated
    payload = _common(model, "created", sender, kind)
    issue = payload["issue"]
    issue |= {"number": number, "state": state}
    if not on_issue:
        issue["pull_request"] = {"url": "x", "html_url": "x", "diff_url": "x", "patch_url": "x"}
    user = example(models.SimpleUser) | {"login": sender, "type": kind}
    payload["comment"] |= {"id": id, "body": body, "user": user}
    return checked(model, payload)


def rerequested(number: int | None = NUMBER, check: int = 31) -> dict[str, Any]:
    model = models.WebhookCheckRunRerequested
    payload = _common(model, "rerequested", "maintainer")
    payload["check_run"] |= {"id": check, "head_sha": HEAD, "pull_requests": _pulls(number)}
    return checked(model, payload)


def suite_rerequested(number: int | None = NUMBER) -> dict[str, Any]:
    model = models.WebhookCheckSuiteRerequested
    payload = _common(model, "rerequested", "maintainer")
    payload["check_suite"] |= {"head_sha": HEAD, "pull_requests": _pulls(number)}
    return checked(model, payload)


def run_completed(
    run: int = 900,
    number: int | None = NUMBER,
    head: str = HEAD,
    attempt: int = 1,
    path: str = WORKFLOW,
    fork: str | None = None,
    action: str = "completed",
) -> dict[str, Any]:
    model = getattr(models, f"WebhookWorkflowRun{action.capitalize()}")
    payload = _common(model, action, "contributor")
    told = payload["workflow_run"]
    told |= {
        "id": run,
        "run_attempt": attempt,
        "head_sha": head,
        "head_branch": "topic",
        "path": path,
        "event": "pull_request",
        "conclusion": "success" if action == "completed" else None,
        "pull_requests": _pulls(number),
    }
    told["head_repository"] |= {"id": 9 if fork else 1, "full_name": fork or REPOSITORY}
    return checked(model, payload)


def installation(action: str = "created") -> dict[str, Any]:
    model = models.WebhookInstallationCreated
    payload = _common(model, action, "owner")
    payload["installation"] = example(model)["installation"] | {"id": INSTALLATION}
    return checked(model, payload) if action == "created" else payload


def _pulls(number: int | None) -> list[dict[str, Any]]:
    if number is None:
        return []
    side = {"ref": "x", "sha": HEAD, "repo": {"id": 1, "name": "models", "url": "x"}}
    return [{"id": 1, "number": number, "url": "x", "head": side, "base": side}]


def delivery(
    event: str,
    payload: dict[str, Any] | bytes,
    secret: str = SECRET,
    guid: str | None = None,
    **headers: str,
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers as GitHub sends them."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    usual = {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/0000000",
        "x-github-event": event,
        "x-github-delivery": guid or str(uuid4()),
        "x-github-hook-installation-target-type": "integration",
        "x-hub-signature-256": sign(body, secret),
    }
    return body, usual | {name.replace("_", "-"): value for name, value in headers.items()}
