"""Reads the comments that silence findings: ours, and the `noqa` that other linters know."""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from .finding import Span

# Where one remark ends and the next begins: `# perflint: ignore[PFL101] why`.
_PARTS = re.compile(r"(?:^|(?<=\s))#\s*(?=(?:noqa|nosec)\b|pragma\b|[A-Za-z][\w-]*:)")
_OURS = re.compile(r"#\s*perflint:\s*(?P<verb>[\w-]*)(?P<rest>.*)", re.DOTALL)
_RULES = re.compile(r"\s*\[(?P<rules>[^\[\]]*)\](?P<reason>.*)", re.DOTALL)
_NOQA = re.compile(
    r"#\s*(?P<file>(?:flake8|ruff)\s*:\s*)?noqa(?![\w-])"
    r"(?:\s*:\s*(?P<rules>[A-Z]+\d*(?:[,\s]+[A-Z]+\d+)*)?)?(?P<reason>.*)",
    re.IGNORECASE | re.DOTALL,
)
# `ignore PFL101` would silence every rule, which is hardly what its writer means.
_BARE_CODE = re.compile(r"\s+[A-Z]{2,}\d+\b")
_LAYOUT = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
_LAST_LINE = 10**9


class Kind(Enum):
    """How far a comment reaches."""

    IGNORE = "ignore"
    FILE = "ignore-file"
    OFF = "off"
    ON = "on"
    NOQA = "noqa"
    BROKEN = "broken"


VERBS = tuple(kind.value for kind in (Kind.IGNORE, Kind.FILE, Kind.OFF, Kind.ON))


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark that silences findings, or means to.

    `span` is the remark, which may share its line with others; `rules` are the words that it names
    (None: all rules) and `listed` where they stand; it holds from line `first` to `last`. `wrong`
    says what keeps a broken one from being read.
    """

    kind: Kind
    span: Span
    rules: tuple[str, ...] | None = None
    listed: Span | None = None
    reason: str = ""
    first: int = 0
    last: int = 0
    wrong: str = ""
    is_noqa: bool = False


def read_comments(text: str) -> list[Comment]:
    """Return the remarks of a text. One covers its statement; on a line of its own, the next one.

    Text that Python cannot read has none: whoever parses it says so.
    """
    found: list[Comment] = []
    waiting: list[Comment] = []
    first = 0
    fresh, decorated = True, False
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                waiting += _remarks(token.string, token.start)
            elif token.type == tokenize.NEWLINE:
                if not decorated:
                    found += [_placed(each, first, token.start[0]) for each in waiting]
                    waiting, first = [], 0
                fresh, decorated = True, False
            elif token.type not in _LAYOUT:
                # The lines of decorators belong to what they decorate.
                decorated = token.string == "@" if fresh else decorated
                fresh, first = False, first or token.start[0]
    except (SyntaxError, tokenize.TokenError):
        return []
    found += [_placed(each, each.span.line, each.span.line) for each in waiting]
    return _ranged(found)


def last_lines(text: str) -> dict[int, int]:
    """Return for each line of a statement, or of the head of a block, its last line."""
    ends: dict[int, int] = {}
    first = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NEWLINE:
                ends.update(dict.fromkeys(range(first, token.start[0] + 1), token.start[0]))
                first = 0
            elif token.type not in _LAYOUT:
                first = first or token.start[0]
    except (SyntaxError, tokenize.TokenError):
        return {}
    return ends


def _remarks(text: str, start: tuple[int, int]) -> Iterator[Comment]:
    starts = [match.start() for match in _PARTS.finditer(text)]
    for begin, end in zip(starts, [*starts[1:], len(text)], strict=False):
        part = text[begin:end].rstrip()
        line, column = start[0], start[1] + begin
        span = Span(line, column, line, column + len(part))
        if ours := _OURS.fullmatch(part):
            yield _own(ours, span)
        elif noqa := _NOQA.fullmatch(part):
            yield _foreign(noqa, span)


def _own(match: re.Match[str], span: Span) -> Comment:
    verb, rest = match["verb"], match["rest"]
    if verb not in VERBS:
        known = ", ".join(f"`{each}`" for each in VERBS)
        return Comment(Kind.BROKEN, span, wrong=f"there is no `perflint: {verb}`, only {known}")
    kind = Kind(verb)
    listed = _RULES.fullmatch(rest)
    if kind is Kind.ON:
        wrong = "`on` ends every range and takes no rules" if listed else ""
        return Comment(Kind.BROKEN if wrong else kind, span, wrong=wrong)
    if listed:
        place = _part(span, match.start("rest") + listed.start("rules"), listed["rules"])
        words = tuple(word.strip() for word in listed["rules"].split(",") if word.strip())
        return Comment(kind, span, words, place, _reason(listed["reason"]))
    if rest.lstrip()[:1] in ("[", "(", ":", "=", "]") and rest.strip():
        wrong = f"write the rules as `{verb}[PFL101, host-copy]`"
        return Comment(Kind.BROKEN, span, wrong=wrong)
    if _BARE_CODE.match(rest):
        wrong = f"without brackets it would silence every rule; write `{verb}[{rest.split()[0]}]`"
        return Comment(Kind.BROKEN, span, wrong=wrong)
    return Comment(kind, span, reason=_reason(rest))


def _foreign(match: re.Match[str], span: Span) -> Comment:
    kind = Kind.FILE if match["file"] else Kind.NOQA
    if not match["rules"]:
        return Comment(kind, span, is_noqa=True)
    words = tuple(re.split(r"[,\s]+", match["rules"].strip()))
    place = _part(span, match.start("rules"), match["rules"])
    return Comment(kind, span, words, place, is_noqa=True)


def _part(span: Span, begin: int, text: str) -> Span:
    column = span.column + begin
    return Span(span.line, column, span.line, column + len(text))


def _reason(text: str) -> str:
    return text.strip().lstrip("-–—:").strip()


def _placed(comment: Comment, first: int, last: int) -> Comment:
    if comment.kind is Kind.NOQA and comment.rules is None:
        # Who writes a bare one speaks to other linters, for which it holds for its line.
        return replace(comment, first=comment.span.line, last=comment.span.line)
    return replace(comment, first=first or comment.span.line, last=last)


def _ranged(found: list[Comment]) -> list[Comment]:
    """Give those that reach further than a statement their lines."""
    ends = [comment.span.line for comment in found if comment.kind is Kind.ON]
    ranged: list[Comment] = []
    for comment in found:
        line = comment.span.line
        if comment.kind is Kind.FILE:
            comment = replace(comment, first=1, last=_LAST_LINE)
        elif comment.kind is Kind.OFF:
            last = next((end for end in ends if end >= line), _LAST_LINE)
            comment = replace(comment, first=line, last=last)
        ranged.append(comment)
    return ranged
