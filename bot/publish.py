"""Tells a pull request about the life of a run: it begins or waits, and ends with a result or none.

Comment, check run and labels are published together, each as well as GitHub lets us: what fails is
in `Published.failures` and keeps nothing else from being told. What is defined, and why:

- Each run and attempt has a check run of its own (annotations cannot be taken back), each head and
  key one comment. An older run never replaces what a newer one told; its check run repeats that.
- Closed and merged pull requests get no new comment and no labels; what stands is brought up to
  date. A draft is told like any other. In a locked conversation the check run alone tells.
- A comment that somebody deleted is not written again for the same head; the next push gets one.
- A run that was told to measure some perf tests only takes no regression away that another run on
  the same commit found in others.
- A result for a commit that is the head no more is told where nothing newer stands; labels are
  those of the head.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from .acks import Ack, still_standing
from .check import Check, Conclusion, check_of, check_page, title_of, unacknowledged
from .desk import Desk
from .github.checks import CheckRun
from .github.errors import GitHubError
from .github.pull_request import PullRequest
from .interim import Ended, Running, Waiting, render_ended, render_running, render_waiting
from .labels import ACKNOWLEDGED, together, wanted
from .left import LONGEST_TEXT, concluded, left_by, regressed, with_left
from .links import Links
from .post import NotPosted, Posted, state_of
from .render import render_comment
from .report import Report, Revision, RunLink
from .state import LastVerdict, Stage, State
from .sticky import marker, room_above

# From the acknowledgements that the comment remembers to those that still stand.
Lapse = Callable[[tuple[Ack, ...], Report], tuple[Ack, ...]]


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publication; `failures` are worth another try where GitHub was unavailable.

    `check` is None where there is no check run of this run. `page` is the Markdown that was to be
    told, where something failed.
    """

    comment: Posted | NotPosted
    check: CheckRun | None = None
    failures: tuple[GitHubError, ...] = ()
    notes: tuple[str, ...] = ()
    page: str = ""

    def __str__(self) -> str:
        said = [str(self.comment)]
        if self.check is not None:
            said.append(f"check {self.check.conclusion or self.check.status}: {self.check.url}")
        said += [str(failure) for failure in self.failures if str(failure) not in said[0]]
        return "; ".join([*said, *self.notes])


def started(pull: PullRequest, running: Running) -> Published:
    """Say that a run has begun; the last verdict stays visible. Two writes, the second time none.

    What is known of it later is one more: the check run leaves it out. The label that vouches for
    an accepted regression is taken off a head that is not measured yet.
    """

    def page(known: bool, last: LastVerdict | None) -> str:
        told = running if known else replace(running, outlook=None, runner="")
        return render_running(replace(told, last=running.last or last))

    return _begun(pull, running.head, running.link, Stage.RUNNING, page)


def waiting(pull: PullRequest, waiting: Waiting) -> Published:
    """Say that a fork's run waits for a maintainer. Its check run is queued until the run ends.

    What is known of it later is one more write, as above.
    """

    def page(known: bool, last: LastVerdict | None) -> str:
        told = waiting if known else replace(waiting, outlook=None)
        return render_waiting(replace(told, last=waiting.last or last))

    return _begun(pull, waiting.head, waiting.link, Stage.WAITING, page)


def finished(
    pull: PullRequest,
    report: Report,
    acks: Sequence[Ack] | None = None,
    *,
    lapse: Lapse = still_standing,
    files: Collection[str] | None = None,
    commands: bool = True,
) -> Published:
    """Tell a result. Over a standing start it takes 8 requests, 3 of them writes; again, none.

    `acks` are the acknowledgements; without them, those that the comment remembers. `lapse` picks
    those of them that still stand. `files` are those that annotations may lie on; None: on any.
    `commands` says that somebody reads those that people write in comments.
    """
    key, plain = pull.target.key, state_of(report)
    usual = render_comment(report).partition("\n")[0]

    def standing(told: State) -> tuple[Ack, ...]:
        return lapse(told.acks if acks is None else tuple(acks), report)

    def state(told: State) -> State:
        acks = standing(told)
        left = left_by(report, told, acks)
        heading = whole(usual, told).partition("\n")[0]
        return replace(
            plain,
            last=LastVerdict(report.head.sha, icon_of(heading), title_of(heading)),
            acks=acks,
            labels=together([wanted(report, acks), left.labels]),
            regressed=regressed(report, left),
        )

    def whole(page: str, told: State) -> str:
        acks = standing(told)
        leads = not unacknowledged(report, acks)
        return with_left(page, left_by(report, told, acks), leads=leads, commands=commands)

    def say(told: State) -> tuple[str, State]:
        made = replace(state(told), check=desk.check_for(told))
        room = room_above(key, made) - LONGEST_TEXT
        return whole(render_comment(report, made.acks, room, commands=commands), told), made

    def check(told: State) -> Check:
        made = state(told)
        plainly = check_of(report, made.acks, files)
        left = left_by(report, told, made.acks)
        if left.marks:
            page = whole(f"{usual}\n\n{plainly.summary}", told)
            of_page = check_page(page, concluded(plainly.conclusion, left))
            plainly = replace(of_page, annotations=plainly.annotations)
        return replace(plainly, text=marker(key, made))

    desk = Desk(pull, plain, _page(report.link, report.head))
    if desk.has_comment:
        desk.put_check(check(desk.told))
        desk.write(say)
    else:
        desk.write(say)
        desk.put_check(check(desk.told))
    desk.sync_labels(state(desk.told).labels)
    desk.give_way()
    if acks is not None:
        desk.remember(tuple(acks))
    return _published(desk, lambda told: say(told)[0])


