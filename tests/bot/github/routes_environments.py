"""Environments: who has to agree before a job of theirs runs."""

from githubkit_schemas.v2026_03_10.rest.repos import ReposClient

from .description import example, models
from .routes import Call, Refusal, Reply, route

_RULES = {
    "required_reviewers": models.EnvironmentPropProtectionRulesItemsAnyof1,
    "wait_timer": models.EnvironmentPropProtectionRulesItemsAnyof0,
}


@route(ReposClient.get_environment, "actions")
def get_environment(call: Call) -> Reply:
    rules = call.github.environments.get(call.values["environment_name"])
    if rules is None:
        raise Refusal(404, "Not Found")
    told = []
    for rule, _, who in (one.partition(" ") for one in rules):
        told.append(example(_RULES[rule]) | {"type": rule})
        if rule == "required_reviewers":
            user = example(models.SimpleUser)
            people = [
                {"type": "User", "reviewer": user | {"login": login}} for login in who.split()
            ]
            told[-1]["reviewers"] = people
    return Reply(200, example(models.Environment) | {"protection_rules": told})
