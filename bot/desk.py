"""One publication on one pull request: what was seen, what is done in turn, and what failed."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from .acks import Ack
from .check import Check, Conclusion
from .github.checks import CheckRun, Checks
from .github.errors import GitHubError
from .github.pull_request import Facts, PullRequest
from .labels import ACKNOWLEDGED, change, together
from .markdown import prose
from .post import Action, Look, NotPosted, Posted, Say, write_comment
from .put_check import (
    Identity,
    Standing,
    check_name,
    newer_result,
    of_run,
    ours_among,
    put,
    settle_others,
)
from .state import Stage, State
from .sticky import SAYS_SO, read_marker

DELETED = "somebody deleted our comment on this commit; the next push gets a new one"
PUSHED = "another commit is the head of the pull request by now"
CLOSED = "the pull request is closed, and a closed one gets no new comment"


class Desk:
    """Does each part of a publication as well as GitHub lets us, and goes on where one fails."""

    def __init__(self, pull: PullRequest, state: State, page: str | None) -> None:
        self.pull, self.state, self.page = pull, state, page
        self.key = pull.target.key
        self.comment: Posted | NotPosted = NotPosted("nothing was written")
        self.check: CheckRun | None = None
        self.failures: list[GitHubError] = []
        self.notes: list[str] = []
        self.told = State()
        self._seen: Look | None = None
        self._standing: list[Standing] | None = None
        self._no_new = ""
        self._head = ""  # of the pull request, once we have asked
        self._look()

    @property
    def has_comment(self) -> bool:
        """Whether a comment of ours stands."""
        return self._seen is not None and self._seen.mine(self.key) is not None

    @property
    def tells_of_run(self) -> bool:
        """Whether our comment tells about this very run, on this commit."""
        told = self.told
        return (told.run, told.head) == (self.state.run, self.state.head) and told.run is not None

    @property
    def has_check(self) -> bool:
        """Whether this very run and attempt has a check run."""
        return of_run(self._standing or (), Identity.of(self.key, self.state)) is not None

    def check_for(self, told: State) -> int | None:
        """The number of our check run, as the comment remembers it for this run or as it is.

        Once a comment remembers none, it stays so: else telling the same again would be a write.
        """
        if told.head == self.state.head and told.order == self.state.order:
            return told.check
        return None if self.check is None else self.check.id

    def put_check(self, check: Check) -> None:
        """Bring the check run to what it should say; what a newer run found out goes first."""
        if self._standing is None:
            return
        identity = Identity.of(self.key, self.state, self._comment_id())
        newer = newer_result(self._standing, identity)
        mine = of_run(self._standing, identity)
        later = any(one.identity.order > identity.order for one in self._standing)
        if mine is None and later:
            self.notes.append("a newer run has a check on this commit, so this one gets none")
            return
        if newer is not None and check.conclusion is not None:
            check = _copy(newer)
        self._attempt(lambda checks: put(checks, check, identity, self._standing or (), self.page))
        self._settle(identity)

    def end_check(self, check: Check, *, make: bool) -> None:
        """End the check run where it goes on; `make` one where there is none."""
        if self._standing is None:
            return
        identity = Identity.of(self.key, self.state)
        mine = of_run(self._standing, identity)
        if mine is not None and mine.status == "completed":
            self.check = mine
        elif mine is not None or (make and not self._standing):
            self._attempt(
                lambda checks: put(checks, check, identity, self._standing or (), self.page)
            )

    def write(self, say: Say, *, no_new: str = "") -> None:
        """Write, edit or keep the comment."""
        if self._seen is None:
            return
        try:
            why_not = no_new or self._no_new
            self.comment = write_comment(say, self.pull, self._seen, no_new=why_not)
        except GitHubError as error:
            self._failed(error)
            self.comment = NotPosted(str(error))
            return
        if isinstance(self.comment, Posted) and self.comment.note:
            self.notes.append(self.comment.note)

    def sync_labels(self, wanted: tuple[str, ...]) -> None:
        """Bring our labels to what this result and those of our other comments want."""
        facts = self._fresh()
        if facts is None or not facts.open or facts.head != self.state.head or self._is_stale():
            return
        self._relabel(facts, wanted)

    def unlabel_unmeasured(self) -> None:
        """Take off the label that vouches for an accepted regression, on a head not yet measured.

        Known without a request: what the comment remembers is what was done.
        """
        moved = self.told.head and self.told.head != self.state.head
        if not moved or ACKNOWLEDGED not in self.told.labels or self._is_stale():
            return
        try:
            self.pull.remove_label(ACKNOWLEDGED)
        except GitHubError as error:
            self._failed(error)

    def give_way(self) -> None:
        """Look whether another run told its result while we wrote ours; the newest has to stand."""
        if self._standing is None:
            return
        identity = Identity.of(self.key, self.state, self._comment_id())
        try:
            self._standing = self._named(self.state.head)
            if newer := newer_result(self._standing, identity):
                self._repeat(newer, identity)
            elif self._head not in ("", self.state.head):
                newer = newer_result(self._named(self._head), identity)
            if newer is not None:
                self._restore(newer)
        except GitHubError as error:
            self.notes.append(f"whether another run told its result is not known: {error}")
            return
        self._settle(identity)

    def remember(self, acks: tuple[Ack, ...]) -> None:
        """Keep what was accepted in a comment that tells something else by now."""
        if not self._is_kept() or self._seen is None:
            return

        def say(told: State) -> tuple[str, State]:
            mine = seen.mine(self.key)
            return (mine.body.rpartition("\n")[0] if mine else ""), replace(told, acks=acks)

        try:
            seen = Look(self._seen.me, tuple(self.pull.comments()))
            if seen.told(self.key).acks != acks:
                write_comment(say, self.pull, seen, no_new=DELETED)
        except GitHubError as error:
            self._failed(error)

    def _look(self) -> None:
        pull = self.pull
        # Checks first: one that names a comment is written after it, so that a comment which is not
        # there afterwards was deleted, and is not one that another run has just posted.
        try:
            self._standing = self._named(self.state.head)
        except GitHubError as error:
            self._failed(error)
        try:
            me = pull.client.me()
            self._seen = Look(me, tuple(pull.comments()))
            self.told = self._seen.told(self.key)
        except GitHubError as error:
            self._failed(error)
            self.comment = NotPosted(str(error))
        # Only where it decides something: this is one more request.
        if self._seen is not None and (not self.has_comment or self.told.head != self.state.head):
            facts = self._fresh()
            self._seen = replace(self._seen, current=facts.head if facts else "")
            deleted = any(one.identity.comment for one in self._standing or ())
            self._no_new = DELETED if deleted else ""
            if facts is not None and facts.head != self.state.head:
                self._no_new = PUSHED
            if facts is not None and not facts.open:
                self._no_new = CLOSED

    def _fresh(self) -> Facts | None:
        try:
            facts = self.pull.facts()
        except GitHubError as error:
            self._failed(error)
            return None
        self._head = facts.head
        return facts

    def _named(self, head: str) -> list[Standing]:
        return ours_among(self._checks(head).named(check_name(self.key)), self.key)

    def _checks(self, head: str) -> Checks:
        return Checks(self.pull.target, head, self.pull.client)

    def _attempt(self, do: Callable[[Checks], CheckRun]) -> None:
        try:
            self.check = do(self._checks(self.state.head))
        except GitHubError as error:
            self._failed(error)

    def _settle(self, identity: Identity) -> None:
        if self.check is None or self.check.conclusion is None or self._standing is None:
            return
        checks = self._checks(self.state.head)
        if problem := settle_others(checks, self.check, self._standing, identity):
            self.notes.append(problem)

    def _comment_id(self) -> int | None:
        """The comment that tells what the check run tells; unknown while nothing is finished."""
        if self.state.stage is not Stage.FINISHED:
            return None
        if isinstance(self.comment, Posted):
            tail = self.comment.url.rpartition("-")[2]
            return int(tail) if tail.isascii() and tail.isdigit() else None
        mine = self._seen.mine(self.key) if self._seen else None
        return mine.id if mine else None

    def _is_stale(self) -> bool:
        identity = Identity.of(self.key, self.state)
        return self._is_kept() or newer_result(self._standing or (), identity) is not None

    def _is_kept(self) -> bool:
        """Whether the comment was left alone for telling something else."""
        done = self.comment
        if not isinstance(done, Posted) or done.action is not Action.KEPT:
            return False
        return done.reason != SAYS_SO

    def _relabel(self, facts: Facts, wanted: tuple[str, ...]) -> None:
        results = [wanted, *self._of_other_keys(facts.head)]
        todo = change(facts.labels, together(results))
        try:
            if todo.add:
                self.pull.add_labels(todo.add)
            for label in todo.remove:
                self.pull.remove_label(label)
        except GitHubError as error:
            self._failed(error)

    def _of_other_keys(self, head: str) -> Sequence[tuple[str, ...]]:
        if self._seen is None:
            return ()
        found: dict[str, State] = {}
        for comment in self._seen.standing:
            read = read_marker(comment.body) if comment.author == self._seen.me else None
            if read and read[0] != self.key and read[1].head == head:
                found[read[0]] = max(read[1], found.get(read[0], State()), key=lambda s: s.order)
        return [state.labels for state in found.values()]

    def _repeat(self, newer: Standing, identity: Identity) -> None:
        """Let our check run say what a newer one on the same commit found out."""
        if self.check is not None and self.check.conclusion != newer.run.conclusion:
            check = _copy(newer)
            self.check = put(self._checks(self.state.head), check, identity, self._standing or ())

    def _restore(self, newer: Standing) -> None:
        """Let comment and labels tell what the newer run found out, where we told something else.

        The check run has all that the comment had, but for the links of its headline.
        """
        state = newer.result
        assert state is not None
        facts = self._fresh()
        if facts is not None and facts.open and facts.head == state.head:
            self._relabel(facts, state.labels)
        seen = Look(self._seen.me if self._seen else "", tuple(self.pull.comments()), self._head)
        if seen.told(self.key).order != self.state.order:
            return  # it stands, or somebody newer still told theirs
        body = f"### {prose(newer.run.title)}\n\n{newer.run.summary}"
        state = replace(state, check=newer.run.id)
        write_comment(lambda told: (body, state), self.pull, seen)
        self.notes.append(f"run {newer.identity.run} told its result meanwhile, which was put back")

    def _failed(self, error: GitHubError) -> None:
        self.failures.append(error)


def _copy(newer: Standing) -> Check:
    """What a newer run found out, for the check run of an older one."""
    return Check(
        newer.run.title,
        f"This is what run {newer.identity.run} found out, which began later.",
        conclusion=Conclusion(newer.run.conclusion),
    )
