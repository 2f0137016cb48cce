"""What a comment can command, as plain data."""

import re
from dataclasses import dataclass
from enum import Enum


class Word(Enum):
    """The word after `/perflint`."""

    RUN = "run"
    RERUN = "rerun"
    ACK = "ack"
    UNACK = "unack"
    OK = "ok"
    CANCEL = "cancel"
    HELP = "help"


# Each of these begins a measurement, and a comment may begin one.
STARTING = (Word.RUN, Word.RERUN, Word.OK)

# What `run` calls all perf tests, whether the change can affect them or not.
ALL = "all"

# Letters that no shell, expression or option could take for anything but a name.
TEST_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:/\[\]=,+-]{0,199}")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `tests` are names or node ids, `sha` is seven to forty digits of a commit."""

    word: Word
    tests: tuple[str, ...] = ()
    reason: str = ""
    sha: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that begins as a command does and is none: why, in Markdown of our own."""

    why: str
