"""Says what can be done about a result by writing a comment: the commands, ready to be copied."""

from collections.abc import Collection, Mapping

from ..runners.result import TestResult
from ..runners.verdict.compare import Verdict
from .commands.command import TEST_NAME
from .markdown import code
from .story import State, Story

# The longest name that a command takes, and the words around it.
_LONGEST = 260


def next_steps(
    story: Story, names: Mapping[str, str], accepted: Collection[str]
) -> dict[str, str | None]:
    """The commands for the test that matters most; `accepted` are tests, by their node id.

    None where there is nothing to command: a test that fails can be neither accepted nor doubted,
    and an exact count is no noise.
    """
    open_ones = [
        one
        for one in story.shown
        if one.is_regression and one.verdict is not Verdict.FAILED and one.test.id not in accepted
    ]
    doubtful = [one for one in story.shown if one.verdict in (Verdict.SLOWER, Verdict.UNSURE)]
    not_accepted = [one for one in doubtful if one.test.id not in accepted]
    return {
        "ack": _command("ack", open_ones, names, ' "reason"'),
        "rerun": _command("rerun", not_accepted, names),
        "run": code("/perflint run all") if story.state is State.NOT_AFFECTED else None,
    }


def _command(
    word: str, tests: list[TestResult], names: Mapping[str, str], ending: str = ""
) -> str | None:
    """Name the first test whose name a command can have."""
    for one in tests:
        if TEST_NAME.fullmatch(name := names[one.test.id]):
            return code(f"/perflint {word} {name}{ending}", _LONGEST)
    return None
