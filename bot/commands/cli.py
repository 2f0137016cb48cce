"""`perflint bot command`: obeys the commands of a pull request's comment."""

import argparse
import os
from pathlib import Path

from ... import PerflintError
from ..event import Target, this_run
from ..github.actions import Actions
from ..github.client import Client
from ..github.conversation import Conversation
from ..github.download import Downloads
from ..github.people import People
from ..github.pull_request import PullRequest
from ..handoff.publisher import Publisher
from ..log import guard
from ..workflow import ARTIFACT, MEASURE_WORKFLOW, PUSH_WORKFLOW
from .event import read_comment_event
from .results import PublishedResults
from .run import Hands, obey
from .workflow import WorkflowMeasuring

HELP = """\
Obey the commands of a pull request's comment: `/perflint help` in a comment lists them.

For a workflow on `issue_comment` (types: [created]), which runs on the default branch. It checks
nothing out and runs nothing of the pull request. The event only says which comment it is about:
the text, the author, their permission and the pull request's head are asked of GitHub.

The token is read from GITHUB_TOKEN. It needs `actions: write`, `checks: write`, `contents: read`
and `pull-requests: write`.

exit status: 0 done, refused with an answer, or no command; 2 GitHub did not let us
"""


def main(words: list[str]) -> int:
    """Obey the comment of this run's event, and return the exit status."""
    asked = _parser().parse_args(words)
    guard()
    here = this_run()
    if here is None or here.event != "issue_comment":
        raise PerflintError("`perflint bot command` is for a workflow on `issue_comment`")
    comment = read_comment_event(_event())
    if isinstance(comment, str):
        print(f"perflint: nothing to do: {comment}")
        return 0
    token = os.environ.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise PerflintError(
            "the environment variable GITHUB_TOKEN has no token: give the step "
            "`env: {GITHUB_TOKEN: ${{ github.token }}}`"
        )
    client = Client(token, here.api_url)
    downloads = Downloads(here.api_url, asked.artifact_host)
    target = Target(here.repository, comment.pull, here.api_url, asked.key)
    conversation, pull = Conversation(client, here.repository), PullRequest(target, client)
    publisher = Publisher(
        here.repository,
        client,
        server=here.server,
        downloads=downloads,
        artifact=asked.artifact,
        key=asked.key,
    )
    hands = Hands(
        People(client, here.repository),
        conversation,
        pull,
        WorkflowMeasuring(
            Actions(here.repository, client, downloads),
            conversation,
            asked.workflow,
            asked.ref,
            asked.push_workflow,
        ),
        PublishedResults(pull, publisher),
    )
    # Of one run of a workflow, an attempt begins when the one before it is over.
    outcome = obey(comment, hands, again=here.attempt > 1)
    print(f"perflint: {outcome.end.value}: {outcome.words}")
    return 0


def _event() -> str:
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read the event in GITHUB_EVENT_PATH: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint bot command",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--workflow",
        default=MEASURE_WORKFLOW,
        metavar="FILE",
        help="the workflow in .github/workflows that a command starts (%(default)s)",
    )
    add(
        "--push-workflow",
        default=PUSH_WORKFLOW,
        metavar="FILE",
        help="the one that a push starts, which `cancel` ends too (%(default)s)",
    )
    add(
        "--ref",
        default=os.environ.get("GITHUB_REF_NAME") or "main",
        metavar="BRANCH",
        help="the branch whose workflow is started (default: the one that this run is of)",
    )
    add("--artifact", default=ARTIFACT, metavar="NAME", help=f"where reports are ({ARTIFACT})")
    add(
        "--artifact-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a further host that artifacts are fetched from; may be given twice",
    )
    add("--key", default="default", help="tells several comments on one pull request apart")
    return parser
