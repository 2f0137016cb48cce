"""The lines of the files that findings speak of."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from .files import UnreadableError, read_source

SourceOf = Callable[[str], Sequence[str]]


def lines_below(root: Path, given: Mapping[str, str] | None = None) -> SourceOf:
    """Return what gives the lines of a path relative to `root`, reading each file once.

    `given` are texts that came some other way, by path. A file that is gone has no lines: a finding
    in it still stands.
    """

    @cache
    def lines_of(path: str) -> Sequence[str]:
        if given is not None and path in given:
            return split(given[path])
        try:
            return split(read_source(root / path).text)
        except UnreadableError:
            return ()

    return lines_of


def split(text: str) -> list[str]:
    """Split a text where Python ends a line: not at form feeds, as `splitlines()` does."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return plain.split("\n")
