"""Writes the comment that silences one finding."""

import io
import tokenize

from ..comments import Kind, read_comments
from ..finding import Edit, Finding, Span


def silencing(finding: Finding, text: str) -> Edit | None:
    """Return what adds the rule to a comment of its statement; None where no comment can stand."""
    line = finding.span.line
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        for comment in read_comments(text):
            listed = comment.listed
            if comment.kind is Kind.IGNORE and listed and comment.first <= line <= comment.last:
                end = Span(listed.end_line, listed.end_column, listed.end_line, listed.end_column)
                return Edit(end, f", {finding.rule}" if comment.rules else finding.rule)
        last = _last_line(text, line)
    except (tokenize.TokenError, SyntaxError):
        return None
    column = len(text.split("\n")[last - 1].rstrip())
    end_of_line = len(text.split("\n")[last - 1])
    return Edit(Span(last, column, last, end_of_line), f"  # perflint: ignore[{finding.rule}]")


def _last_line(text: str, line: int) -> int:
    """Return the line on which the statement ends, at whose end there is room for a comment."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE and token.start[0] >= line:
            return token.start[0]
    return line
