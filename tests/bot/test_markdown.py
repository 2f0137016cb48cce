"""Text by others stays text, as GitHub's own parser sees it."""

import pytest

pytest.importorskip("cmarkgfm")
pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st
from torch_perflint.bot.markdown import block, code, inert, plain, prose

from .parsed import LIVE, parse

HOSTILE = [
    "a`b",
    "``a`` `",
    "a|b",
    r"a\|b\\|c",
    "\\",
    "`|`",
    "<img src=https://evil.example/x.png>",
    "</details></td></table><script>alert(1)</script>",
    "<!-- perflint:comment v1 key=default state=e30 -->",
    "![x](https://evil.example/x.png)",
    "[click](https://evil.example)",
    "](https://evil.example) [x",
    "@octocat @org/team",
    "closes #5, fixes owner/repo#7 GH-12",
    "https://evil.example www.evil.example a@evil.example",
    "\nwords after a line break",
    "a\nb\n\n# c\n```\n</details>",
    "| x | y |\n|--|--|\n",
    "**bold** _it_ ~~no~~ :smile:",
    "\u202eabc\u2066\x00\x1b[31m\ud800",
    "&lt;img&gt; &#64;octocat",
    "1. one",
    "- one",
    "> quote",
    "[^1] [x]: https://evil.example",
    "4f1c2ab9d3e07c1b2a4f5968778695a4b3c2d1e0 deadbeef",
    "$math$ `$x$`",
    "x" * 5000,
    "`" * 300,
]
FRAGMENTS = st.sampled_from(
    ["`", "``", "|", "\\", "[x](y)", "<b>", "@a", "#1", "\n", " ", "!", "*"]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=4), max_size=12).map("".join)


def check_span(span: str, shown: str) -> None:
    """In a line and in a cell of a table, the span is one piece of code and nothing else."""
    line = parse(f"before {span} after")
    assert line.tags == ["p", "code"]
    assert line.text == "before  after\n"
    assert line.codes == [shown]


def check_cell(cell: str, shown: str | None = None) -> None:
    table = parse(f"| a | b |\n|--|--|\n| {cell} | z |\n")
    assert [tag for tag in table.tags if tag not in ("code", "strong")] == [
        *["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    ]
    assert table.cells == [2, 2]
    assert not LIVE.search(table.text)
    if shown is not None:
        assert table.codes == [shown]


def shown_of(text: str) -> str:
    return inert(text.strip(), 80).strip() or "(empty)"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_one_span_of_code(text: str) -> None:
    check_span(code(text), shown_of(text))
    check_cell(code(text, in_table=True), shown_of(text))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_text_is_one_span_of_code(text: str) -> None:
    check_span(code(text), shown_of(text))
    check_cell(code(text, in_table=True), shown_of(text))


def naive(text: str) -> str:
    return f"`{text}`"


@pytest.mark.parametrize("text", ["a`b", "a|b", "a\nb\n\n# c\n", "`![x](https://evil.example/x)`"])
def test_the_naive_form_fails_the_same_check(text: str) -> None:
    check = check_cell if "|" in text else check_span
    with pytest.raises(AssertionError):
        check(naive(text), shown_of(text))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_sentences_hold_no_link_and_no_call(text: str) -> None:
    check_prose(prose(text))
    check_cell(prose(text, in_table=True))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_sentence_holds_no_link_and_no_call(text: str) -> None:
    check_prose(prose(text))
    check_cell(prose(text, in_table=True))


def check_prose(sentence: str) -> None:
    for markdown in (f"before {sentence} after", f"- {sentence}"):
        parsed = parse(markdown)
        assert set(parsed.tags) <= {"p", "ul", "li", "code"}, parsed.tags
        assert parsed.tags.count("li") <= 1
        assert not LIVE.search(parsed.text), parsed.text


@pytest.mark.parametrize("text", ["@octocat", "see https://evil.example", "- 1. x", "<b>x</b>"])
def test_a_naive_sentence_fails_the_same_check(text: str) -> None:
    with pytest.raises(AssertionError):
        check_prose(text)


def test_plain_words_stay_words_and_code_stays_code() -> None:
    sentence = "`.item()` in a training step waits for the device, 4.1% of it"
    assert prose(sentence) == sentence
    assert (
        prose("this edits perf_tests/test_a.py: twice")
        == "this edits `perf_tests/test_a.py`: twice"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'budgets from {"host_syncs": 0, "peak_bytes": 0} to {"operators": 2}, too',
            'budgets from `{"host_syncs": 0, "peak_bytes": 0}` to `{"operators": 2}`, too',
        ),
        ("6 s of the 4 s (`max_seconds`) that", "6 s of the 4 s (`max_seconds`) that"),
        ("`x`'s: 3,034,152 → 3,034,164.", "`x`'s: 3,034,152 → 3,034,164."),
        ("line 9: '(' was never closed", "line 9: '(' was never closed"),
        ("it says broken (no file data/a.bin)", "it says broken (no file `data/a.bin`)"),
        ("removes a_a.py, b_b.py: both", "removes `a_a.py`, `b_b.py`: both"),
        ("86.9 → 77.4 GFLOP/s (was 11.9), ±2", "86.9 → 77.4 GFLOP/s (was 11.9), `±2`"),
        ("needs ``a`b`` here", "needs ``a`b`` here"),
        ("x (`a`), co-`b`'s c", "x (`a`), `co-` `b`'s c"),
        ("0000`a`0000 b", "`0000` `a` `0000` b"),
        ("call f(x, y_z)[0] == 1: no", "call `f(x, y_z)[0] ==` 1: no"),
        ("never closed f(x_y", "never closed `f(x_y`"),
        ("x`y", "``x`y``"),
    ],
)
def test_code_in_a_sentence_is_whole(text: str, shown: str) -> None:
    assert prose(text) == shown


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_terminal_shows_what_a_comment_says(text: str) -> None:
    assert plain(code(text)) == shown_of(text)
    assert plain(f"**{code('a')}** b") == "a b"


def test_a_commit_behind_a_hyphen_and_an_address_stay_code() -> None:
    for text in ("a-deadbee", "www. x", "awww.", "x deadbeef-x"):
        assert not LIVE.search(parse(prose(text)).text)


@pytest.mark.parametrize("text", [*HOSTILE, "```\n</details>\n````", "~~~", "    x", ""])
def test_nothing_in_a_block_closes_it(text: str) -> None:
    parsed = parse(f"before\n\n{block(text)}\n\nafter")
    assert parsed.tags == ["p", "pre", "code", "p"]
    assert parsed.text == "before\n\nafter\n"


def test_a_naive_block_is_closed_by_its_text() -> None:
    parsed = parse("before\n\n```text\n```\n<b>x</b>\n```\n\nafter")
    assert parsed.tags != ["p", "pre", "code", "p"]


def test_control_and_direction_characters_are_replaced() -> None:
    assert (
        inert("a\x00b\u202ec\u2066d\ud800e\x1b[0m", 80) == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd[0m"
    )


def test_long_text_keeps_both_ends() -> None:
    short = inert("a" * 100 + "middle" + "z" * 100, 21)
    assert len(short) == 21
    assert short.startswith("aaaa")
    assert short.endswith("zzzz")
