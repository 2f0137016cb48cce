"""Shows what would change in a file, as a patch that `git apply` and `patch` take."""

import difflib
import re
from collections.abc import Iterator

from .files import SourceFile

_BOM = "\ufeff"
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def patch(name: str, before: SourceFile, after: SourceFile) -> bytes:
    """Return a unified diff in the encoding of the file; nothing where nothing changes."""
    lines = _diff(name, _whole(before), _whole(after))
    encoding = "utf-8" if before.encoding == "utf-8-sig" else before.encoding
    return "".join(lines).encode(encoding, "surrogateescape")


def hunks(before: str, after: str, context: int = 2) -> str:
    """Return the changed places with a few lines around them, for a person to read."""
    lines = list(difflib.unified_diff(_lines(before), _lines(after), n=context))
    return "".join(_ended(line) for line in lines[2:])


def _diff(name: str, before: str, after: str) -> Iterator[str]:
    diff = difflib.unified_diff(
        _lines(before), _lines(after), _header(f"a/{name}"), _header(f"b/{name}")
    )
    return (_ended(line) for line in diff)


def _whole(source: SourceFile) -> str:
    # A mark at the beginning is part of the file's first line, though not of its text.
    return _BOM + source.raw if source.encoding == "utf-8-sig" else source.raw


def _lines(text: str) -> list[str]:
    # Only line feeds end a line of a patch.
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _header(name: str) -> str:
    if any(char in name for char in _ESCAPED):
        return '"' + "".join(_ESCAPED.get(char, char) for char in name) + '"'
    # The tab says where a name with spaces ends.
    return name + "\t" if " " in name else name
