"""`perflint bot publish`: tells a pull request about a run on its code, which is never run here."""

import argparse
import json
import os
import time
from pathlib import Path

from ... import PerflintError
from ..event import ActionsRun, this_run
from ..github.client import Client
from ..github.download import Downloads
from ..log import guard, plain, warn
from ..tell import announce
from ..workflow import ARTIFACT
from .ahead import Ahead
from .publisher import Done, Publisher, RunEvent

# The job that lints takes about a minute; a look is two requests.
FOLLOW_SECONDS, _LOOK_AGAIN_SECONDS = 300.0, 15.0

HELP = """\
Tell a pull request about a run on its code: that it goes on or waits, and then its result.

For a workflow on `workflow_run` (types requested and completed), whose token may write. It checks
nothing out and runs nothing of the pull request: it takes one JSON file out of the run's artifact,
in memory. Which pull request and which commit that is about comes from GitHub alone; a report that
says something else is refused, and the pull request is told so.

The token is read from GITHUB_TOKEN. It needs `actions: read`, `checks: write`, `contents: read`
and `pull-requests: write`. What it may not write goes to the job summary and the log instead.

exit status: 0 told, or nothing to tell; 1 the run's report was refused; 2 it could not be told
"""


def read_event(text: str) -> RunEvent:
    """Read the event of `workflow_run`. Raises PerflintError where it is another."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PerflintError(f"the event in GITHUB_EVENT_PATH is no JSON: {error}") from error
    match facts:
        case {"workflow_run": {"id": int(run), **rest}}:
            attempt = rest.get("run_attempt")
            return RunEvent(run, attempt if isinstance(attempt, int) else 1)
    raise PerflintError("this event tells of no run: use `on: workflow_run`")


def main(words: list[str]) -> int:
    """Tell about the run of this event, and return the exit status."""
    asked = _parser().parse_args(words)
    guard()
    here = this_run()
    if here is None or here.event != "workflow_run":
        raise PerflintError(
            "`perflint bot publish` is for a workflow on `workflow_run`; elsewhere, post a report "
            "with `perflint comment`"
        )
    event = read_event(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    token = os.environ.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise PerflintError(
            "the environment variable GITHUB_TOKEN has no token: give the step "
            "`env: {GITHUB_TOKEN: ${{ github.token }}}`"
        )
    publisher = Publisher(
        here.repository,
        Client(token, here.api_url),
        server=here.server,
        downloads=Downloads(here.api_url, asked.artifact_host),
        workflows=asked.workflow,
        artifact=asked.artifact,
        key=asked.key,
        commands=not asked.no_commands,
        environment=asked.environment,
    )
    done = publisher.publish(event)
    status = _announce(event, done, here)
    if done.awaits and _follow(publisher, event, asked.follow):
        status = _announce(event, publisher.publish(event), here)
    return status


def _follow(publisher: Publisher, event: RunEvent, seconds: float) -> bool:
    """Wait until a run has something more to tell; whether it has."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        match publisher.ahead(event):
            case Ahead.NEWS:
                return True
            case Ahead.OVER:
                return False
        time.sleep(min(_LOOK_AGAIN_SECONDS, max(0.0, end - time.monotonic())))
    return False


def _announce(event: RunEvent, done: Done, here: ActionsRun) -> int:
    print(f"perflint: run {event.run}: {plain(done.words)}")
    if done.told is not None:
        report, files = (done.result.report, done.result.files) if done.result else (None, None)
        announce(done.told, report=report, files=files, summary=here.summary, in_actions=True)
    if done.refused:
        warn(f"run {event.run}: {plain(done.words)}")
    return 1 if done.refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint bot publish",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--workflow",
        action="append",
        default=[],
        metavar="FILE",
        help="tell only of runs of .github/workflows/FILE; may be given twice (default: of all)",
    )
    add(
        "--artifact",
        default=ARTIFACT,
        metavar="NAME",
        help=f"the artifact with report.json, and with nothing else, in it ({ARTIFACT})",
    )
    add(
        "--artifact-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a further host that artifacts are fetched from: the storage of your GitHub "
        "Enterprise Server; may be given twice",
    )
    add(
        "--environment",
        default="",
        metavar="NAME",
        help="refuse the report of a fork's run that no reviewer of this environment has approved",
    )
    add(
        "--follow",
        type=float,
        default=FOLLOW_SECONDS,
        metavar="SECONDS",
        help="where a run begins, wait so long for what it is going to do, and tell that too "
        "(%(default)g; 0: do not)",
    )
    add(
        "--no-commands",
        action="store_true",
        help="no workflow here reads commands (`perflint bot command`), so tell of none",
    )
    add("--key", default="default", help="tells several comments on one pull request apart")
    return parser
