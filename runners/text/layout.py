"""Lays plain text out for a terminal: tables, wrapped lines, and nothing that a CI obeys. Pure."""

import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from unicodedata import east_asian_width

_NARROWEST = 20


def wrap(text: str, width: int, *, indent: int = 0) -> str:
    """Break a text at its blanks; what follows the first line hangs four columns further in."""
    lines = textwrap.wrap(
        text,
        max(width, indent + _NARROWEST),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4),
        # A path or a command that is broken could not be copied.
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def align(
    rows: Sequence[Sequence[str]], width: int, *, shrinks: int, right: Collection[int]
) -> list[str]:
    """Write a table; the column `shrinks` gives way where it would be wider than the screen."""
    widest = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    others = sum(widest) - widest[shrinks] + 2 * (len(widest) - 1)
    widest[shrinks] = min(widest[shrinks], max(12, width - others))
    return [_line(row, widest, shrinks, right) for row in rows]


def harmless(text: str) -> str:
    """Keep a CI system from reading a line as a command: GitHub's begin with `::` or `##[`."""
    return "\n".join(_harmless(text.split("\n")))


def columns(text: str) -> int:
    """How many columns a terminal needs: wide characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _harmless(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        start = "| " if re.match(r"\s*::", line) else ""
        yield start + line.replace("##[", "## [")


def _line(row: Sequence[str], widths: list[int], shrinks: int, right: Collection[int]) -> str:
    cells = []
    for number, (text, width) in enumerate(zip(row, widths, strict=True)):
        shown = _shortened(text, width) if number == shrinks else text
        space = " " * (width - columns(shown))
        cells.append(space + shown if number in right else shown + space)
    return "  ".join(cells).rstrip()


def _shortened(text: str, width: int) -> str:
    """Keep both ends of a name that is too long."""
    if columns(text) <= width:
        return text
    head, tail = "", ""
    for character in text:
        if columns(head + character) > width - 1 - (width - 1) // 2:
            break
        head += character
    for character in reversed(text):
        if columns(character + tail) > width - 1 - columns(head):
            break
        tail = character + tail
    return f"{head}…{tail}"
