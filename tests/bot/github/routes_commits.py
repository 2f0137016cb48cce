"""Commits, found by the beginning of their hash."""

from githubkit_schemas.v2026_03_10.rest.repos import ReposClient

from .description import example, models
from .routes import Call, Refusal, Reply, route


@route(ReposClient.get_commit, "contents")
def get_commit(call: Call) -> Reply:
    """Several commits that begin so are as good as none."""
    known = {*call.github.lookalikes, *(pull.head for pull in call.github.pulls.values())}
    found = [sha for sha in known if sha.startswith(call.values["ref"])]
    if len(found) != 1:
        raise Refusal(422, f"No commit found for SHA: {call.values['ref']}")
    return Reply(200, example(models.Commit) | {"sha": found[0]})


@route(ReposClient.list_pull_requests_associated_with_commit, "pull_requests")
def list_pulls_of_commit(call: Call) -> Reply:
    github = call.github
    found = [one for one in github.pulls.values() if one.head == call.values["commit_sha"]]
    return Reply(200, [github.pull_payload(one, models.PullRequestSimple) for one in found])
