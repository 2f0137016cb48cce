"""The runs of `verdict.py`: which there are, in which order, and the lines that keep them."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = (0, 5, 10)
NUMBERS = 20


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of one tool."""

    tool: str
    kind: int
    number: int


@dataclass(frozen=True, slots=True)
class Line:
    """What a run has told: a line of the file."""

    tool: str
    version: str
    kind: int
    number: int
    verdict: str
    ratio: float
    seconds: float
    load: float
    torch: str
    base: str
    head: str


def order(tools: Sequence[str]) -> Iterator[Planned]:
    """All tools on one kind, then on the next; in an order that is random and always the same.

    The largest slowdown, which tells the tools apart least, comes after all others.
    """
    *first, last = KINDS
    for kinds in (first, [last]):
        for number in range(NUMBERS):
            for kind in random.Random(number).sample(kinds, len(kinds)):
                for tool in random.Random(f"{number} {kind}").sample(tools, len(tools)):
                    yield Planned(tool, kind, number)


def missing(plan: Iterable[Planned], lines: Sequence[Line], runs: int) -> list[Planned]:
    """What is not in the file yet, up to so many lines in all."""
    done = {Planned(line.tool, line.kind, line.number) for line in lines}
    return [planned for planned in plan if planned not in done][: max(0, runs - len(lines))]


def read(file: Path) -> list[Line]:
    """The lines of the file, none where it does not exist."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [Line(**json.loads(line)) for line in text.splitlines()]


def kinds_of(lines: Sequence[Line]) -> list[int]:
    """The kinds of which there are runs; all where there are none yet."""
    return [kind for kind in KINDS if any(line.kind == kind for line in lines)] or [*KINDS]
