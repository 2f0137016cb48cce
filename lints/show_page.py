"""A rule's page as a terminal shows it best."""

import re

from .colour import Pen, pen

_INLINE = re.compile(r"`([^`\n]+)`")


def shown(markdown: str, *, coloured: bool) -> str:
    """Show headings and code by style and indentation; without colours the page stays as it is."""
    if not coloured:
        return markdown
    paint = pen(coloured=True)
    in_code = False
    lines = []
    for line in markdown.splitlines():
        if line.startswith("```"):
            in_code = not in_code
            continue
        lines.append(_code(line, paint) if in_code else _prose(line, paint))
    return "\n".join(lines) + "\n"


def _code(line: str, paint: Pen) -> str:
    text = line.removesuffix("# <-").rstrip()
    if text == line.rstrip():
        return f"    {line}".rstrip()
    return f"    {paint(text, 'warning')}"


def _prose(line: str, paint: Pen) -> str:
    if line.startswith("#"):
        return paint(line.lstrip("# "), "strong")
    return _INLINE.sub(lambda code: paint(code[1], "code"), line)
