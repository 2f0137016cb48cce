"""Turns our lines and columns into those that editors count, and edits of a text into theirs."""

import difflib
import re
from collections.abc import Iterator

from lsprotocol.types import Position, Range, TextEdit

from ..finding import Span

_NEWLINE = re.compile(r"\r\n|\r|\n")


class Places:
    """The lines of a text, whose columns an editor counts in units of its encoding."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        # Not splitlines(): to an editor, too, a form feed ends no line.
        self.lines = _NEWLINE.split(text)
        self._encoding = encoding
        self._ending = "\r\n" if "\r\n" in text else "\n"

    def position(self, line: int, column: int) -> Position:
        """Give the position of a line from 1 and a column in characters, within the text."""
        if line > len(self.lines):
            line, column = len(self.lines), len(self.lines[-1])
        return Position(line - 1, self._units(self.lines[line - 1][:column]))

    def range(self, span: Span) -> Range:
        """Give the range of a span."""
        start = self.position(span.line, span.column)
        return Range(start, self.position(span.end_line, span.end_column))

    def line(self, number: int) -> Range:
        """Give the range of what stands on a line, without what indents it."""
        text = self.lines[number - 1] if number <= len(self.lines) else ""
        start = len(text) - len(text.lstrip())
        return self.range(Span(number, start, number, len(text)))

    def edits(self, after: str) -> Iterator[TextEdit]:
        """Yield what turns this text into another one that differs in some lines.

        New lines end as those of this text do.
        """
        new = _NEWLINE.split(after)
        matcher = difflib.SequenceMatcher(a=self.lines, b=new, autojunk=False)
        for kind, old, old_end, first, end in matcher.get_opcodes():
            if kind == "equal":
                continue
            lines = "".join(line + self._ending for line in new[first:end])
            span = Span(old + 1, 0, old_end + 1, 0)
            if old_end == len(self.lines):
                # The last line has no end that could be replaced along with it.
                lines = lines.removesuffix(self._ending)
                if old == old_end:
                    lines = self._ending + lines
                elif first == end:
                    span = Span(old, len(self.lines[old - 1]), old_end + 1, 0)
            yield TextEdit(self.range(span), lines)

    def _units(self, text: str) -> int:
        if self._encoding == "utf-32":
            return len(text)
        if self._encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
