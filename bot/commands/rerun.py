"""Measures again where somebody pressed "Re-run" on our check: what `/perflint rerun` does."""

from ..github.conversation import Conversation
from ..github.people import People
from .command import Command, Word
from .decide import Start, decide
from .run import End, Measuring, Outcome
from .situation import Asker, Standing

_RERUN = Command(Word.RERUN)


def rerun(
    number: int,
    head: str,
    login: str,
    people: People,
    conversation: Conversation,
    measuring: Measuring,
    *,
    pressed: int,
    again: bool,
) -> Outcome:
    """Start a measurement of a pull request at `head`, for whoever may command it.

    `pressed` is the number of the check run, 0 for all of a commit. There is no place to answer a
    button: who may not is told nothing. Raises GitHubError where GitHub fails.
    """
    pull = conversation.pull(number)
    if pull.head != head:
        return Outcome(End.IGNORED, "the commit is not the head of the pull request any more")
    permission = people.permission(login)
    asker = Asker(login, permission, login == pull.author, at="")
    decision = decide((_RERUN,), asker, pull, Standing())
    if decision.refusals:
        return Outcome(End.REFUSED, "whoever pressed the button may not, or the code is a fork's")
    for step in decision.steps:
        assert isinstance(step, Start)
        measuring.start(number, step.sha, step.tests, comment=pressed, again=again)
    return Outcome(End.DONE, "a measurement was started")
