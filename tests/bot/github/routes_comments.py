"""Pull requests, their comments and labels, and reactions to comments."""

from typing import Any

from githubkit_schemas.v2026_03_10.rest.issues import IssuesClient
from githubkit_schemas.v2026_03_10.rest.pulls import PullsClient
from githubkit_schemas.v2026_03_10.rest.reactions import ReactionsClient

from .description import example, models
from .routes import Call, Refusal, Reply, route

PULLS, ISSUES = "pull_requests", "issues"
LONGEST_BODY = 65_536


@route(PullsClient.get, PULLS)
def get_pull(call: Call) -> Reply:
    return Reply(200, call.github.pull_payload(call.github.pull(call.number)))


@route(PullsClient.list, PULLS)
def list_pulls(call: Call) -> Reply:
    asked = call.query
    pulls = [
        pull
        for pull in call.github.pulls.values()
        if asked.get("state", "open") in ("all", pull.state)
        and ("head" not in asked or _has_branch(pull, asked["head"]))
    ]
    return Reply(200, [call.github.pull_payload(pull, models.PullRequestSimple) for pull in pulls])


def _has_branch(pull: Any, asked: str) -> bool:
    """Whether it comes from this branch; a repository that was deleted has none."""
    return pull.repository_id is not None and asked == f"{pull.owner}:{pull.branch}"


@route(PullsClient.list_files, PULLS)
def list_files(call: Call) -> Reply:
    paths = call.github.pull(call.number).files
    return Reply(200, [example(models.DiffEntry) | {"filename": path} for path in paths])


@route(IssuesClient.list_comments, PULLS)
def list_comments(call: Call) -> Reply:
    call.github.pull(call.number)
    every = sorted(call.github.comments.items())
    return Reply(200, [one for number, one in every if call.github.thread[number] == call.number])


@route(IssuesClient.get_comment, PULLS)
def get_comment(call: Call) -> Reply:
    return Reply(200, _comment(call))


@route(IssuesClient.create_comment, PULLS)
def create_comment(call: Call) -> Reply:
    pull = call.github.pull(call.number)
    if pull.locked:
        raise Refusal(403, "Unable to create comment because issue is locked.")
    _check_body(call.content["body"])
    number = call.github.add(call.account.login, call.content["body"], pull.number)
    return Reply(201, call.github.comments[number])


@route(IssuesClient.update_comment, PULLS)
def update_comment(call: Call) -> Reply:
    comment = _comment(call)
    _check_body(call.content["body"])
    comment["body"] = call.content["body"]
    comment["updated_at"] = call.github.now()
    return Reply(200, comment)


@route(IssuesClient.delete_comment, PULLS)
def delete_comment(call: Call) -> Reply:
    _comment(call)
    del call.github.comments[int(call.values["comment_id"])]
    return Reply(204)


@route(ReactionsClient.list_for_issue_comment, PULLS)
def list_reactions(call: Call) -> Reply:
    _comment(call)
    return Reply(200, call.github.reactions.get(int(call.values["comment_id"]), []))


@route(ReactionsClient.create_for_issue_comment, PULLS)
def create_reaction(call: Call) -> Reply:
    """A second reaction of the same kind by the same account is the first one, with status 200."""
    _comment(call)
    given = call.github.reactions.setdefault(int(call.values["comment_id"]), [])
    for one in given:
        if (one["content"], one["user"]["login"]) == (call.content["content"], call.account.login):
            return Reply(200, one)
    user = example(models.SimpleUser) | {"login": call.account.login}
    number = call.github.next_number()
    made = example(models.Reaction) | {"id": number, "user": user, **call.content}
    given.append(made)
    return Reply(201, made)


@route(ReactionsClient.delete_for_issue_comment, PULLS)
def delete_reaction(call: Call) -> Reply:
    given = call.github.reactions.get(int(call.values["comment_id"]), [])
    found = [one for one in given if str(one["id"]) == call.values["reaction_id"]]
    if not found:
        raise Refusal(404, "Not Found")
    given.remove(found[0])
    return Reply(204)


@route(IssuesClient.add_labels, PULLS)
def add_labels(call: Call) -> Reply:
    """Labels that the repository does not have yet come into being."""
    pull = call.github.pull(call.number)
    asked = call.content["labels"] if isinstance(call.content, dict) else call.content
    names = [one if isinstance(one, str) else one["name"] for one in asked]
    pull.labels += [name for name in names if name not in pull.labels]
    return Reply(200, [_label(name) for name in pull.labels])


@route(IssuesClient.remove_label, PULLS)
def remove_label(call: Call) -> Reply:
    pull = call.github.pull(call.number)
    if call.values["name"] not in pull.labels:
        raise Refusal(404, "Label does not exist")
    pull.labels.remove(call.values["name"])
    return Reply(200, [_label(name) for name in pull.labels])


def _label(name: str) -> dict[str, Any]:
    return example(models.Label) | {"name": name}


def _comment(call: Call) -> dict[str, Any]:
    number = int(call.values["comment_id"])
    if number not in call.github.comments:
        raise Refusal(404, "Not Found")
    return call.github.comments[number]


def _check_body(body: str) -> None:
    if not body.strip() or len(body) > LONGEST_BODY:
        fault = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
        said = {"message": "Body is too long (maximum is 65536 characters)"}
        raise Refusal(422, "Validation Failed", errors=[fault | said])
