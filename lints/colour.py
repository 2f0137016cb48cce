"""Whether and how a terminal is written to in colours."""

from collections.abc import Callable, Mapping
from typing import TextIO

# What is said in which colour, as numbers of the terminal's "select graphic rendition".
_STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "strong": "1",
    "faint": "2",
    "code": "36",
}

Pen = Callable[[str, str], str]


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to write colours: on a terminal only, unless the environment says otherwise."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def pen(*, coloured: bool) -> Pen:
    """Return what puts a text into a style, or leaves it as it is."""
    if not coloured:
        return lambda text, style: text
    return lambda text, style: f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text else ""
