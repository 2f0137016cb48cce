"""Silences findings by comments, and says which comments are unused, unclear or unexplained."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .baseline import STALE
from .comments import Comment, Kind, read_comments
from .finding import Confidence, Edit, Finding, Severity, Span
from .result import Silenced, SourceResult

if TYPE_CHECKING:
    from .rule import Rule

UNUSED = ("PFL901", "unused-suppression")
UNEXPLAINED = ("PFL902", "suppression-without-reason")
UNKNOWN = ("PFL903", "unknown-rule-in-suppression")
MALFORMED = ("PFL904", "malformed-suppression")
META = (UNUSED, UNEXPLAINED, UNKNOWN, MALFORMED)

_NOQA = re.compile(r"#\s*(?:(?:flake8|ruff)\s*:\s*)?noqa(?![\w-])(\s*:\s*\w[\w, \t]*)?", re.I)
_CODE = re.compile(r"[A-Za-z]+\d*")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What rules are called: the code of each code and name, in lower case.

    `usual` are the codes that run unless told otherwise. Where not every rule could be loaded, the
    vocabulary is not `complete`, and no word is called unknown.
    """

    codes: Mapping[str, str]
    usual: frozenset[str] = frozenset()
    complete: bool = True


def judge_comments(
    findings: Sequence[Finding],
    text: str,
    path: str,
    ran: frozenset[str],
    vocabulary: Vocabulary,
) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that no comment silences, and the findings about the comments.

    `findings` are all that the rules in `ran` (their codes) have to say about the text, however
    little they matter: what silences a hidden finding is in use.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not _worth_reading(text, findings, vocabulary.codes.values()):
        return list(findings), []
    comments = read_comments(text)
    kept = [f for f in findings if not any(_silences(c, f) for c in comments)]
    meta = [
        finding
        for comment in comments
        for finding in _about(comment, comments, findings, ran, vocabulary, _Page(path, text))
        if finding.code in ran and not any(_names(c, finding) for c in comments)
    ]
    return kept, sorted(meta, key=lambda finding: (finding.span, finding.code))


def heard(rules: "Iterable[type[Rule]]", result: SourceResult) -> frozenset[str]:
    """Return the codes of the rules that have said all they have to say of a text.

    None of them has where it could not be read: no comment in it is known to be useless.
    """
    return frozenset() if result.problems else frozenset(rule.code for rule in rules)


def silenced(
    findings: Sequence[Finding], kept: Sequence[Finding], text: str
) -> tuple[Silenced, ...]:
    """Return the findings that are not `kept`, each with the reason of the comment behind it."""
    if len(kept) == len(findings):
        return ()
    comments = read_comments(text.replace("\r\n", "\n").replace("\r", "\n"))
    return tuple(
        Silenced(finding, next(c.reason for c in comments if _silences(c, finding)))
        for finding in findings
        if finding not in kept
    )


def unsuppressed(findings: Iterable[Finding], text: str) -> Iterator[Finding]:
    """Yield the findings that no comment silences."""
    findings = list(findings)
    if not findings or not ("perflint:" in text or "noqa" in text.lower()):
        return iter(findings)
    comments = read_comments(text.replace("\r\n", "\n").replace("\r", "\n"))
    return (f for f in findings if not any(_silences(c, f) for c in comments))


def _worth_reading(text: str, findings: Sequence[Finding], codes: Iterable[str]) -> bool:
    """Whether a comment may concern us; reading them all costs more than linting a small file."""
    if "perflint:" in text:
        return True
    if "noqa" not in text.lower():
        return False
    ours = {code.rstrip("0123456789").lower() for code in codes}
    for noqa in _NOQA.finditer(text):
        words = re.findall(r"[a-z]+(?=\d)", (noqa[1] or "").lower())
        if ours.intersection(words) or (findings and not words):
            return True
    return False


def _silences(comment: Comment, finding: Finding) -> bool:
    if comment.kind in (Kind.BROKEN, Kind.ON):
        return False
    span = finding.span
    if comment.kind is Kind.NOQA and comment.rules is None:
        return comment.first in (span.line, span.end_line)
    if not comment.first <= span.line <= comment.last:
        return False
    return comment.rules is None or any(_fits(word, finding) for word in comment.rules)


def _fits(word: str, finding: Finding) -> bool:
    if word.lower() in (finding.code.lower(), finding.rule):
        return True
    return bool(_CODE.fullmatch(word)) and finding.code.lower().startswith(word.lower())


def _names(comment: Comment, finding: Finding) -> bool:
    """Whether a comment silences a finding about comments; one that names none never does."""
    if comment.rules is None or comment.kind in (Kind.BROKEN, Kind.ON):
        return False
    beside = comment.span.line == finding.span.line
    within = comment.first <= finding.span.line <= comment.last
    return (beside or within) and any(_fits(word, finding) for word in comment.rules)


@dataclass(frozen=True, slots=True)
class _Page:
    """A file that findings about its comments are made for."""

    path: str
    text: str

    def finding(
        self, rule: tuple[str, str], span: Span, message: str, fix: Edit | None = None
    ) -> Finding:
        return Finding(
            self.path, span, *rule, message, Severity.WARNING, Confidence.PROVEN, fix=fix
        )


