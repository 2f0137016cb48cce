"""What a webhook asks of us. Pure: an event and its payload in, jobs out."""

import re
from collections.abc import Collection
from typing import Any

from ... import PerflintError
from .job import (
    Commented,
    InstallationChanged,
    Job,
    Place,
    PullRequestChanged,
    RerunAsked,
    RunChanged,
)

# What the App has to be subscribed to. Installation events come without being asked for.
EVENTS = (
    "check_run",
    "check_suite",
    "installation",
    "installation_repositories",
    "issue_comment",
    "ping",
    "pull_request",
    "workflow_run",
)
_PULL_REQUEST_ACTIONS = {"opened", "synchronize", "reopened", "closed", "ready_for_review"}
_INSTALLATION_ACTIONS = {
    "created",
    "deleted",
    "suspend",
    "unsuspend",
    "new_permissions_accepted",
    "added",
    "removed",
}
# GitHub takes a comment of 65,536 characters; one that is longer is none of GitHub's.
_LONGEST_COMMENT = 65_536
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)


class UnreadableError(PerflintError):
    """A payload is not what GitHub describes."""


def jobs_of(event: str, payload: object, workflows: Collection[str]) -> tuple[Job, ...]:
    """Return what is to be done about an event; nothing where it does not concern us.

    `workflows` are the paths of the measuring workflows in a repository. Raises UnreadableError
    where a payload that concerns us lacks what GitHub says that it has.
    """
    if not isinstance(payload, dict):
        raise UnreadableError(f"the payload of {event} is no object")
    action = payload.get("action")
    try:
        match event, action:
            case "pull_request", str() if action in _PULL_REQUEST_ACTIONS:
                return (_pull_request(payload),)
            case "issue_comment", "created":
                return _comment(payload)
            case "check_run", "rerequested":
                return (_rerun(payload, payload["check_run"], int(payload["check_run"]["id"])),)
            case "check_suite", "rerequested":
                return (_rerun(payload, payload["check_suite"], None),)
            case "workflow_run", "requested" | "completed":
                return _run(payload, workflows)
            case "installation" | "installation_repositories", str() if (
                action in _INSTALLATION_ACTIONS
            ):
                number = _number(payload["installation"]["id"])
                return (
                    InstallationChanged(installation=number, actor=_actor(payload), action=action),
                )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UnreadableError(
            f"the payload of {event} ({action}) is not as GitHub describes it: "
            f"{type(error).__name__} {error}"
        ) from error
    return ()


def _pull_request(payload: dict[str, Any]) -> Job:
    pull = payload["pull_request"]
    code = pull["head"]["repo"]
    return PullRequestChanged(
        place=_place(payload),
        pull_request=_number(pull["number"]),
        actor=_actor(payload),
        action=payload["action"],
        head=_sha(pull["head"]["sha"]),
        draft=bool(pull.get("draft")),
        merged=bool(pull.get("merged")),
        from_fork=code is None or code["id"] != payload["repository"]["id"],
    )


def _comment(payload: dict[str, Any]) -> tuple[Job, ...]:
    """Take comments on open pull requests by people; the commands are read from Markdown later."""
    issue, comment = payload["issue"], payload["comment"]
    body = comment["body"]
    if "pull_request" not in issue or issue["state"] != "open":
        return ()
    # As the workflow asks with `contains`, which knows no upper and lower case either.
    if "/perflint" not in body.lower():
        return ()
    if _is_bot(payload["sender"]) or _is_bot(comment["user"]):
        return ()
    if len(body) > _LONGEST_COMMENT:
        raise ValueError(f"a comment of {len(body):,} characters")
    return (
        Commented(
            place=_place(payload),
            pull_request=_number(issue["number"]),
            actor=_actor(payload),
            comment=_number(comment["id"]),
            body=body,
        ),
    )


def _rerun(payload: dict[str, Any], of: dict[str, Any], check: int | None) -> Job:
    return RerunAsked(
        place=_place(payload),
        pull_request=_only_pull_request(of),
        actor=_actor(payload),
        head=_sha(of["head_sha"]),
        check=check,
    )


def _run(payload: dict[str, Any], workflows: Collection[str]) -> tuple[Job, ...]:
    run = payload["workflow_run"]
    # The path may name a ref: `.github/workflows/perflint.yml@refs/heads/main`.
    if run["path"].partition("@")[0] not in workflows:
        return ()
    # A fork that was deleted has no repository any more: nothing can be told.
    if (head := run["head_repository"]) is None:
        return ()
    return (
        RunChanged(
            place=_place(payload),
            pull_request=_only_pull_request(run),
            actor=_actor(payload),
            action=payload["action"],
            run=_number(run["id"]),
            attempt=_number(run["run_attempt"]),
            head=_sha(run["head_sha"]),
            head_branch=str(run["head_branch"] or ""),
            head_repository=_repository(head["full_name"]),
            head_repository_id=_number(head["id"]),
            event=str(run["event"]),
            conclusion=str(run["conclusion"] or ""),
        ),
    )


def _only_pull_request(of: dict[str, Any]) -> int | None:
    """Return the pull request where GitHub names exactly one; several are to be asked about."""
    pulls = of.get("pull_requests") or []
    return _number(pulls[0]["number"]) if len(pulls) == 1 else None


def _place(payload: dict[str, Any]) -> Place:
    repository = payload["repository"]
    return Place(
        repository=_repository(repository["full_name"]),
        repository_id=_number(repository["id"]),
        installation=_number(payload["installation"]["id"]),
        default_branch=str(repository["default_branch"]),
    )


def _actor(payload: dict[str, Any]) -> str:
    return str(payload["sender"]["login"])[:100]


def _is_bot(user: dict[str, Any] | None) -> bool:
    # Somebody whose account is gone has no user: nobody whom a command could be allowed to.
    return user is None or user["type"] == "Bot" or user["login"].endswith("[bot]")


def _number(value: object) -> int:
    if type(value) is not int or not 0 < value < 2**63:
        raise ValueError(f"{value!r} is no number of something")
    return value


def _sha(value: object) -> str:
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise ValueError(f"{value!r} is no commit")
    return value


def _repository(value: object) -> str:
    if not isinstance(value, str) or not _REPOSITORY.fullmatch(value) or ".." in value:
        raise ValueError(f"{value!r} is no repository")
    return value
