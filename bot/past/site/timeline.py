"""Writes commits and runs in files of 500, which the site loads when somebody looks at one."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ....telemetry.record import Commit
from ....telemetry.snapshot import Head
from .script import call

PER_FILE = 500
# So many digits of each commit are in one file, for finding a commit by its hash.
DIGITS = 10
_PAGE = re.compile(r"(https?://[^/\s]+/[^/\s]+/[^/\s]+)/")


def write_commits(
    folder: Path, number: int, commits: Iterable[Commit], wanted: set[int]
) -> tuple[dict[int, Commit], list[int]]:
    """Write a repository's commits; return those that are wanted, and the first and last place.

    `commits` are in order.
    """
    found: dict[int, Commit] = {}
    digits: list[str] = []
    first = last = 0
    for part, chunk in groupby(commits, key=lambda one: one.position // PER_FILE):
        some = list(chunk)
        first = first or some[0].position
        for one in some:
            # A place that nobody knows keeps its room.
            digits += ["-" * DIGITS] * (one.position - last - 1 if last else 0)
            digits.append(f"{one.sha[:DIGITS]:-<{DIGITS}}")
            last = one.position
            if one.position in wanted:
                found[one.position] = one
        rows = [[one.position, one.sha, one.at, one.subject] for one in some]
        file = folder / f"commits-{number}-{part}.js"
        file.write_text(call("commits", number, part, rows), encoding="utf-8")
    places = call("places", number, first, DIGITS, "".join(digits))
    (folder / f"places-{number}.js").write_text(places, encoding="utf-8")
    return found, [first, last]


def write_runs(folder: Path, heads: Iterable[Head], pages: set[str]) -> Iterator[Head]:
    """Write runs and pass them on; `pages` are the keys of those that have a page of their own."""
    for part, chunk in groupby(heads, key=lambda one: one.number // PER_FILE):
        some = list(chunk)
        rows = [
            [
                *(
                    one.number,
                    one.key[:16] if one.key in pages else "",
                    one.base[:12],
                    one.head[:12],
                ),
                *(one.created[:25], one.status, one.source, web_address(one.link)),
            ]
            for one in some
        ]
        file = folder / f"runs-{part}.js"
        file.write_text(call("runs", part, rows), encoding="utf-8")
        yield from some


def web_address(link: str) -> str:
    """The link where it leads to the web, "" otherwise: a report may come from a stranger."""
    return link if re.match(r"https?://[^\s\"'<>]+$", link) else ""


def home_page(link: str, repository: str) -> str:
    """The page of a repository on the server that a run's link leads to, "" where there is none."""
    found = _PAGE.match(web_address(link))
    return found[1] if found and found[1].endswith(f"/{repository}") else ""