def _about(
    comment: Comment,
    comments: Sequence[Comment],
    findings: Sequence[Finding],
    ran: frozenset[str],
    vocabulary: Vocabulary,
    page: _Page,
) -> Iterator[Finding]:
    if comment.kind is Kind.BROKEN:
        yield page.finding(MALFORMED, comment.span, comment.wrong)
        return
    if comment.kind is Kind.ON:
        yield from _about_end(comment, comments, findings, ran, vocabulary, page)
        return
    unknown = _unknown(comment, vocabulary)
    for word in unknown:
        yield page.finding(UNKNOWN, comment.span, _no_rule(word, vocabulary.codes))
    if comment.rules == ():
        yield page.finding(UNKNOWN, comment.span, "the brackets name no rule")
    if not comment.reason and not comment.is_noqa:
        yield page.finding(UNEXPLAINED, comment.span, "this comment does not say why")
    unused = _unused(comment, findings, ran, vocabulary)
    if unused is None:
        return
    left = [word for word in comment.rules or () if word not in unused]
    named = ", ".join(f"`{word}`" for word in unused)
    message = f"{named or 'this comment'} silences nothing here"
    if left and comment.listed:
        fix = Edit(comment.listed, ", ".join(left), safe=True)
    else:
        fix = Edit(_removal(page.text, comment.span), "", safe=True)
    yield page.finding(UNUSED, comment.span, message, fix)


def _about_end(
    end: Comment,
    comments: Sequence[Comment],
    findings: Sequence[Finding],
    ran: frozenset[str],
    vocabulary: Vocabulary,
    page: _Page,
) -> Iterator[Finding]:
    """An `on` is as useful as what it ends."""
    line = end.span.line
    ended = [c for c in comments if c.kind is Kind.OFF and c.last == line]
    if not ended:
        yield page.finding(MALFORMED, end.span, "no `perflint: off` stands before this")
        return
    for comment in ended:
        unused = _unused(comment, findings, ran, vocabulary)
        if unused is None or set(comment.rules or ()) - set(unused):
            return
    fix = Edit(_removal(page.text, end.span), "", safe=True)
    yield page.finding(UNUSED, end.span, "this comment ends a range that silences nothing", fix)


def _unused(
    comment: Comment, findings: Sequence[Finding], ran: frozenset[str], vocabulary: Vocabulary
) -> tuple[str, ...] | None:
    """Return the words that silence nothing though their rules ran; None where all is in use.

    For a comment without words that silences nothing, the answer is empty.
    """
    covered = [finding for finding in findings if _silences(comment, finding)]
    if comment.rules is None:
        idle = not covered and not comment.is_noqa and vocabulary.complete
        return () if idle and vocabulary.usual <= ran else None
    unused = tuple(
        word
        for word in comment.rules
        if (codes := _codes(word, vocabulary))
        and codes <= ran
        and not any(_fits(word, finding) for finding in covered)
    )
    return unused or None


def _codes(word: str, vocabulary: Vocabulary) -> frozenset[str]:
    """Return the codes that a word stands for, without those of findings about comments.

    Whether such a comment is in use is nothing that the comments themselves can be asked.
    """
    exact = vocabulary.codes.get(word.lower())
    found = {exact} if exact else set()
    if not exact and _CODE.fullmatch(word):
        start = word.upper()
        found = {code for code in vocabulary.usual if code.upper().startswith(start)}
    return frozenset(found - {code for code, _ in (*META, STALE)})


def _unknown(comment: Comment, vocabulary: Vocabulary) -> Iterator[str]:
    if not vocabulary.complete:
        return
    for word in comment.rules or ():
        if any(_is_start(word, code) for code in (*vocabulary.codes, *vocabulary.codes.values())):
            continue
        # In a `noqa`, what does not look like our codes is another linter's.
        if not comment.is_noqa or re.fullmatch(r"PFL\d*", word, re.IGNORECASE):
            yield word


def _is_start(word: str, code: str) -> bool:
    if _CODE.fullmatch(word) and code[-1:].isdigit():
        return code.lower().startswith(word.lower())
    return word.lower() == code


def _no_rule(word: str, codes: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(word.lower(), codes, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0] if '-' in near[0] else codes[near[0]]}?" if near else ""
    return f"there is no rule `{word}`{hint}"


def _removal(text: str, span: Span) -> Span:
    """Return what to cut so that nothing is left of a remark, not even an empty line."""
    lines = text.split("\n")
    line = lines[span.line - 1]
    before, after = line[: span.column].rstrip(), line[span.end_column :].strip()
    if before and not after:
        return Span(span.line, len(before), span.line, len(line))
    if before or after:
        end = len(line) - len(line[span.end_column :].lstrip())
        return Span(span.line, span.column, span.line, end)
    if span.line < len(lines):
        return Span(span.line, 0, span.line + 1, 0)
    above = len(lines[span.line - 2]) if span.line > 1 else 0
    return Span(max(1, span.line - 1), above, span.line, len(line))
