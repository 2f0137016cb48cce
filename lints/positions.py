"""Where libcst's nodes stand in the text, found out by writing the module once and counting."""

from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst
from libcst._nodes.internal import CodegenState

from .finding import Span


class Positions(CodegenState):
    """The spans of all nodes of one module, as Python itself counts them.

    libcst's `PositionProvider` gives the same and needs four times as long.
    """

    def __init__(self, module: cst.Module) -> None:
        super().__init__(default_indent=module.default_indent, default_newline="\n")
        self._line = 1
        self._column = 0
        self._spans: dict[cst.CSTNode, Span] = {}
        self._starts: list[tuple[int, int]] = []
        module._codegen(self)

    def are_of(self, text: str) -> bool:
        """Whether the module holds all lines of a text: libcst loses one with a lone backslash."""
        # libcst writes one line more, and takes it back: see `pop_trailing_newline`.
        return self._line == text.count("\n") + 2

    def span(self, node: cst.CSTNode) -> Span:
        """Return where a node stands, without the parentheses and blank lines around it."""
        return self._spans[node]

    def add_token(self, value: str) -> None:
        """Count what is written instead of keeping it."""
        newlines = value.count("\n")
        if newlines:
            self._line += newlines
            self._column = len(value) - value.rindex("\n") - 1
        else:
            self._column += len(value)

    def add_indent_tokens(self) -> None:
        """Count the indentation of one line."""
        self._column += sum(map(len, self.indent_tokens))

    def pop_trailing_newline(self) -> None:
        """Nothing is kept, so nothing needs to be taken back."""

    def before_codegen(self, node: cst.CSTNode) -> None:
        """Note where a node starts."""
        self._starts.append((self._line, self._column))

    def after_codegen(self, node: cst.CSTNode) -> None:
        """Note where it ends, unless the node said so more exactly."""
        start = self._starts.pop()
        if node not in self._spans:
            self._spans[node] = Span(*start, self._line, self._column)

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        """Note a node's place without what merely surrounds it."""
        start = (self._line, self._column)
        yield
        end = (self._line, self._column)
        if start_node is not None:
            first = self._spans[start_node]
            start = (first.line, first.column)
        if end_node is not None:
            last = self._spans[end_node]
            end = (last.end_line, last.end_column)
        self._spans[node] = Span(*start, *end)
