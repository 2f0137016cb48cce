"""Makes text by others inert in GitHub's Markdown: no link, no mention, no way out of its cell."""

import re
import unicodedata
from collections.abc import Iterator

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"
NBSP = "\N{NO-BREAK SPACE}"

# Words and numbers that mean nothing to Markdown and to GitHub. All else goes into a code span: a
# `@name`, a `#5`, an address, a commit hash (seven digits or more), whatever holds punctuation.
_WORD = r"(?![a-f]{7,}\b)[A-Za-z]+(?:['’-][A-Za-z]+)*"
_NUMBER = r"[+−-]?[0-9]{1,6}(?:\.[0-9]{1,4})?(?:%|ms|s|k|x)?"
_PLAIN = re.compile(rf"""[("']*(?:{_WORD}|{_NUMBER})[)"']*[.,;:!?]?|[→–—·×−]""")
_LIST_MARK = re.compile(r"[0-9]+[.)]")


def inert(text: str, limit: int) -> str:
    """One line of at most `limit` characters; control and direction characters become U+FFFD."""
    if len(text) > limit:
        # Both ends stay: a file's name and a parametrised test's parameters stand at the end.
        tail = (limit - 1) // 2
        text = text[: limit - 1 - tail] + ELLIPSIS + text[len(text) - tail :]
    return "".join(_shown(character) for character in text)


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


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return REPLACEMENT if hidden else character


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Split into (is it code?, piece); neighbouring strange tokens become one piece of code."""
    for number, part in enumerate(re.split(r"`([^`]+)`", text)):
        if number % 2:
            yield True, part
            continue
        yield from _runs(part, first=number == 0)


def _runs(text: str, *, first: bool) -> Iterator[tuple[bool, str]]:
    strange = ""
    for position, token in enumerate(re.findall(r"\s+|\S+", text)):
        # "1." would start a list where the sentence stands first on its line.
        starts_list = first and position == 0 and _LIST_MARK.fullmatch(token) is not None
        blank = token.isspace()
        # Right after a code span stands punctuation without a word, as in "`.item()`, which".
        trails = not first and position == 0 and re.fullmatch(r"[).,;:!?]+|s", token) is not None
        if not blank and not trails and (starts_list or not _PLAIN.fullmatch(token)):
            strange += token
        elif blank and strange:
            strange += " "
        else:
            yield from _flush(strange)
            strange = ""
            yield False, token
    yield from _flush(strange)


def _flush(strange: str) -> Iterator[tuple[bool, str]]:
    piece = strange.strip()
    end = piece[-1] if len(piece) > 1 and piece[-1] in ".,;:!?" else ""
    if piece:
        yield True, piece.removesuffix(end)
    if end:
        yield False, end
    if strange.endswith(" "):
        yield False, " "
