"""What a rule says about a place in the code, as plain data."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters; the order is that of the members."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    def at_least(self, other: "Severity") -> bool:
        """Whether this is `other` or worse."""
        members = list(Severity)
        return members.index(self) >= members.index(other)


class Confidence(Enum):
    """How sure the rule is that the code does what the finding says."""

    POSSIBLE = "possible"
    LIKELY = "likely"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of text: lines count from 1, columns from 0 in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to put in place of a span; `safe` means that results stay the same bit for bit."""

    span: Span
    text: str
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one place.

    `path` is relative to the project's root with forward slashes; `why` says by which loop, hook or
    call the place runs in every training step (None where the rule does not depend on that).
    """

    path: str
    span: Span
    code: str
    rule: str
    message: str
    severity: Severity = Severity.WARNING
    confidence: Confidence = Confidence.LIKELY
    why: str | None = None
    fix: Edit | None = None
