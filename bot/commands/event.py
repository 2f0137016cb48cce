"""Reads the event of a comment: what GitHub hands to a workflow on `issue_comment`. Pure."""

import json

from ... import PerflintError
from .situation import Asked


def read_comment_event(text: str) -> Asked | str:
    """Return the comment of an event, or why it gives no commands.

    What the event says only sorts out what is none of our business; the rest is asked of GitHub.
    Raises PerflintError where it is no event of a comment.
    """
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PerflintError(f"the event is no JSON: {error}") from error
    match event:
        case {
            "action": str(action),
            "issue": {"number": int(number), **issue},
            "comment": {"id": int(comment), "body": str(body), "user": user},
        }:
            pass
        case _:
            raise PerflintError(
                "the event is none of a comment: run `perflint bot command` in a workflow on "
                "`issue_comment`, for `types: [created]`"
            )
    if action != "created":
        return f"a comment that is {action} gives no commands"
    if not isinstance(issue.get("pull_request"), dict):
        return "it stands on an issue, not on a pull request"
    match user:
        case {"type": "User", "login": str()}:
            return Asked(number, comment, body)
    return "no person wrote it"
