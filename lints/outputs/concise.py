"""One line for each finding, and nothing else: for people in a hurry, grep, and editors."""

from ..colour import pen
from ..outcome import Outcome
from .text import headline


def render(outcome: Outcome) -> str:
    """Tell each finding in one line."""
    paint = pen(coloured=outcome.coloured)
    return "".join(headline(finding, paint) for finding in outcome.result.findings)
