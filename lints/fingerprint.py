"""What stays the same about a finding while the lines around it move."""

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from .finding import Finding

# What decides where a statement ends: strings and comments (whose insides mean nothing), brackets,
# joined lines, line ends. A string that nothing closes ends with its line, one of three quotes with
# the text: so each character is looked at once, whatever the text holds.
_PIECE = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)"""
    r"""|"(?:\\.|[^"\\\n])*+"?|'(?:\\.|[^'\\\n])*+'?"""
    r"""|\#[^\n]*|\\\n|[\[({]|[\])}]|\n""",
    re.DOTALL,
)
_SPACE = re.compile(r"\s+")
# A formatter that breaks a call into lines adds a comma behind its last argument.
_LAST_COMMA = re.compile(r",(?=[\])}])")


def fingerprints(
    findings: Iterable[Finding], source_of: Callable[[str], Sequence[str]]
) -> dict[Finding, str]:
    """Name each finding by its path, its rule and the text of its statement.

    `source_of` gives the lines of a path. Layout and comments do not count, nor does the place of
    the statement in the file; findings that are equal in all of this are numbered from the top, so
    give all findings of a file at once.
    """
    statements: dict[str, _Statements] = {}
    seen: Counter[tuple[str, ...]] = Counter()
    named: dict[Finding, str] = {}
    # A statement may be long, and hold many findings: its text is gone through once.
    begun: dict[tuple[str, ...], hashlib._Hash] = {}
    for finding in sorted(set(findings), key=lambda f: (f.path, f.span, f.code)):
        if finding.path not in statements:
            statements[finding.path] = _Statements(source_of(finding.path))
        of_file = statements[finding.path]
        statement = (finding.path, finding.code, of_file.at(finding.span.line))
        key = (*statement, of_file.flagged(finding))
        if statement not in begun:
            begun[statement] = _hashed(*statement)
        named[finding] = _hash(begun[statement], "", key[-1], str(seen[key]))
        seen[key] += 1
    return named


class _Statements:
    """The statements of a file without layout and comments, found by their lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._starts: list[int] = []
        self._texts: list[str] = []
        self._read("\n".join(lines) + "\n")

    def at(self, line: int) -> str:
        """Return the statement, or the head of the block, that a line belongs to."""
        number = bisect_right(self._starts, line) - 1
        return self._texts[number] if number >= 0 else ""

    def flagged(self, finding: Finding) -> str:
        """Return what the finding marks, as far as its first line holds it."""
        span = finding.span
        if span.line > len(self._lines):
            return ""
        end = span.end_column if span.end_line == span.line else None
        return _SPACE.sub("", self._lines[span.line - 1][span.column : end])

    def _read(self, text: str) -> None:
        depth, line, first, done = 0, 1, 1, 0
        kept: list[str] = []
        for piece in _PIECE.finditer(text):
            said = piece[0]
            kept.append(text[done : piece.start()])
            done = piece.end()
            line += said.count("\n")
            if said == "\n" and depth == 0:
                self._starts.append(first)
                self._texts.append(_bare("".join(kept)))
                kept, first = [], line
            elif said not in ("\n", "\\\n") and not said.startswith("#"):
                kept.append(said)
                depth = max(0, depth + (said in "[({") - (said in "])}"))
        if kept:  # a bracket that nothing closes: one long statement is better than none
            self._starts.append(first)
            self._texts.append(_bare("".join(kept)))


def _bare(text: str) -> str:
    return _LAST_COMMA.sub("", _SPACE.sub("", text))


def _hashed(*parts: str) -> "hashlib._Hash":
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass"))


def _hash(begun: "hashlib._Hash", *parts: str) -> str:
    whole = begun.copy()
    whole.update("\0".join(parts).encode("utf-8", "surrogatepass"))
    return whole.hexdigest()[:20]
