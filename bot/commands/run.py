"""Obeys the commands of one comment: asks GitHub how things are, does them, and says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ... import PerflintError
from ..acks import Ack
from ..github.conversation import Conversation
from ..github.errors import NotAcceptedError, UnavailableError, UnclearError
from ..github.people import People, Sign
from ..github.pull_request import PullRequest
from ..markdown import code, prose
from ..report import Report
from .command import Command, Mistake, Word
from .decide import Decision, SetAcks, Start, Step, Stop, decide
from .parse import parse
from .reply import answered, help_text, refusal
from .situation import Asked, Asker, Pull, Standing, Written

_TRIES = 3


class Measuring(Protocol):
    """What starts and ends measurements: a workflow, or the server of an App."""

    def start(
        self, pull: int, sha: str, tests: tuple[str, ...], *, comment: int, again: bool
    ) -> None:
        """Measure the commit `sha` (all forty digits) of a pull request, and no other.

        `tests` are `("all",)`, names, or none for those that the change affects. What measures
        checks the commit out by this hash and compares before it runs any of its code. A run of the
        same pull request that is under way ends. `comment` is the number of the comment, or of the
        check run whose button was pressed. `again`: an earlier try for it ended in the middle and
        may have started it; then it is not started twice.
        """

    def cancel(self, pull: int) -> int:
        """End what is under way for a pull request; return how many runs that were."""


class Results(Protocol):
    """What our comment tells about a pull request."""

    def report(self, pull: int) -> Report | None:
        """Read the report that it tells; None where there is none, or where it cannot be had."""

    def acks(self, pull: int) -> tuple[Ack, ...]:
        """Read what was accepted, with that which lapses with the report that stands."""

    def accept(self, pull: int, acks: tuple[Ack, ...]) -> None:
        """Tell the same report with these acknowledgements: comment, check and labels."""


class End(Enum):
    """What became of a comment."""

    IGNORED = "ignored"  # no command of anybody who might give one
    GONE = "gone"  # GitHub has no such comment, or does not show it yet
    BEFORE = "answered before"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a comment, in plain words without a character of the comment's own."""

    end: End
    words: str = ""


@dataclass(frozen=True, slots=True)
class Hands:
    """All that is needed to obey: where to ask, where to answer, and what does the work."""

    people: People
    conversation: Conversation
    pull_request: PullRequest
    measuring: Measuring
    results: Results


def obey(asked: Asked, hands: Hands, *, again: bool = False) -> Outcome:
    """Do what a comment commands, once.

    GitHub keeps what became of it: 👀 once we begin, then 🚀 or 😕. Whoever finds the first does
    nothing, unless the caller knows that the earlier try is over (`again`); whoever finds one of
    the others does nothing at all. Raises GitHubError where GitHub fails in the middle, or does not
    let us answer: the comment then has 👀 only, and may be tried again.
    """
    commands = parse(asked.body)
    if not commands:
        return Outcome(End.IGNORED, "it gives no command")
    written = hands.conversation.comment(asked.comment)
    if written is None:
        return Outcome(End.GONE, "the comment is gone")
    if written.pull != asked.pull:
        return Outcome(End.IGNORED, "the comment is another pull request's by now")
    if not written.is_person:
        return Outcome(End.IGNORED, "no person wrote it")
    pull = hands.conversation.pull(asked.pull)
    asker = Asker(
        written.author,
        hands.people.permission(written.author),
        written.author == pull.author,
        written.created,
    )
    if asker.is_stranger:
        hands.people.react(written.id, Sign.REFUSED)
        return Outcome(End.REFUSED, "its author may not give commands here")
    begun = hands.people.react(written.id, Sign.SEEN)
    if not begun.is_new:
        if not again:
            return Outcome(End.BEFORE, "another run is at it, or was")
        if {Sign.DONE, Sign.REFUSED} & hands.people.signs(written.id, begun.by):
            return Outcome(End.BEFORE, "it has its answer")
    answer = _Answer(hands, written, begun.by, begun.is_new)
    if why := _not_as_written(asked, written):
        return answer.refuse(why)
    return _Order(commands, asker, pull, hands, answer, again).obey()


def _not_as_written(asked: Asked, written: Written) -> str:
    """Say why the comment is not what its author sent off; empty where it is."""
    if written.created != written.updated or written.body != asked.body:
        return "the comment was edited, and an edited comment gives no commands: write a new one"
    return "too much was asked for within an hour: say it later" if asked.over_quota else ""


