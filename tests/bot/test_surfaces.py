"""Wherever a stranger's words come out they stay words: page, check, log, terminal, answer."""

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from random import Random
from urllib.parse import unquote

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("msgspec")
pytest.importorskip("cmarkgfm")
pytest.importorskip("hypothesis")
pytest.importorskip("markdown_it")

from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch_perflint.bot.acks import Ack, Refused, acknowledge, withdraw
from torch_perflint.bot.check import LARGEST_SUMMARY, LONGEST_TITLE, annotations_of, check_of
from torch_perflint.bot.commands.command import Mistake
from torch_perflint.bot.commands.parse import parse as commands_in
from torch_perflint.bot.commands.reply import refusal
from torch_perflint.bot.interim import (
    Ended,
    Running,
    Waiting,
    render_ended,
    render_running,
    render_waiting,
)
from torch_perflint.bot.log import annotate
from torch_perflint.bot.outlook import Outlook
from torch_perflint.bot.render import LARGEST_COMMENT, render_comment, render_terminal
from torch_perflint.bot.report import Report, Revision
from torch_perflint.bot.state import LastVerdict
from torch_perflint.bot.sticky import LARGEST_BODY, State, read_marker, with_marker
from torch_perflint.bot.tell import all_findings
from torch_perflint.runners.result import TestResult

from .parsed import ALLOWED, LIVE, parse
from .reports import GPT, LINK, REPORTS, finding, report
from .strangers import VECTORS, Source, a_report, plain
from .test_markdown import HOSTILE, TEXTS

ESCAPES = [
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\x9b2J",
    "a\rb\x08\x07",
    "\x1b]0;title\x07",
    "::error file=x::y",
    "x\n::set-output name=a::b",
    "##[add-mask]x",
    "%0A::error::x%0D",
    "a,title=b::c",
    "/perflint ok aaaaaaa",
    "\u2028::error::x\u2029::warning::y\x85::notice::z",
]
TRIED = {**VECTORS, **{f"h{n}": text for n, text in enumerate([*HOSTILE, *ESCAPES])}}
OURS = f"{LINK.server}/"
_COMMAND = re.compile(
    r"::(?:error|warning|notice) file=([^,:]*),line=(\d+),endLine=(\d+),title=([^,:]*)::(.*)"
)


def check_page(page: str, *, headings: int = 1) -> None:
    """No link but ours, no picture, nobody called, no other HTML, and no line of ours forged."""
    parsed = parse(page)
    assert parsed.unbalanced == []
    assert set(parsed.tags) <= ALLOWED | {"h4"}, parsed.tags
    assert parsed.tags.count("h3") == headings
    assert all(link.startswith(OURS) for link in parsed.links), parsed.links
    outside = parsed.text.replace(f"run {LINK.run_id}", "")
    assert not LIVE.search(outside), LIVE.search(outside)
    assert read_marker(page) is None
    state = State("a" * 40, "b" * 40, 1)
    marked = with_marker(page, "default", state)
    assert read_marker(marked) == ("default", state)
    assert parse(marked).tags.count("comment") == 1


def check_plain(text: str, most: int) -> None:
    """One line of text, without anything that a screen obeys."""
    assert len(text) <= most
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029]", text)


