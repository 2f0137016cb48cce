"""Commands in Markdown: what is read, held against GitHub's own parser, and how long it takes."""

import time
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_perflint.bot.commands.command import Command, Mistake, Word
from torch_perflint.bot.commands.parse import LONGEST_BODY, parse

RUN = "/perflint run"


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        (RUN, [Command(Word.RUN)]),
        ("Thanks!\n\n/perflint run", [Command(Word.RUN)]),
        ("Thanks!\n/perflint run\nand bye", [Command(Word.RUN)]),
        ("/perflint run\r\n/perflint cancel\r\n", [Command(Word.RUN), Command(Word.CANCEL)]),
        ("   /perflint run  ", [Command(Word.RUN)]),
        ("/Perflint RUN All", [Command(Word.RUN, ("all",))]),
        ("/perflint run all", [Command(Word.RUN, ("all",))]),
        ("/perflint  rerun   a  b", [Command(Word.RERUN, ("a", "b"))]),
        ("/perflint run\tall", [Command(Word.RUN, ("all",))]),
        ("/perflint\trerun a \t b\t", [Command(Word.RERUN, ("a", "b"))]),
        ('/perflint\tack\tt\t"a\tb"', [Command(Word.ACK, ("t",), "a b")]),
        ("/perflint help\t", [Command(Word.HELP)]),
        ("/perflint run\va", [Mistake]),
        ("/perflint run a\u00a0b", [Mistake]),
        ("/perflint run a a", [Command(Word.RUN, ("a",))]),
        (
            "/perflint run perf/test_x.py::test_y[64-bf16]",
            [Command(Word.RUN, ("perf/test_x.py::test_y[64-bf16]",))],
        ),
        ('/perflint ack t "a  b"', [Command(Word.ACK, ("t",), "a b")]),
        ('/perflint ack t "größer, für #12"', [Command(Word.ACK, ("t",), "größer, für #12")]),
        ("/perflint ack t „ja, gut“", [Command(Word.ACK, ("t",), "ja, gut")]),
        ("/perflint unack t", [Command(Word.UNACK, ("t",))]),
        ("/perflint ok ABCDEF1", [Command(Word.OK, sha="abcdef1")]),
        ("> /perflint cancel\n\n/perflint run", [Command(Word.RUN)]),
        ("<!-- a note -->\n\n/perflint run", [Command(Word.RUN)]),
        ("text <!-- a note -->\n/perflint run", [Command(Word.RUN)]),
        ("text\n\n[^1]: note\n/perflint run", [Mistake]),
        ("$$\n/perflint run\n$$", [Mistake]),
        ("It costs $5\n/perflint run\n\nas a[^1] says", [Command(Word.RUN)]),
        ("On 3 May, x wrote:\n\n> hello\n\n/perflint run", []),
        ("/perflint run\n\nOn 3 May, x wrote:\n\n> hello", [Command(Word.RUN)]),
        ("/perflint " + " ".join(["run"] + ["t"] * 3 + [f"t{n}" for n in range(20)]), [Mistake]),
        ("\n".join(f"/perflint unack t{n}" for n in range(11)), [Mistake]),
    ],
)
def test_what_is_read(body: str, commands: list[object]) -> None:
    found = parse(body)
    assert len(found) == len(commands)
    for one, wanted in zip(found, commands, strict=True):
        assert isinstance(one, Mistake) if wanted is Mistake else one == wanted


class _TopLevel(HTMLParser):
    """The lines that GitHub shows as plain text in paragraphs of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.lines: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("br", "hr", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open == ["p"]:
            self.lines += [line.strip() for line in data.split("\n")]


def shown(body: str) -> list[str]:
    made = _TopLevel()
    made.feed(cmarkgfm.github_flavored_markdown_to_html(body, Options.CMARK_OPT_UNSAFE))
    return made.lines


PIECES = st.sampled_from(
    [
        *(
            RUN,
            "/perflint cancel",
            "text",
            "",
            "> ",
            "> q",
            "- ",
            "1. ",
            "    ",
            "\t",
            "```",
            "~~~",
        ),
        *("<!--", "-->", "<b>", "</b>", "<details>", "</details>", "<pre>", "</pre>", "<script>"),
        *("[x](y)", "[", "]", "[x]: y", "# ", "===", "---", "| a |", "|--|", "**", "~~", "\\"),
        *("`", "~~~", "&#47;", "<?x", "*"),
    ]
)


@given(st.lists(st.tuples(PIECES, PIECES, st.sampled_from(["", RUN])), max_size=7))
@settings(max_examples=400, deadline=None)
def test_github_shows_each_command_as_a_plain_line(rows: list[tuple[str, str, str]]) -> None:
    body = "\n".join("".join(row) for row in rows)
    lines = shown(body)
    for one in parse(body):
        if isinstance(one, Command):
            assert f"/perflint {' '.join((one.word.value, *one.tests))}".strip() in lines, body


def test_a_footnote_that_nothing_refers_to_is_not_shown() -> None:
    """So a command in it would be hidden from everybody but us; our test above knows no notes."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
    html = cmarkgfm.github_flavored_markdown_to_html(f"text\n\n[^1]: note\n{RUN}", options)
    assert RUN not in html


def test_a_quoted_command_would_be_seen_by_that_test() -> None:
    assert RUN in shown(f"a\n{RUN}")
    for body in (f"> {RUN}", f"`{RUN}`", f"- {RUN}", f"# {RUN}", f"    {RUN}", f"<b>{RUN}</b>"):
        assert RUN not in shown(body)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_it_fail(text: str) -> None:
    for body in (text, f"/perflint {text}", f"/perflint ack {text}", f"{RUN}\n{text}"):
        for one in parse(body):
            assert isinstance(one, Command | Mistake)
            if isinstance(one, Command):
                assert all(test.isascii() and not test.startswith("-") for test in one.tests)


@pytest.mark.parametrize(
    "nasty",
    ["[", "![", "<", "`a", "*a ", "a__", "[a](", "> ", "- ", "<!--", "&", "|a", "~~a ", "\\", "<?"],
)
def test_no_body_takes_long(nasty: str) -> None:
    body = f"{RUN}\n\n" + nasty * ((LONGEST_BODY - 20) // len(nasty))
    begin = time.process_time()
    parse(body)
    assert time.process_time() - begin < 1.0


def test_a_longer_body_is_not_even_parsed() -> None:
    [found] = parse(f"{RUN}\n" + "[" * LONGEST_BODY)
    assert isinstance(found, Mistake)
