"""Comments that silence findings: `# perflint: ignore[item-in-hot-path] why that is fine here`."""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .finding import Finding

_COMMENT = re.compile(r"#\s*perflint:\s*ignore(?:\s*\[([^\]]*)\])?(?![\w-])")
_LAYOUT = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)


@dataclass(frozen=True, slots=True)
class Suppression:
    """Which rules a comment silences (all of them where `rules` is None), from line to line."""

    first: int
    last: int
    rules: frozenset[str] | None

    def covers(self, finding: Finding) -> bool:
        """Whether it silences a finding, which it may name by code or by name."""
        if not self.first <= finding.span.line <= self.last:
            return False
        return self.rules is None or not self.rules.isdisjoint({finding.code, finding.rule})


def unsuppressed(findings: Iterable[Finding], source: str) -> Iterator[Finding]:
    """Yield the findings that no comment silences."""
    silenced = suppressions(source)
    return (f for f in findings if not any(s.covers(f) for s in silenced))


def suppressions(source: str) -> list[Suppression]:
    """Read the comments. One covers its whole statement; on a line of its own, the next one."""
    if "perflint:" not in source:
        return []
    found: list[Suppression] = []
    waiting: list[frozenset[str] | None] = []
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (comment := _COMMENT.search(token.string)):
            waiting.append(_named(comment[1]))
        if token.type == tokenize.NEWLINE:
            found += [Suppression(first, token.start[0], rules) for rules in waiting]
            waiting, first = [], 0
        elif not first and token.type not in _LAYOUT:
            first = token.start[0]
    return found


def _named(rules: str | None) -> frozenset[str] | None:
    if rules is None:
        return None
    return frozenset(rule.strip() for rule in rules.split(","))
