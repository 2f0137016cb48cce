"""Decides what a comment's commands come to. Pure: what was asked, who asks, and how things stand.

Who may what:

- Everything that lets code run on the measuring machine, or a regression pass, needs the permission
  to write: `run`, `rerun`, `ok`, `ack`, `unack`.
- The author of the pull request may also `cancel`, which saves money, and ask for `help`. Not
  `rerun`: it costs minutes of a GPU, a stranger could ask for it without an end, and
  whoever has only the permission to read has pushed from a fork, whose code runs by `ok` alone.
- A fork's code is measured at a commit that somebody who may write has named: `ok`. `run` and
  `rerun` name none, so they do not start it, whoever asks. That a result stands proves no approval:
  it comes from a run that the fork's own code was part of.
- Anybody else gets a reaction and no words, so that nobody makes us write comments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ..acks import Ack, Refused, acknowledge, withdraw
from ..markdown import code
from .command import Command, Mistake, Word
from .situation import Asker, Pull, Standing

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Start:
    """Measure the commit `sha`: these tests, `("all",)`, or those that the change affects (none).

    `named` is how the commit was written where a person has approved it, else empty.
    """

    sha: str
    tests: tuple[str, ...] = ()
    named: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the measurements of the pull request that are under way."""


@dataclass(frozen=True, slots=True)
class SetAcks:
    """Acknowledge some regressions, each in place of its earlier one, and take others back."""

    added: tuple[Ack, ...] = ()
    removed: tuple[str, ...] = ()  # tests, by their node id

    def after(self, acks: tuple[Ack, ...]) -> tuple[Ack, ...]:
        """Return what is acknowledged after this, whatever it was before; twice is once."""
        new = tuple(ack for ack in self.added if ack not in acks)
        gone = {*self.removed, *(ack.test for ack in new)}
        return (*(ack for ack in acks if ack.test not in gone), *new)


Step = Start | Stop | SetAcks


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, in order; nothing where there are refusals, which say why in Markdown."""

    steps: tuple[Step, ...] = ()
    refusals: tuple[str, ...] = ()
    wants_help: bool = False


def decide(
    commands: tuple[Command | Mistake, ...], asker: Asker, pull: Pull, standing: Standing
) -> Decision:
    """Decide about all commands of a comment together: where one is refused, none is done."""
    refusals: list[str] = []
    steps: list[Step] = []
    acks: tuple[Ack, ...] = standing.acks
    for command in commands:
        if isinstance(command, Mistake):
            refusals.append(command.why)
            continue
        if why := _not_allowed(command, asker, pull):
            refusals.append(f"{_shown(command)}: {why}")
            continue
        changed = _acks_after(command, acks, asker, pull, standing)
        if isinstance(changed, Refused):
            refusals.append(f"{_shown(command)}: {changed.why}")
            continue
        acks = changed
        steps += _steps(command, pull)
    if refusals:
        return Decision(refusals=tuple(dict.fromkeys(refusals)))
    if any(isinstance(c, Command) and c.word in (Word.ACK, Word.UNACK) for c in commands):
        steps.append(_change(standing.acks, acks))
    wants_help = any(isinstance(c, Command) and c.word is Word.HELP for c in commands)
    return Decision(tuple(steps), wants_help=wants_help)


def _change(before: tuple[Ack, ...], after: tuple[Ack, ...]) -> SetAcks:
    tests = {ack.test for ack in after}
    return SetAcks(
        tuple(ack for ack in after if ack not in before),
        tuple(ack.test for ack in before if ack.test not in tests),
    )


def _not_allowed(command: Command, asker: Asker, pull: Pull) -> str | None:
    """Say what keeps this command from being done by this person, now."""
    if not pull.is_open:
        return "the pull request is closed"
    if command.word is Word.HELP or (command.word is Word.CANCEL and asker.is_author):
        return None
    if not asker.permission.may_write:
        also = " (its author may cancel)" if command.word is Word.CANCEL else ""
        return f"this needs the permission to write to the repository{also}"
    if command.word in (Word.RUN, Word.RERUN) and pull.from_fork:
        return (
            "the code is a fork's and runs only at a commit that you have read: "
            f"{code(f'/perflint ok {pull.head}', 60)}"
        )
    if command.word is Word.OK and not pull.head.startswith(command.sha):
        return f"the head of the pull request is {code(pull.head[:_SHOWN])} now: read that one"
    return None


def _acks_after(
    command: Command, acks: tuple[Ack, ...], asker: Asker, pull: Pull, standing: Standing
) -> tuple[Ack, ...] | Refused:
    if command.word is Word.UNACK:
        return withdraw(acks, command.tests[0])
    if command.word is not Word.ACK:
        return acks
    report = standing.report
    if report is None:
        return Refused("there is no result to acknowledge yet")
    if report.head.sha != pull.head:
        return Refused(
            f"the result is of {code(report.head.sha[:_SHOWN])} and head is "
            f"{code(pull.head[:_SHOWN])} now: wait for its result"
        )
    if not _was_there(report.created, asker.at):
        return Refused("the result is newer than your comment: look at it and say it again")
    return acknowledge(acks, report, command.tests[0], command.reason, by=asker.login, at=asker.at)


def _was_there(created: str, at: str) -> bool:
    """Whether the result was made before the comment; of a time that is none, it was not."""
    try:
        made, wrote = (_moment(text) for text in (created, at))
    except (ValueError, OverflowError):
        return False
    return made <= wrote


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _steps(command: Command, pull: Pull) -> Iterator[Step]:
    match command.word:
        case Word.RUN | Word.RERUN:
            yield Start(pull.head, command.tests)
        case Word.OK:
            yield Start(pull.head, named=command.sha)
        case Word.CANCEL:
            yield Stop()


def _shown(command: Command) -> str:
    return code(" ".join(("/perflint", command.word.value, *command.tests, command.sha)).strip())
