"""Makes text by others inert in GitHub's Markdown: no link, no mention, no way out of its cell."""

import re
from collections.abc import Iterator

from ..runners.text.words import inert as inert

NBSP = "\N{NO-BREAK SPACE}"

# Words and numbers that mean nothing to Markdown and to GitHub. All else goes into a code span: a
# `@name`, a `#5`, an address, a commit hash (seven digits or more), whatever holds punctuation.
_PART = r"(?![A-Za-z]*www\.)(?![a-f]{7,}\b)[A-Za-z]+"
_WORD = rf"{_PART}(?:['’-]{_PART})*(?:/s)?"
_NUMBER = r"[+−-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,6}(?:\.[0-9]{1,4})?)(?:%|ms|s|k|x)?"
_PLAIN = re.compile(
    rf"""[("']*(?:{_WORD}|{_NUMBER})[)"']*[.,;:!?]?|[("')]+[.,;:!?]?|[→–—·×−…±]|[.,;:!?]"""
)
_PUNCTUATION = re.compile(r"[()\"'.,;:!?]+|'?s[.,;:!?]?")
_LIST_MARK = re.compile(r"[0-9]+[.)]")
# Opened and closed by as many backticks, as Markdown has it.
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_CLOSES = {")": "(", "]": "[", "}": "{"}


def code(text: str, limit: int = 80, *, in_table: bool = False) -> str:
    """`text` as one code span; only in a table are its pipes escaped, elsewhere that would show."""
    shown = inert(text.strip(), limit).strip() or "(empty)"
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    span = f"{fence}{pad}{shown}{pad}{fence}"
    return span.replace("|", r"\|") if in_table else span


def prose(text: str, limit: int = 400, *, in_table: bool = False) -> str:
    """A sentence whose plain words stay words; its code, and all that is no plain word, is code."""
    pieces: list[str] = []
    for is_code, piece in _pieces(inert(text.strip(), limit)):
        if not piece:
            continue
        if is_code and pieces and pieces[-1].endswith("`"):
            pieces.append(" ")  # two neighbouring fences would become one
        pieces.append(code(piece, limit, in_table=in_table) if is_code else piece)
    return "".join(pieces) or code("")


def block(text: str, *, language: str = "text", lines: int = 25, columns: int = 200) -> str:
    """The last lines of `text` as a fenced block that nothing in it can close."""
    kept = text.rstrip().splitlines()[-lines:]
    shown = [inert(line.replace("\t", "    "), columns) for line in kept]
    fence = "`" * max(3, _longest_run("\n".join(shown)) + 1)
    return "\n".join([f"{fence}{language}", *shown, fence])


def cell(text: str) -> str:
    """A table cell that does not wrap. For text of our own; that of others comes in code spans."""
    return text.replace(" ", NBSP)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def plain(markdown: str) -> str:
    """Undo `code`, `prose` and bold: a sentence of ours as a terminal shows it.

    For Markdown that is made of these alone, without links.
    """
    shown, end = "", 0
    for span in _SPAN.finditer(markdown):
        shown += markdown[end : span.start()].replace("**", "") + _inner(span)
        end = span.end()
    return shown + markdown[end:].replace("**", "")


def _inner(span: re.Match[str]) -> str:
    """What a code span shows: one blank at each end only keeps backticks from the fence."""
    text = span[2]
    padded = text.startswith(" ") and text.endswith(" ") and text.strip()
    return text[1:-1] if padded else text


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Split into (is it code?, piece); the text's own spans of code stay what they are."""
    end = 0
    for span in _SPAN.finditer(text):
        yield from _runs(text[end : span.start()], first=end == 0, last=False)
        yield True, _inner(span)
        end = span.end()
    yield from _runs(text[end:], first=end == 0, last=True)


def _runs(text: str, *, first: bool, last: bool) -> Iterator[tuple[bool, str]]:
    """Split text without spans of code; neighbouring strange tokens become one piece.

    Before the first and behind the last there is no span. What touches a span is code as well, but
    for punctuation, as in "(`.item()`), which".
    """
    tokens = re.findall(r"\s+|\S+", text)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        # "1." would start a list where the sentence stands first on its line.
        starts_list = first and at == 0 and _LIST_MARK.fullmatch(token) is not None
        touches = (not first and at == 0) or (not last and at == len(tokens) - 1)
        is_plain = (_PUNCTUATION if touches else _PLAIN).fullmatch(token) and not starts_list
        if token.isspace() or is_plain:
            yield False, token
            at += 1
            continue
        end = _end_of_strange(tokens, at)
        yield from _peeled(re.sub(r"\s+", " ", "".join(tokens[at:end])))
        at = end


def _end_of_strange(tokens: list[str], start: int) -> int:
    """Where the piece of code that begins at `start` ends.

    It goes on until what it opens is closed, and over strange neighbours that no comma parts.
    """
    end = _balanced_end(tokens, start)
    while (
        end + 1 < len(tokens)
        and tokens[end - 1][-1] not in ".,;:!?"
        and not _PLAIN.fullmatch(tokens[end + 1])
    ):
        end = _balanced_end(tokens, end + 1)
    return end


def _balanced_end(tokens: list[str], start: int) -> int:
    """The end of the fewest tokens that close all that they open; of one where nothing does."""
    opened: list[str] = []
    for end in range(start, len(tokens)):
        for character in tokens[end]:
            if character in _CLOSES.values():
                opened.append(character)
            elif opened and _CLOSES.get(character) == opened[-1]:
                opened.pop()
        if not opened:
            return end + 1
    return start + 1


def _peeled(piece: str) -> Iterator[tuple[bool, str]]:
    """Take off what belongs to the sentence: brackets and quotes without a partner, a comma."""
    front, back = "", ""
    if len(piece) > 1 and piece[-1] in ".,;:!?":
        piece, back = piece[:-1], piece[-1]
    while len(piece) > 1 and _is_alone(piece, piece[-1], ")"):
        piece, back = piece[:-1], piece[-1] + back
    while len(piece) > 1 and _is_alone(piece, piece[0], "("):
        piece, front = piece[1:], front + piece[0]
    yield False, front
    yield True, piece
    yield False, back


def _is_alone(piece: str, character: str, bracket: str) -> bool:
    """Whether a quote, or a round bracket of this kind, at an end of the piece has no partner."""
    if character == bracket:
        other = "(" if bracket == ")" else ")"
        return piece.count(bracket) > piece.count(other)
    return character in "\"'" and piece.count(character) % 2 == 1
