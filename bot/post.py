"""Tells a pull request: one comment, or the same Markdown in the job summary where that fails."""

import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .event import Target
from .github.client import TRIES, Client
from .github.errors import GitHubError, NotFoundError, UnclearError
from .github.pull_request import PullRequest
from .report import Report
from .sticky import Comment, EditComment, KeepComment, PostComment, State, plan
from .summary import append_summary


class Action(Enum):
    """What was done about the comment."""

    POSTED = "posted"
    EDITED = "edited"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Posted:
    """Where the comment stands; `reason` says why it was kept, `note` what else went wrong."""

    url: str
    action: Action
    reason: str = ""
    note: str = ""

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        note = f"; {self.note}" if self.note else ""
        return f"comment {self.action.value}: {self.url}{because}{note}"


@dataclass(frozen=True, slots=True)
class NotPosted:
    """Why the pull request could not be told, and whether the job summary has the same Markdown."""

    reason: str
    in_summary: bool = False

    def __str__(self) -> str:
        where = ". The same Markdown is in the job summary" if self.in_summary else ""
        return f"comment not posted: {self.reason}{where}"


def state_of(report: Report) -> State:
    """Return what the comment on a report remembers: by it no older result replaces a newer."""
    if report.link is None:
        return State(report.head.sha, report.base.sha)
    return State(report.head.sha, report.base.sha, report.link.run_id, report.link.attempt)


def tell(
    body: str, target: Target, state: State, *, token: str | None, summary: Path | None = None
) -> Posted | NotPosted:
    """Post the comment; where that cannot be done, append its Markdown to the job summary.

    `body` is Markdown without its marker; `summary` is the file of GITHUB_STEP_SUMMARY.
    """
    try:
        if not token:
            raise GitHubError(
                "there is no token: give the step `GITHUB_TOKEN: ${{ github.token }}`"
            )
        return post_comment(body, PullRequest(target, Client(token, target.api_url)), state)
    except GitHubError as error:
        if summary is None:
            return NotPosted(str(error))
        problem = append_summary(summary, body)
        return NotPosted(f"{error}{problem}", in_summary=not problem)


def announce(outcome: Posted | NotPosted, *, in_actions: bool) -> None:
    """Say aloud what became of the comment; GitHub Actions shows a failure on the run's page."""
    if isinstance(outcome, Posted):
        print(f"perflint: {outcome}")
        return
    print(f"perflint: {outcome}", file=sys.stderr)
    if in_actions:
        said = str(outcome).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::warning title=perflint::{said}")


def post_comment(body: str, pull: PullRequest, state: State) -> Posted:
    """Write, edit or keep our one comment. Raises GitHubError where GitHub does not let us."""
    me, current = pull.client.me(), pull.head()
    lost: GitHubError | None = None
    for attempt in range(TRIES):
        key = pull.target.key
        decision = plan(pull.comments(), body, me=me, key=key, state=state, current=current)
        try:
            done = _do(decision, pull)
        except UnclearError as error:
            # Not at once: a failing GitHub may show late what it has written.
            pull.client.wait(2.0**attempt, error)
            lost = error
        except NotFoundError as error:
            # Somebody deleted our comment since we looked. A thread that is not there stays away.
            if isinstance(decision, PostComment):
                raise
            lost = error
        else:
            if isinstance(done, Comment):
                return _only_one(done, body, pull, state, current)
            wrote = isinstance(lost, UnclearError) and done.action is Action.KEPT
            return Posted(done.url, Action.POSTED, note=done.note) if wrote else done
    assert lost is not None
    raise lost


def _do(decision: PostComment | EditComment | KeepComment, pull: PullRequest) -> Posted | Comment:
    """Do what was decided; a comment that is new is returned for a second look."""
    match decision:
        case PostComment(body):
            return pull.post(body)
        case EditComment(number, body, surplus):
            url = pull.edit(number, body).url
            return Posted(url, Action.EDITED, note=_delete(surplus, pull))
        case KeepComment(url, reason, surplus):
            return Posted(url, Action.KEPT, reason, _delete(surplus, pull))


def _only_one(new: Comment, body: str, pull: PullRequest, state: State, current: str) -> Posted:
    """Look again after posting: where two runs post at once, each sees both and one stays."""
    try:
        standing = {comment.id: comment for comment in [*pull.comments(), new]}.values()
        # By the author that GitHub shows: it settles who we are.
        decision = plan(
            standing, body, me=new.author, key=pull.target.key, state=state, current=current
        )
        done = _do(decision, pull)
    except GitHubError as error:
        return Posted(
            new.url, Action.POSTED, note=f"whether another run posted too is not known: {error}"
        )
    if isinstance(done, Posted) and done.url != new.url:
        return done
    return Posted(new.url, Action.POSTED, note=done.note if isinstance(done, Posted) else "")


def _delete(surplus: tuple[int, ...], pull: PullRequest) -> str:
    """Delete further comments of ours; returns what went wrong, since the comment itself stands."""
    try:
        for number in surplus:
            pull.delete(number)
    except GitHubError as error:
        return f"an older copy could not be deleted: {error}"
    return ""
