"""A line of source as a terminal can show it, and the carets under what is meant."""

from .finding import Span

# What a terminal shows in a line or two; of a longer line only what surrounds the finding.
LONGEST = 160
_BEFORE = 60


def excerpt(source: str, span: Span) -> tuple[str, str]:
    """Return the line where a span starts and the line of carets that belongs under it."""
    end = span.end_column if span.end_line == span.line else len(source)
    start = min(span.column, len(source))
    end = max(end, start + 1)
    first, last = 0, len(source)
    if last > LONGEST:
        first = max(0, min(start - _BEFORE, last - LONGEST))
        last = min(last, first + LONGEST)
    left, right = "…" if first else "", "…" if last < len(source) else ""
    before, flagged = source[first:start], source[start : min(end, last)]
    # Tabs stay tabs, so that the caret stands under its place at any width.
    indent = "".join("\t" if char == "\t" else " " * _cells(char) for char in left + before)
    carets = "^" * max(1, sum(map(_cells, flagged)))
    return f"{left}{visible(source[first:last])}{right}", indent + carets


def visible(text: str) -> str:
    """Show control characters, which could take over a terminal, as signs of one column."""
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    code = ord(char)
    if char == "\t" or char.isprintable():
        return char
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _cells(char: str) -> int:
    """How many columns a character takes."""
    if char.isascii():
        return 1
    import unicodedata

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
