"""Which expression of a file fills a span of its text: a look-up, however long a line is."""

import ast
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate

from .finding import Span

Place = tuple[int, int, int, int]


class Spans:
    """Finds expressions by their places, which are counted in characters, as `Span` does."""

    def __init__(self, expressions: Iterable[ast.expr], lines: list[str]) -> None:
        self._lines = lines
        self._on_line: dict[int, list[ast.expr]] = defaultdict(list)
        for node in expressions:
            self._on_line[node.lineno].append(node)
        self._at: dict[int, dict[Place, ast.expr]] = {}
        self._ends: dict[int, list[int]] = {}

    def expression(self, span: Span) -> ast.expr | None:
        """Return the expression that fills exactly this span."""
        line = span.line
        if line not in self._at:
            self._at[line] = self._placed(self._on_line.get(line, ()))
        return self._at[line].get((line, span.column, span.end_line, span.end_column))

    def _placed(self, nodes: Iterable[ast.expr]) -> dict[Place, ast.expr]:
        placed: dict[Place, ast.expr] = {}
        for node in nodes:
            placed.setdefault(self._place(node), node)
        return placed

    def _place(self, node: ast.expr) -> Place:
        line, end_line = node.lineno, node.end_lineno or node.lineno
        end = node.end_col_offset or node.col_offset
        return line, self._column(line, node.col_offset), end_line, self._column(end_line, end)

    def _column(self, line: int, byte: int) -> int:
        """Count in characters; `ast` counts bytes of UTF-8."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        if text.isascii():
            return byte
        if line not in self._ends:
            self._ends[line] = list(accumulate(len(char.encode()) for char in text))
        return bisect_right(self._ends[line], byte)
