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
class Cell:
    """The cell of a notebook that a finding lies in, by its number among all cells from 1.

    `first` is the line, in the text of all code cells, at which the cell begins; the finding itself
    begins and ends on the lines `file_line` and `file_end_line` of the notebook's file.
    """

    number: int
    first: int
    file_line: int
    file_end_line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one place.

    `path` is relative to the project's root with forward slashes; `why` says by which loop, hook or
    call the place runs in every training step (None where the rule does not depend on that).
    In a notebook, `span` counts the lines of all code cells in order, and `cell` says which it is.
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
    cell: Cell | None = None

    @property
    def place(self) -> str:
        """Where people find it: `train.py:6:14`, or `notes.ipynb:cell 3:6:14`."""
        where = self.path if self.cell is None else f"{self.path}:cell {self.cell.number}"
        return f"{where}:{self.line}:{self.span.column + 1}"

    @property
    def line(self) -> int:
        """The line that it begins on, as people count: in a notebook, within its cell."""
        return self.span.line if self.cell is None else self.span.line - self.cell.first + 1

    @property
    def file_lines(self) -> tuple[int, int]:
        """The first and the last line of the file that it lies on."""
        if self.cell is None:
            return self.span.line, self.span.end_line
        return self.cell.file_line, self.cell.file_end_line
