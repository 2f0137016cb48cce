"""What is known of a run before its result: what it is going to do, and where it measures.

Strangers may have handed it over: it is three numbers, and nothing else gets anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from ... import PerflintError
from ..github.actions import Actions
from ..github.errors import RefusedError
from ..log import plain
from ..outlook import OUTLOOK_ARTIFACT, OUTLOOK_NAME, Outlook, decode_outlook
from ..workflow import MEASURE_JOB, Artifact, WorkflowRun
from .origin import Candidate, Origin, asked_for
from .zipped import ArchiveError, read_only_file

_LARGEST_BYTES = 4096
# Said of every machine that is not GitHub's own: nobody learns anything by it.
_SAYS_NOTHING = {"self-hosted"}


class Ahead(Enum):
    """Whether there is more to tell of a run that goes on."""

    NOTHING = "nothing yet"
    NEWS = "news"
    OVER = "over"  # or another attempt has begun: that has events of its own


@dataclass(frozen=True, slots=True)
class Known:
    """What a run is going to do, and the labels of the machine that measures.

    `runner` is empty while none does. `words` are for the log. `awaits` says that the run has not
    handed over yet what it is going to do.
    """

    outlook: Outlook | None = None
    runner: str = ""
    words: str = ""
    awaits: bool = False


def look_ahead(actions: Actions, number: int, attempt: int) -> Ahead:
    """Look whether a run has something to tell by now. Two requests."""
    run = actions.run(number)
    if run.is_over or run.attempt != attempt:
        return Ahead.OVER
    return Ahead.NEWS if _handed_over(actions, run) else Ahead.NOTHING


def known_of(
    actions: Actions,
    run: WorkflowRun,
    origin: Origin,
    candidates: Sequence[Candidate],
    workflows: Sequence[str],
) -> Known:
    """Ask what is known of a run that goes on or waits; `workflows`: the one of pushes first.

    A run that a command started lints nothing. What the push's own run has found holds for it too,
    but for the number of perf tests, which the command may have named.
    """
    asked = asked_for(run) is not None
    of = _push_of(actions, origin, candidates, workflows[0]) if asked and workflows else run
    try:
        outlook = _outlook_of(actions, of) if of else None
    except (ArchiveError, RefusedError) as error:
        return Known(words=f"; what it is going to do was refused: {plain(str(error), 200)}")
    if outlook is None:
        return Known(awaits=not asked)
    if asked:
        outlook = Outlook(None, outlook.findings, 0.0)
    return Known(outlook, _runner_of(actions, run))


def _outlook_of(actions: Actions, run: WorkflowRun) -> Outlook | None:
    found = _handed_over(actions, run)
    if not found or found[-1].expired:
        return None
    raw = actions.download(found[-1], largest=_LARGEST_BYTES)
    content = read_only_file(raw, OUTLOOK_NAME, largest=_LARGEST_BYTES)
    try:
        return decode_outlook(content)
    except PerflintError as error:
        raise ArchiveError(str(error)) from error


def _push_of(
    actions: Actions, origin: Origin, candidates: Sequence[Candidate], workflow: str
) -> WorkflowRun | None:
    """Find the run that the push of a commit started."""
    place = next((one.head_place for one in candidates if one.number == origin.pull_request), None)
    for run in actions.runs(head=origin.head, event="pull_request"):
        # Anybody can push a commit of somebody's to a fork, and open a pull request of it.
        of_it = run.head_place is not None and run.head_place.id == place
        if of_it and PurePosixPath(run.path).name == workflow:
            return run
    return None


def _runner_of(actions: Actions, run: WorkflowRun) -> str:
    for job in actions.jobs(run):
        if job.name == MEASURE_JOB and job.status == "in_progress":
            return ", ".join(label for label in job.labels if label not in _SAYS_NOTHING)
    return ""


def _handed_over(actions: Actions, run: WorkflowRun) -> list[Artifact]:
    return [one for one in actions.artifacts(run.id, OUTLOOK_ARTIFACT) if one.is_of(run)]
