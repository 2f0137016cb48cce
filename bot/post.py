"""Writes, edits or keeps our one comment: the one way in which a comment is written."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .github.client import TRIES
from .github.errors import GitHubError, NotFoundError, UnclearError, WaitedError
from .github.pull_request import PullRequest
from .report import Report
from .sticky import (
    SAYS_SO,
    Comment,
    EditComment,
    KeepComment,
    Plan,
    PostComment,
    State,
    ours,
    plan,
)


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


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen before writing: who we are, all comments, and the head of the pull request.

    `current` is empty where it does not matter.
    """

    me: str
    standing: tuple[Comment, ...]
    current: str = ""

    def mine(self, key: str) -> Comment | None:
        """Our comment, the newest where there are several."""
        return next((found for _, found in reversed(ours(self.standing, self.me, key))), None)

    def told(self, key: str) -> State:
        """What our comment remembers; nothing where there is none."""
        return next((state for state, _ in reversed(ours(self.standing, self.me, key))), State())


# From what our comment remembers to the Markdown and the state that should stand there.
Say = Callable[[State], tuple[str, State]]


def state_of(report: Report) -> State:
    """Return what the comment on a report remembers: by it no older result replaces a newer."""
    if report.link is None:
        return State(report.head.sha, report.base.sha)
    return State(report.head.sha, report.base.sha, report.link.run_id, report.link.attempt)


def post_comment(body: str, pull: PullRequest, state: State) -> Posted:
    """Write, edit or keep our one comment. Raises GitHubError where GitHub does not let us."""
    done = write_comment(lambda told: (body, state), pull)
    assert isinstance(done, Posted)  # nothing forbids a new one
    return done


def look_at(pull: PullRequest, me: str | None = None) -> Look:
    """See what stands on the pull request now."""
    me = pull.client.me() if me is None else me
    return Look(me, tuple(pull.comments()), pull.facts().head)


def write_comment(
    say: Say, pull: PullRequest, seen: Look | None = None, *, no_new: str = ""
) -> Posted | NotPosted:
    """Write, edit or keep our one comment, looking anew before anything is sent once more.

    `no_new` says why there must be no new comment where none of ours stands. Raises GitHubError
    where GitHub does not let us.
    """
    seen = look_at(pull) if seen is None else seen
    lost: GitHubError | None = None
    tried: Plan | None = None
    for attempt in range(TRIES):
        if lost is not None:
            seen = look_at(pull, seen.me)
        decision = _decide(seen, say, pull.target.key)
        if isinstance(decision, PostComment) and no_new:
            return NotPosted(no_new)
        try:
            done = _do(decision, pull)
        except UnclearError as error:
            # Not at once: a failing GitHub may show late what it has written.
            if not isinstance(error, WaitedError):
                pull.client.wait(2.0**attempt, error)
            lost, tried = error, decision
        except NotFoundError as error:
            # Somebody deleted our comment since we looked. A thread that is not there stays away.
            if isinstance(decision, PostComment):
                raise
            lost = error
        else:
            if isinstance(done, Comment):
                return _only_one(done, say, pull, seen)
            if isinstance(lost, UnclearError) and done.action is Action.KEPT:
                # It was written after all, though GitHub said otherwise.
                action = Action.POSTED if isinstance(tried, PostComment) else Action.EDITED
                same = done.reason == SAYS_SO
                return Posted(done.url, action, note=done.note) if same else done
            return done
    assert lost is not None
    raise lost


def _decide(seen: Look, say: Say, key: str) -> Plan:
    body, state = say(seen.told(key))
    return plan(seen.standing, body, me=seen.me, key=key, state=state, current=seen.current)


def _do(decision: Plan, pull: PullRequest) -> Posted | Comment:
    """Do what was decided; a comment that is new is returned for a second look."""
    match decision:
        case PostComment(body):
            return pull.post(body)
        case EditComment(number, body, surplus):
            url = pull.edit(number, body).url
            return Posted(url, Action.EDITED, note=_delete(surplus, pull))
        case KeepComment(url, reason, surplus):
            return Posted(url, Action.KEPT, reason, _delete(surplus, pull))


def _only_one(new: Comment, say: Say, pull: PullRequest, seen: Look) -> Posted:
    """Look again after posting: where two runs post at once, each sees both and one stays."""
    try:
        standing = {comment.id: comment for comment in [*pull.comments(), new]}.values()
        # By the author that GitHub shows: it settles who we are.
        again = Look(new.author, tuple(standing), seen.current)
        done = _do(_decide(again, say, pull.target.key), pull)
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
