"""What comes of looking at one text, as plain data."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from .outside import HotCall


@dataclass(frozen=True, slots=True)
class Silenced:
    """A finding that a comment silences, and the reason that it gives, "" where it gives none."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The findings in one text, and why some of the work could not be done.

    `calls` are the calls, in code that runs in every step, of what other files define.
    """

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    calls: tuple["HotCall", ...] = ()
