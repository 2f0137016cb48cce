"""Report in, Markdown out: the pull request's comment, always short enough to be posted."""

import re
from collections.abc import Sequence

from ..templates import fill
from . import numbers
from .acks import Ack
from .links import Links
from .markdown import code, prose
from .page import Cut, Page
from .report import Report, Revision
from .rows import NAME_LIMIT
from .story import labels, tell
from .terminal import render_terminal

# `perflint ci` shows a report in both ways and looks for them here.
__all__ = ["LARGEST_COMMENT", "render_comment", "render_terminal"]

# GitHub takes 65,536 characters; the rest is left for the marker line.
LARGEST_COMMENT = 65_000

# In this order sections give way until the comment fits.
CUTS = (
    Cut(),
    Cut(operators=False),
    Cut(operators=False, unchanged=0),
    Cut(operators=False, unchanged=0, environment=False),
    Cut(operators=False, unchanged=0, environment=False, findings=3),
    Cut(operators=False, unchanged=0, environment=False, findings=3, lines=False),
    Cut(False, 0, False, 3, False, counters=10, texts=3, failures=1),
)


# More acknowledgements than these are counted only.
MOST_ACKS = 20


def render_comment(report: Report, acks: Sequence[Ack] = (), room: int | None = None) -> str:
    """Write the comment, without the marker line that tells our comments from others.

    `acks` are the acknowledgements that still stand; `room` is how many characters it may take.
    """
    body, story, names = "", tell(report), labels(report.run.tests)
    accepted = _accepted(report, acks, names) if acks else ""
    room = min(LARGEST_COMMENT, LARGEST_COMMENT if room is None else room) - len(accepted) - 2
    for cut in CUTS:
        body = _tidy(fill("comment.md.j2", **Page(report, story, names, cut).values()))
        if len(body) <= room:
            break
    heading, _, rest = body.partition("\n")
    return f"{heading}\n\n{accepted}\n{rest.lstrip()}" if accepted else body


def _accepted(report: Report, acks: Sequence[Ack], names: dict[str, str]) -> str:
    """Write who accepted which regression, and why."""
    links = Links.of(report)
    shown = [
        {
            "test": code(names.get(ack.test, ack.test), NAME_LIMIT),
            "by": code(ack.by, 40),
            "change": None if ack.change is None else numbers.percent(ack.change),
            "head": links.commit(Revision(ack.head, ack.head)),
            "reason": prose(ack.reason, 300),
        }
        for ack in acks[:MOST_ACKS]
    ]
    more = len(acks) - len(shown)
    return _tidy(
        fill(
            "acknowledged.md.j2",
            acks=shown,
            more=numbers.plural(more, "more acknowledgement") if more > 0 else None,
        )
    )


def _tidy(page: str) -> str:
    """Sections that are empty leave blank lines behind; more than one means nothing in Markdown."""
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"