def check_shown(text: str) -> None:
    """What a terminal shows and the log of a job keeps: no escape, no command, no hidden turn."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029]", text)
    assert not [line for line in text.split("\n") if line.lstrip().startswith("::")]
    assert "##[" not in text


def check_commands(made: Report) -> None:
    """Each remark is one command, and the runner reads out of it what we put in."""
    remarks = annotations_of(made)
    with redirect_stdout(io.StringIO()) as log:
        annotate(remarks)
    lines = log.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(remarks)
    for line, one in zip(lines, remarks, strict=True):
        found = _COMMAND.fullmatch(line)
        assert found is not None, line
        path, first, last, title, message = found.groups()
        assert [unquote(text) for text in (path, title, message)] == [
            *(one.path, one.title, one.message)
        ]
        assert (int(first), int(last)) == (one.start_line, one.end_line)
        check_plain(one.title, 200)
        check_plain(one.message, 2000)
        check_plain(one.path, 1024)


def check_report(made: Report) -> None:
    """All that is made of one report."""
    check_page(render_comment(made, commands=True))
    check = check_of(made)
    check_plain(check.title, LONGEST_TITLE)
    check_page(check.summary, headings=0)
    assert len(check.summary) <= LARGEST_SUMMARY
    # What follows the comment in a job summary.
    check_page(all_findings(made), headings=0)
    check_commands(made)
    for color in (False, True):
        text = render_terminal(made, 100, color)
        check_shown(re.sub(r"\x1b\[\d*m", "", text) if color else text)


def acknowledged(text: str) -> str:
    acks = (
        Ack(GPT.test.id, text, text, text, text, -0.2),
        Ack(text, text, text, text, text, None, counters=((text, 3),)),
    )
    return render_comment(report(GPT), acks, commands=True)


def answers(text: str) -> str:
    """What is said to somebody who gave these commands."""
    told = [
        *commands_in(f'/perflint {text}\n\n/perflint ack {text} "{text}"\n\n/perflint run {text}'),
        *commands_in(f'/perflint ack test "{text}"\n\n/perflint ok {text}'),
    ]
    refused = [one.why for one in told if isinstance(one, Mistake)]
    hostile = report(_named(text), _named(f"b{text}"))
    for name in (text, "test_gpt_trian", "test"):
        result = acknowledge((), hostile, name, text, by=text, at=text)
        refused += [result.why] if isinstance(result, Refused) else []
    back = withdraw((), text)
    refused += [back.why] if isinstance(back, Refused) else []
    page = refusal(refused, [], 5)
    assert page.count("<!--") >= 1
    body, _, last = page.rpartition("\n")
    assert last == "<!-- perflint:reply v1 to=5 -->"
    return body


def _named(text: str) -> TestResult:
    return replace(GPT, test=replace(GPT.test, id=f"a.py::{text}"))


def last(text: str) -> LastVerdict:
    return LastVerdict(text, text, text)


PAGES: dict[str, tuple[Callable[[str], str], int]] = {
    "running": (
        lambda t: render_running(Running(Revision(t, t), Outlook(2, 1, 5.0), t, last(t), LINK)),
        1,
    ),
    "waiting": (
        lambda t: render_waiting(Waiting(Revision(t, t), Outlook(1, 2, 5.0), LINK, last(t))),
        1,
    ),
    "ended": (lambda t: render_ended(Ended(Revision(t, t), why=t, link=LINK, last=last(t))), 1),
    "acknowledged": (acknowledged, 1),
    "answers": (answers, 0),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", TRIED)
def test_pages_that_are_no_results_are_inert(page: str, name: str) -> None:
    write, headings = PAGES[page]
    check_page(write(TRIED[name]), headings=headings)


@pytest.mark.parametrize("name", TRIED)
def test_one_text_everywhere_is_inert_in_all_that_is_made_of_a_report(name: str) -> None:
    check_report(linked(a_report(plain(TRIED[name]))))


@pytest.mark.parametrize("name", REPORTS)
def test_all_that_is_made_of_our_own_samples_is_sound(name: str) -> None:
    check_report(REPORTS[name])


def linked(made: Report) -> Report:
    """With links that GitHub has told: what a stranger writes there is not taken."""
    return replace(made, link=LINK)


def drawn(seed: int, texts: list[str]) -> Report:
    chance = Random(seed)
    numbers = [0, 1, -1, 3, 40, 2**31, -(2**53), 2**53]
    reals = [0.0, 1.0, -1.0, 0.5, -0.263, 1e-25, 1e25, -1e25, 1e9]
    return linked(
        a_report(
            Source(
                lambda: chance.choice(texts),
                lambda: chance.choice(numbers),
                lambda: chance.choice(reals),
                chance.choice,
            )
        )
    )


WORDS = st.lists(TEXTS | st.sampled_from(list(TRIED.values())), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), WORDS)
@example(0, list(TRIED.values()))
def test_reports_of_any_shape_are_inert_everywhere(seed: int, texts: list[str]) -> None:
    check_report(drawn(seed, texts))


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_any_text_is_inert_in_pages_that_are_no_results(text: str) -> None:
    for write, headings in PAGES.values():
        check_page(write(text), headings=headings)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(st.integers(0, 2**32), WORDS)
def test_many_more_reports_of_any_shape_are_inert_everywhere(seed: int, texts: list[str]) -> None:
    check_report(drawn(seed, texts))
    for write, headings in PAGES.values():
        check_page(write(texts[0]), headings=headings)


@pytest.mark.parametrize(
    "name", sorted({*VECTORS} - {"slash", "backtick", "newline", "pipe", "nul"})
)
def test_a_vector_that_is_put_in_as_it_is_fails_the_same_check(name: str) -> None:
    page = acknowledged("plain_text")
    assert "`plain_text`" in page
    check_page(page)
    with pytest.raises(AssertionError):
        check_page(page.replace("`plain_text`", VECTORS[name]))


def test_a_line_of_ours_that_is_forged_fails_the_same_check() -> None:
    forged = with_marker("### x", "default", State("a" * 40, "b" * 40, 1))
    for page in (forged, f"{forged}\n"):
        with pytest.raises(AssertionError):
            check_page(page)


@pytest.mark.parametrize(
    "text", ["\x1b[31mx", "a\x9bb", "x\n ::error::y", "##[x", "a\u202eb", "\r"]
)
def test_an_escape_or_a_command_that_is_put_in_fails_the_same_check(text: str) -> None:
    with pytest.raises(AssertionError):
        check_shown(f"test  slower\n{text}\n")


def test_a_remark_that_is_written_as_it_is_would_be_two_commands() -> None:
    made = report(findings=(finding(message="x"),))
    [one] = annotations_of(made)
    assert _COMMAND.fullmatch(f"::error file=a.py,line=1,endLine=1,title={one.title}::x") is None
    assert _COMMAND.fullmatch("::error file=a,b:c,line=1,endLine=1,title=x::y") is None


def test_the_longest_page_leaves_room_for_its_marker() -> None:
    assert LARGEST_COMMENT < LARGEST_BODY
