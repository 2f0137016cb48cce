"""Works out the comments that silence all findings of a text; writes nothing."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from .baseline import STALE
from .comments import Comment, Kind, last_lines, read_comments
from .files import SourceFile
from .finding import Edit, Finding, Span
from .fix import edited
from .suppress import META

_ABOUT_COMMENTS = {code for code, _ in META}


def with_ignores(source: SourceFile, findings: Sequence[Finding], reason: str = "") -> SourceFile:
    """Return a source in which a comment on its statement silences each of the findings.

    The comment goes behind the last line of the statement, where Python always has room for one,
    and joins a comment of ours that stands there.
    """
    text = source.text.replace("\r\n", "\n").replace("\r", "\n")
    edits = [
        Finding("", edit.span, "", "", "", fix=edit)
        for edit in _edits(text, findings, " ".join(reason.split()))
    ]
    return edited(source, edits) if edits else source


def stays_python(source: SourceFile) -> bool:
    """Whether the text can still be parsed."""
    try:
        ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _edits(text: str, findings: Sequence[Finding], reason: str) -> Iterable[Edit]:
    lines = text.split("\n")
    comments = read_comments(text)
    for line, codes in sorted(_wanted(text, findings).items()):
        if ours := _joinable(comments, line):
            words = [*(ours.rules or ()), *(c for c in codes if c not in (ours.rules or ()))]
            yield Edit(ours.listed or ours.span, ", ".join(words))
            continue
        end = len(lines[line - 1].rstrip())
        comment = f"  # perflint: ignore[{', '.join(codes)}]" + (f" {reason}" if reason else "")
        yield Edit(Span(line, end, line, len(lines[line - 1])), comment)


def _wanted(text: str, findings: Sequence[Finding]) -> Mapping[int, list[str]]:
    """Return for each line which codes a comment there has to name, in their order."""
    ends = last_lines(text)
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.code == STALE[0]:
            continue  # stands in a baseline, where no comment can
        line = finding.span.line
        # What is said of a comment is silenced beside it.
        wanted[line if finding.code in _ABOUT_COMMENTS else ends.get(line, line)].add(finding.code)
    return {line: sorted(codes) for line, codes in wanted.items()}


def _joinable(comments: Iterable[Comment], line: int) -> Comment | None:
    for comment in comments:
        if comment.kind is Kind.IGNORE and comment.span.line == line and comment.listed:
            return comment
    return None