class _Answer:
    """Answers one comment, once."""

    def __init__(self, hands: Hands, written: Written, me: str, first: bool) -> None:
        self._hands = hands
        self._written = written
        self._me = me
        self._first = first

    @property
    def comment(self) -> int:
        """The number of the comment that is answered."""
        return self._written.id

    def refuse(self, *why: str, done: Sequence[str] = ()) -> Outcome:
        """Say why it was not done, and what was done before that showed."""
        self._say(refusal(why, done, self.comment))
        self._hands.people.react(self._written.id, Sign.REFUSED)
        return Outcome(End.REFUSED, "the answer to it says why")

    def finish(self, words: str) -> Outcome:
        """Say that it was done."""
        self._hands.people.react(self._written.id, Sign.DONE)
        return Outcome(End.DONE, words)

    def help(self) -> None:
        """Say which commands there are."""
        self._say(help_text(self.comment))

    def _say(self, body: str) -> None:
        """Write the one comment that answers it, unless it stands there already."""
        pull = self._hands.pull_request
        for attempt in range(_TRIES):
            if not self._first and answered(pull.comments(), self._me, self._written.id):
                return
            try:
                pull.post(body)
            except UnclearError as error:
                self._first = False
                if attempt + 1 == _TRIES:
                    raise
                pull.client.wait(2.0**attempt, error)
            else:
                return


class _Refused(Exception):
    """What was decided cannot be done any more; the message is Markdown of ours."""


@dataclass(frozen=True, slots=True)
class _Order:
    """The commands of one comment by somebody who may give some."""

    commands: tuple[Command | Mistake, ...]
    asker: Asker
    pull: Pull
    hands: Hands
    answer: _Answer
    again: bool

    def obey(self) -> Outcome:
        """Decide about all of them, and do them in their order."""
        done: list[str] = []
        try:
            decision = self._decide()
            if decision.refusals:
                return self.answer.refuse(*decision.refusals)
            for step in decision.steps:
                done.append(self._do(step))  # noqa: PERF401  (what was done stays where one fails)
        except _Refused as refused:
            return self.answer.refuse(str(refused), done=done)
        except (UnavailableError, NotAcceptedError):
            raise  # another try may help, or another token
        except PerflintError as error:
            # To try again would change nothing, and whoever asked is waiting.
            return self.answer.refuse(prose(str(error)), done=done)
        if decision.wants_help:
            self.answer.help()
            done.append("said which commands there are")
        return self.answer.finish("; ".join(done))

    def _decide(self) -> Decision:
        results, number = self.hands.results, self.pull.number
        words = {command.word for command in self.commands if isinstance(command, Command)}
        standing = Standing(
            results.report(number) if Word.ACK in words else None,
            results.acks(number) if words & {Word.ACK, Word.UNACK} else (),
        )
        return decide(self.commands, self.asker, self.pull, standing)

    def _do(self, step: Step) -> str:
        match step:
            case Start():
                return self._start(step)
            case Stop():
                return self._stop()
            case SetAcks():
                return self._accept(step)

    def _start(self, step: Start) -> str:
        """Start a measurement, after a last look at what it is a measurement of."""
        whole = len(step.named) in (0, len(step.sha))
        # Whoever makes two commits whose hashes begin alike shows one and pushes the other.
        if not whole and self.hands.conversation.commit(step.named) != step.sha:
            raise _Refused(
                f"{code(step.named)} may be the beginning of other commits too: write "
                f"{code(f'/perflint ok {step.sha}', 60)}"
            )
        now = self.hands.conversation.pull(self.pull.number)
        if not now.is_open:
            raise _Refused("the pull request was closed meanwhile")
        if now.head != step.sha:
            raise _Refused(
                f"the pull request was pushed to meanwhile: head is {code(now.head[:12])}"
            )
        self.hands.measuring.start(
            self.pull.number,
            step.sha,
            step.tests,
            comment=self.answer.comment,
            again=self.again,
        )
        return f"a measurement of {code(step.sha[:12])} was started"

    def _stop(self) -> str:
        stopped = self.hands.measuring.cancel(self.pull.number)
        if not stopped and not self.again:
            raise _Refused("no measurement is under way")
        return "what was under way was ended"

    def _accept(self, step: SetAcks) -> str:
        """Write acknowledgements until they stand there: others may write some at the same time."""
        results, number = self.hands.results, self.pull.number
        for _ in range(_TRIES):
            acks = results.acks(number)
            wanted = step.after(acks)
            if wanted == acks:
                return "what is acknowledged is told in the comment"
            results.accept(number, wanted)
        if step.after(results.acks(number)) != results.acks(number):
            raise UnavailableError("what was acknowledged was written over by others; say it again")
        return "what is acknowledged is told in the comment"
