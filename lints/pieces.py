"""The lines of a file that rules look at, as one libcst module with the positions of the file."""

import re
from collections.abc import Iterable, Iterator

import libcst as cst
from libcst._nodes.internal import CodegenState

from .finding import Span
from .positions import Positions

# Stands in front of indented lines; the name is one that nobody gives to anything of theirs.
_OPENER = "_perflint_lines_follow"

_TO_FORM_FEED = re.compile(r"[ \t\f]*\f")

# First and last line, and whether they are the head of a compound statement without its body.
Piece = tuple[int, int, bool]


class Pieces:
    """Parses pieces of a text. Raises ParserSyntaxError where libcst cannot read them.

    Where it reads them and loses a line, so that nobody can tell where anything stands, that is a
    ValueError.
    """

    def __init__(self, source: str, pieces: Iterable[Piece] | None = None) -> None:
        """Take all of the text where `pieces` is None."""
        self._lines: list[int] | None = None
        text, self._taken = _without_form_feeds(source) if "\f" in source else (source, {})
        if pieces is not None:
            text, self._lines = _joined(text.split("\n"), _merged(pieces))
        self.module = cst.parse_module(text)
        self._positions = Positions(self.module)
        if self.module.body and not self._positions.are_of(text):
            raise ValueError("libcst loses one of its lines, as it does with a lone backslash")

    def roots(self) -> Iterator[cst.CSTNode]:
        """Yield the nodes that stand for the file's own text."""
        if self._lines is None:
            yield self.module
            return
        for statement in self.module.body:
            match statement:
                case cst.If(test=cst.Name(value=name), body=cst.IndentedBlock(body=body)) if (
                    name == _OPENER
                ):
                    yield from body
                case _:
                    yield statement

    def span(self, node: cst.CSTNode) -> Span:
        """Return where a node stands in the whole text."""
        span = self._positions.span(node)
        first, last = span.line, span.end_line
        if self._lines is not None:
            first, last = self._lines[first - 1], self._lines[last - 1]
        begin = span.column + self._taken.get(first, 0)
        return Span(first, begin, last, span.end_column + self._taken.get(last, 0))

    def code(self, new: cst.CSTNode, node: cst.CSTNode | None) -> str:
        """Return the text of what is to stand in the place of a node."""
        text = self.module.code_for_node(new)
        if "\n" not in text:
            return text
        state = CodegenState(self.module.default_indent, "\n")
        for indent in self._indents(node):
            state.increase_indent(indent)
        new._codegen(state)
        return "".join(state.tokens)

    def _indents(self, node: cst.CSTNode | None) -> tuple[str, ...]:
        """Return what stands before each line of the block that a node is in."""
        stack: list[tuple[cst.CSTNode, tuple[str, ...]]] = [(self.module, ())]
        while stack:
            at, indents = stack.pop()
            if at is node:
                return indents
            if isinstance(at, cst.IndentedBlock):
                usual = self.module.default_indent
                indents = (*indents, usual if at.indent is None else at.indent)
            stack += [(child, indents) for child in at.children]
        return ()


def _without_form_feeds(source: str) -> tuple[str, dict[int, int]]:
    """Take away what stands up to a form feed before a line, which libcst loses or repeats.

    Python begins to count the indentation anew there. Returns by line how much was taken as well.
    """
    lines = source.split("\n")
    taken: dict[int, int] = {}
    for number, line in enumerate(lines, 1):
        if found := _TO_FORM_FEED.match(line):
            taken[number] = found.end()
            lines[number - 1] = line[found.end() :]
    return "\n".join(lines), taken


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Leave out what stands in another piece; heads come before whole statements of one line."""
    kept: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p[0], -p[1], p[2])):
        if not kept or piece[1] > kept[-1][1]:
            kept.append(piece)
    return kept


def _joined(lines: list[str], pieces: list[Piece]) -> tuple[str, list[int]]:
    """Return the text of the pieces, and for each of its lines which of the file's it is."""
    text: list[str] = []
    numbers: list[int] = []
    for first, last, head in pieces:
        piece = lines[first - 1 : last]
        if piece[0].lstrip().startswith("elif"):
            # As long as before, so that columns stay true.
            piece[0] = piece[0].replace("elif", "  if", 1)
        indent = piece[0][: len(piece[0]) - len(piece[0].lstrip())]
        if indent:
            text.append(f"if {_OPENER}:")
            numbers.append(0)
        text += piece
        numbers += range(first, last + 1)
        if head:
            text.append(f"{indent} pass")
            numbers.append(0)
    return "\n".join(text) + "\n", [*numbers, 0]
