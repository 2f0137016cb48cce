"""Measures by a workflow of the repository, which a command starts and ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..github.actions import Actions
from ..github.conversation import Conversation
from ..github.errors import UnclearError
from ..workflow import PUSH_WORKFLOW, WorkflowRun
from .situation import Pull

# How a run says what it is for: its `run-name`, made of inputs that only those give who may write.
# `bot.handoff.origin` reads it.
_NAME = "perflint #{pull} at {sha} for comment {comment}"
_UNFINISHED = ("requested", "pending", "queued", "waiting", "in_progress")
# How long a run that was started takes until GitHub lists it.
_LISTED_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class WorkflowMeasuring:
    """A `Measuring` by `workflow_dispatch` of the file `workflow` on the branch `ref`.

    Its inputs are `pull_request`, `commit` (all forty digits), `tests` (names with blanks between,
    `all`, or nothing) and `comment`. `cancel` also ends the runs that pushes to the pull request
    started, of the file `pushed`; to start ends those too, by the group that both files name.
    """

    actions: Actions
    conversation: Conversation
    workflow: str
    ref: str
    pushed: str = PUSH_WORKFLOW

    def start(
        self, pull: int, sha: str, tests: tuple[str, ...], *, comment: int, again: bool
    ) -> None:
        """Start a run, unless an earlier try for the same comment has."""
        name = _NAME.format(pull=pull, sha=sha, comment=comment)
        if again and any(run.title == name for run in self._dispatched()):
            return
        inputs = {
            "pull_request": str(pull),
            "commit": sha,
            "tests": " ".join(tests),
            "comment": str(comment),
        }
        try:
            self.actions.dispatch(self.workflow, self.ref, inputs)
        except UnclearError as error:
            self.actions.client.wait(_LISTED_SECONDS, error)
            if not any(run.title == name for run in self._dispatched()):
                self.actions.dispatch(self.workflow, self.ref, inputs)

    def cancel(self, pull: int) -> int:
        """End the runs that are for this pull request, by command or by a push to it."""
        begin = f"perflint #{pull} at "
        now = self.conversation.pull(pull)
        runs = [run for run in self._dispatched() if run.title.startswith(begin)]
        for status in _UNFINISHED:
            pushes = self.actions.runs(head=now.head, event="pull_request", status=status)
            # Anybody can push a commit of somebody's to a fork, and open a pull request of it.
            pushes = [run for run in pushes if _is_from(run, now)]
            runs += _of(pushes, self.workflow, self.pushed)
        return sum(self.actions.cancel(number) for number in {run.id for run in runs})

    def _dispatched(self) -> Iterator[WorkflowRun]:
        for status in _UNFINISHED:
            runs = self.actions.runs(event="workflow_dispatch", status=status)
            yield from _of(runs, self.workflow)


def _is_from(run: WorkflowRun, pull: Pull) -> bool:
    """Whether a run took its code from where the pull request comes from."""
    place = run.head_place.id if run.head_place else None
    return place == pull.head_place and run.branch == pull.branch


def _of(runs: list[WorkflowRun], *workflows: str) -> list[WorkflowRun]:
    return [run for run in runs if PurePosixPath(run.path).name in workflows]
