"""Reads commands out of the Markdown of a comment; the one home of markdown-it-py.

A command is a line of plain text that begins with `/perflint`, in a paragraph that stands neither
in a quote nor in a list nor in HTML. What is quoted, code, a link, a heading, a picture or
hidden is told about a command and gives none.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ...runners.text.words import REPLACEMENT
from ..acks import LONGEST_REASON, SHORTEST_REASON
from ..markdown import code, inert
from .command import ALL, STARTING, TEST_NAME, Command, Mistake, Word

PREFIX = "/perflint"
# Beyond either a comment is no command of anybody in their right mind.
LONGEST_BODY, MOST_COMMANDS, MOST_TESTS = 16_384, 10, 20

USAGE = {
    Word.RUN: "/perflint run [TEST … | all]",
    Word.RERUN: "/perflint rerun [TEST …]",
    Word.ACK: '/perflint ack TEST "reason"',
    Word.UNACK: "/perflint unack TEST",
    Word.OK: "/perflint ok COMMIT",
    Word.CANCEL: "/perflint cancel",
    Word.HELP: "/perflint help",
}

_BEGINS = re.compile(rf"[ \t]*{PREFIX}(?![\w/.-])", re.IGNORECASE | re.ASCII)
_ON_A_LINE = re.compile(rf"^.*{PREFIX}", re.IGNORECASE | re.ASCII | re.MULTILINE)
_BLANKS = re.compile(r"[ \t]+")
_PLAIN = re.compile(r"[ -~]*")
_NO_FOOTNOTES = "a comment with footnotes gives no commands: write one without"
_NOT_PLAIN = "a command is written in plain ASCII characters; only a reason may have others"
_SHA = re.compile(r"[0-9a-f]{7,40}")
# Phones write the second pair by themselves.
_REASON = re.compile(r"""(?P<test>\S+)[ \t]+(?:"(?P<a>[^"]*)"|[“„](?P<b>[^“”"]*)[“”])""")
# Mail programs that quote without `>` put one of these above what they quote, and GitHub's own
# mails end in the second: whoever answers such a mail has not written the commands in it.
_QUOTED_BELOW = re.compile(
    r"-+ ?Original Message ?-+|On .{1,200} wrote:|From: .{1,200}|_{10,}", re.IGNORECASE
)
_QUOTED_ABOVE = re.compile(r"Reply to this email directly|You are receiving this because")
# What our parser does not know. GitHub shows a footnote elsewhere or, where nothing refers to it,
# not at all; between two dollar signs and two more it shows a formula.
_FOOTNOTE = re.compile(r"^[ \t]*\[\^[^\]\s]+\]:", re.MULTILINE)
_FORMULA = "$$"
_TABLE = re.compile(r"[|: \t-]*-[|: \t-]*")
_COMMENT_ONLY = re.compile(r"(?:\s*<!--.*?-->)*\s*", re.DOTALL)


def parse(body: str) -> tuple[Command | Mistake, ...]:
    """Read the commands of a comment in their order, each once; empty where it gives none."""
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    if not _ON_A_LINE.search(body):
        return ()
    if len(body) > LONGEST_BODY:
        return (Mistake(f"a comment with commands may have {LONGEST_BODY:,} characters"),)
    found = tuple(dict.fromkeys(_read(line) for line in _lines(body)))
    if len(found) > MOST_COMMANDS:
        return (Mistake(f"a comment may give {MOST_COMMANDS} commands"),)
    starting = [one for one in found if isinstance(one, Command) and one.word in STARTING]
    if len(starting) > 1:
        return (Mistake("a comment may begin one measurement: name all tests in one command"),)
    return found


def _lines(body: str) -> list[str | Mistake]:
    """Find the lines that begin as a command does, in paragraphs that stand by themselves."""
    # The flavour that GitHub renders, as far as it decides what is code, a quote, a table or text.
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)
    found: list[str | Mistake] = []
    inside_html = ended = False
    hidden = _FOOTNOTE.search(body) is not None
    for before, token in pairwise(tokens):
        if before.type == "html_block":
            # What it opens may hide or quote the paragraphs below it.
            inside_html |= not _COMMENT_ONLY.fullmatch(before.content)
        if token.type != "inline" or before.type != "paragraph_open" or before.level:
            continue
        inside_html |= any(_is_html(child) for child in token.children or [])
        if _QUOTED_ABOVE.search(token.content) and found:
            return [Mistake("a reply by e-mail that quotes gives no commands: comment on the page")]
        for line in _split(token.children or []):
            ended |= _QUOTED_BELOW.fullmatch(_text(line)) is not None
            if not ended and line and line[0].type == "text" and _BEGINS.match(line[0].content):
                said = _command(line, token.content, inside_html=inside_html)
                found.append(Mistake(_NO_FOOTNOTES) if hidden else said)
    return found


def _command(line: list[Token], paragraph: str, *, inside_html: bool) -> str | Mistake:
    """Return what a line commands, where all of it is plain text that stands there as it shows."""
    text = _text(line)
    if inside_html:
        return Mistake("a comment with HTML in it gives no commands: write one without")
    sources = [source.strip(" \t") for source in paragraph.split("\n")]
    plain = all(part.type == "text" and not part.level for part in line) and text in sources
    # To GitHub the lines around such a one are a table already, to our parser still a paragraph.
    tables = any(_TABLE.fullmatch(source) for source in sources)
    if not plain or tables or _FORMULA in paragraph:
        return Mistake("a command is plain text: write it without any Markdown in it")
    return text


def _is_html(child: Token) -> bool:
    return child.type == "html_inline" and not _COMMENT_ONLY.fullmatch(child.content)


def _text(line: list[Token]) -> str:
    return "".join(part.content for part in line if part.type == "text").strip(" \t")


def _split(children: list[Token]) -> Iterator[list[Token]]:
    """Split what stands in a paragraph where its lines end."""
    line: list[Token] = []
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            yield line
            line = []
        elif child.content or child.type != "text":
            line.append(child)
    yield line


def _read(line: str | Mistake) -> Command | Mistake:
    if isinstance(line, Mistake):
        return line
    rest = line[len(PREFIX) :].strip(" \t")
    if not rest:
        return Command(Word.HELP)
    first, *more = _BLANKS.split(rest, maxsplit=1)
    rest = more[0] if more else ""
    word = next((word for word in Word if word.value == first.lower()), None)
    if word is None:
        return _unknown(first) if _PLAIN.fullmatch(first) else Mistake(_NOT_PLAIN)
    if word is Word.ACK:
        return _ack(rest)
    words = _BLANKS.split(rest) if rest else []
    if not all(map(_PLAIN.fullmatch, words)):
        return Mistake(_NOT_PLAIN)
    if word is Word.OK:
        return _ok(words)
    return _with_tests(word, words)


def _unknown(word: str) -> Mistake:
    near = get_close_matches(word.lower(), [each.value for each in Word], n=1)
    if near:
        return Mistake(
            f"{code(word, 30)} is no command: did you mean {code(f'{PREFIX} {near[0]}')}?"
        )
    words = ", ".join(code(each.value) for each in Word)
    return Mistake(f"{code(word, 30)} is no command: there are {words}")


def _with_tests(word: Word, tests: list[str]) -> Command | Mistake:
    most = {Word.RUN: MOST_TESTS, Word.RERUN: MOST_TESTS, Word.UNACK: 1}.get(word, 0)
    least = 1 if word is Word.UNACK else 0
    tests = [ALL if test.lower() == ALL else test for test in tests]
    if not least <= len(tests) <= most:
        limit = f", with {most} tests at most" if most > 1 else ""
        return Mistake(f"it is {code(USAGE[word])}{limit}")
    if wrong := [test for test in tests if not TEST_NAME.fullmatch(test)]:
        return Mistake(f"{code(wrong[0])} is no name of a test")
    if ALL in tests and (word is not Word.RUN or len(tests) > 1):
        return Mistake(f"{code(ALL)} stands alone, after {code('run')}")
    return Command(word, tuple(dict.fromkeys(tests)))


def _ok(words: list[str]) -> Command | Mistake:
    if len(words) != 1 or not _SHA.fullmatch(words[0].lower()):
        return Mistake(
            f"it is {code(USAGE[Word.OK])}: seven to forty digits of the commit that you have read"
        )
    return Command(Word.OK, sha=words[0].lower())


def _ack(rest: str) -> Command | Mistake:
    said = _REASON.fullmatch(rest)
    if said is None:
        return Mistake(f"it is {code(USAGE[Word.ACK])}: the reason stands in quotes")
    test, reason = said["test"], " ".join((said["a"] or said["b"] or "").split())
    if not TEST_NAME.fullmatch(test) or test == ALL:
        return Mistake(f"{code(test)} is no name of a test")
    if REPLACEMENT in inert(reason, LONGEST_REASON):
        return Mistake("the reason has characters that cannot be seen")
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        return Mistake(
            f"an acknowledgement needs a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters"
        )
    return Command(Word.ACK, (test,), reason)
