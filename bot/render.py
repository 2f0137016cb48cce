"""Report in, Markdown out: the pull request's comment, always short enough to be posted."""

import re
from collections.abc import Sequence

from ..runners.text.labels import labels
from ..templates import fill
from .acks import Ack, line
from .next import next_steps
from .page import Cut, Page
from .report import Report
from .story import tell
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


def render_comment(
    report: Report, acks: Sequence[Ack] = (), room: int | None = None, *, commands: bool = False
) -> str:
    """Write the comment, without the marker line that tells our comments from others.

    `acks` are the acknowledgements that still stand; `room` is how many characters it may take;
    `commands` says that somebody reads those that people write in comments.
    """
    body, story, names = "", tell(report), labels(report.run.tests)
    accepted = _accepted(acks) if acks else ""
    room = min(LARGEST_COMMENT, LARGEST_COMMENT if room is None else room) - len(accepted) - 2
    steps = next_steps(story, names, {ack.test for ack in acks}) if commands else None
    for cut in CUTS:
        page = Page(report, story, names, cut)
        body = _tidy(fill("comment.md.j2", next=steps, **page.values()))
        if len(body) <= room:
            break
    heading, _, rest = body.partition("\n")
    return f"{heading}\n\n{accepted}\n{rest.lstrip()}" if accepted else body


def _accepted(acks: Sequence[Ack]) -> str:
    """Write who accepted which regression, when and why."""
    return _tidy(fill("acknowledged.md.j2", acks=[line(ack) for ack in acks]))


def _tidy(page: str) -> str:
    """Sections that are empty leave blank lines behind; more than one means nothing in Markdown."""
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"