def ended_without_result(pull: PullRequest, ended: Ended) -> Published:
    """Say that a run was cancelled or broke down: no check run stays unfinished.

    Only a comment that tells about this very run is changed, and none is written for it.
    """
    # Of a run that was cancelled before it began there is nothing to tell.
    return _ended(pull, ended, make=ended.conclusion is not Conclusion.CANCELLED)


def end_what_was_told(pull: PullRequest, ended: Ended) -> Published | None:
    """End what tells about this very run and commit, comment and check run; None where none does.

    For a run of which GitHub does not say any more to which pull request it belongs.
    """
    desk = _desk(pull, ended)
    if desk.tells_of_run or desk.has_check:
        return _ended(pull, ended, desk, make=False, write=desk.tells_of_run)
    return None


def icon_of(heading: str) -> str:
    """The icon of a headline, "" where it has none."""
    words = heading.lstrip("# ").split(" ", 1)
    return words[0] if words[0] and not words[0].isascii() else ""


def _desk(pull: PullRequest, ended: Ended) -> Desk:
    state = _state(ended.head, ended.link, Stage.ENDED)
    return Desk(pull, state, _page(ended.link, ended.head))


def _ended(
    pull: PullRequest,
    ended: Ended,
    desk: Desk | None = None,
    *,
    make: bool,
    write: bool = True,
) -> Published:
    """End the check run, or `make` one; `write`: the comment too, where one stands."""
    desk = _desk(pull, ended) if desk is None else desk

    def say(told: State) -> tuple[str, State]:
        made = _keeping(desk.state, told, desk)
        return render_ended(replace(ended, last=ended.last or told.last)), made

    body, _ = say(desk.told)
    desk.end_check(check_page(body, ended.conclusion), make=make)
    if write:
        desk.write(say, no_new="the run ended without a result, and no comment tells about it")
    return _published(desk, lambda told: say(told)[0])


def _begun(
    pull: PullRequest,
    head: Revision,
    link: RunLink | None,
    stage: Stage,
    page: Callable[[bool, LastVerdict | None], str],
) -> Published:
    """Write the comment with what is `known` by now, and the check run without.

    Where a label is taken off, the comment goes without that too: a run may write six times.
    """
    state = _state(head, link, stage)

    def say(told: State) -> tuple[str, State]:
        known = ACKNOWLEDGED not in told.labels
        return page(known, told.last), _keeping(state, told, desk)

    desk = Desk(pull, state, _page(link, head))
    desk.put_check(check_page(page(False, None), None, queued=stage is Stage.WAITING))
    desk.write(say)
    desk.unlabel_unmeasured()
    return _published(desk, lambda told: say(told)[0])


def _state(head: Revision, link: RunLink | None, stage: Stage) -> State:
    run, attempt = (link.run_id, link.attempt) if link else (None, 1)
    return State(head.sha, "", run, attempt, stage)


def _keeping(state: State, told: State, desk: Desk) -> State:
    """Remember what the comment remembered before, since this run knows nothing better yet."""
    return replace(
        state,
        check=desk.check_for(told),
        last=told.last,
        acks=told.acks,
        labels=told.labels,
        regressed=told.regressed if told.head == state.head else (),
    )


def _published(desk: Desk, page: Callable[[State], str]) -> Published:
    return Published(
        desk.comment,
        desk.check,
        tuple(desk.failures),
        tuple(desk.notes),
        page(desk.told) if desk.failures else "",
    )


def _page(link: RunLink | None, head: Revision) -> str | None:
    root = Links.to(link, head).root
    return f"{root}/actions/runs/{link.run_id}" if root and link else None
