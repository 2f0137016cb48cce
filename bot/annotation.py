"""A remark beside lines of code, as a check run or the log of GitHub Actions shows it."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much an annotation matters, the gravest first."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark beside lines of head; `path` is relative to the repository, lines count from 1."""

    path: str
    start_line: int
    end_line: int
    level: Level
    title: str
    message: str
