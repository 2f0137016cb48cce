"""Makes `webhooks.json` of GitHub's own examples, those of npm `@octokit/webhooks-examples`.

    npm install @octokit/webhooks-examples@7.6.1
    python tests/bot/server/trim_webhooks.py \\
        node_modules/@octokit/webhooks-examples/api.github.com/index.json

The examples are by Gregor Martynus and contributors, under the MIT license. Of the 3.5 MB only what
decides is kept: of events that the server is subscribed to, the fields that it
reads and those beside them that could be taken for these; of others their event and action.
"""

import json
import sys
from pathlib import Path
from typing import Any

from torch_perflint.bot.server.events import EVENTS

KEPT = Path(__file__).parent / "webhooks.json"
# Whole objects would bring hundreds of addresses each.
PLACE = {"id": None, "full_name": None, "private": None, "fork": None, "default_branch": None}
PERSON = {"login": None, "id": None, "type": None}
CHECK = {
    "id": None,
    "head_sha": None,
    "head_branch": None,
    "status": None,
    "conclusion": None,
    "pull_requests": [{"number": None, "head": {"ref": None, "sha": None}}],
}
FIELDS: dict[str, Any] = {
    "action": None,
    "number": None,
    "sender": PERSON,
    "repository": PLACE,
    "installation": {"id": None, "account": PERSON},
    "issue": {"number": None, "state": None, "user": PERSON, "pull_request": {"url": None}},
    "comment": {"id": None, "body": None, "user": PERSON, "author_association": None},
    "pull_request": {
        "number": None,
        "state": None,
        "draft": None,
        "merged": None,
        "head": {"ref": None, "sha": None, "repo": PLACE},
        "base": {"ref": None, "sha": None, "repo": PLACE},
    },
    "check_run": {**CHECK, "name": None, "external_id": None},
    "check_suite": CHECK,
    "workflow_run": {
        **CHECK,
        "path": None,
        "run_attempt": None,
        "event": None,
        "head_repository": PLACE,
    },
}


def trimmed(value: Any, fields: Any) -> Any:
    """The same value with these fields alone; None stands for all of it."""
    if fields is None or value is None:
        return value
    if isinstance(fields, list):
        return [trimmed(one, fields[0]) for one in value]
    return {name: trimmed(value[name], kept) for name, kept in fields.items() if name in value}


def main() -> None:
    """Read the examples and write what is kept of them."""
    examples = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    kept = {
        event["name"]: [
            trimmed(one, FIELDS if event["name"] in EVENTS else {"action": None})
            for one in event["examples"]
        ]
        for event in examples
    }
    lines = [f" {json.dumps(name)}: {json.dumps(ones)}" for name, ones in sorted(kept.items())]
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
