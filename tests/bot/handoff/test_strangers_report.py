"""Whatever a stranger's report says, in all its strings and numbers at once, the comment is sound.

It takes the whole way: packed, read as an artifact, given GitHub's facts, rendered with its marker,
and parsed as GitHub does. Beside it goes a twin with harmless words in the same places.
"""

import re
from dataclasses import replace
from random import Random

import msgspec
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("cmarkgfm")
pytest.importorskip("hypothesis")

from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch_perflint.bot.handoff.archive import read_archive
from torch_perflint.bot.handoff.origin import Origin, with_facts
from torch_perflint.bot.post import state_of
from torch_perflint.bot.render import render_comment
from torch_perflint.bot.report import Report
from torch_perflint.bot.sticky import read_marker, with_marker
from torch_perflint.bot.workflow import Place, WorkflowRun

from ..parsed import ALLOWED, LIVE, Parsed, parse
from ..strangers import VECTORS, Source, a_report, plain, rewritten, texts_of
from ..test_markdown import HOSTILE, TEXTS
from .hostile import Entry, pack

HEAD, BASE = "a" * 40, "b" * 40
HERE = Place(1, "acme/models")
RUN = WorkflowRun(
    812, 1, "pull_request", "perflint.yml", "completed", "success", HEAD, "topic", HERE, HERE
)
OURS = "https://github.example/acme/models/"
COMMANDS = ["::error::x", "##[add-mask]x", "::set-output name=a::b", "/perflint ok aaaaaaa"]
WORDS = [
    *VECTORS.values(),
    *HOSTILE,
    *COMMANDS,
    "",
    "host_syncs",
    "train.py",
    "../../x",
    "a/b.py",
    "main",
]
# By these, counts are sorted.
KNOWN_COUNTERS = ["host_syncs", "operators", "flops"]
NUMBERS = [0, 1, -1, 2, 3, 40, 1000, 2**31, -(2**53), 2**53]
REALS = [0.0, 1.0, -1.0, 0.5, -0.263, 1e-25, 1e25, -1e25, 41.3, 1e9]


def comment(made: Report) -> str:
    """Take a report the whole way to the comment, with its marker."""
    # Half a surrogate pair, which JSON cannot hold, is refused: see the hostile archives.
    whole = rewritten(made, lambda text: text.encode("utf-8", "replace").decode())
    read = read_archive(pack(Entry(msgspec.json.encode(whole), method=0)))
    told = with_facts(read, RUN, Origin(5, HEAD, "main"), "https://github.example")
    told = replace(told, base=replace(told.base, sha=BASE))  # looked up before it is told
    body = with_marker(render_comment(told), "default", state_of(told))
    found = read_marker(body)
    assert found is not None and found[1] == state_of(told)
    return body


def harmless(made: Report) -> Report:
    """The same report with harmless words; what was equal, empty or first in order stays so."""
    texts = sorted({text for text in texts_of(made) if text.strip()})
    known = {"": ""} | {name: name for name in KNOWN_COUNTERS}
    for number, text in enumerate(text for text in texts if text not in known):
        simple = text.isascii() and text.isalnum() and len(text) <= 12
        known[text] = f"w{number:04}{'' if simple else '_'}"
    return rewritten(made, known.__getitem__)  # type: ignore[no-any-return]


def skeleton(parsed: Parsed) -> list[str]:
    # Which words of a sentence are code, which places can be linked and whether a code of a rule is
    # bold depends on the text; what holds the text together does not.
    return [tag for tag in parsed.tags if tag not in ("code", "a", "strong")]


def numbers_in(parsed: Parsed) -> list[str | None]:
    # What stands between words that are code, such as a colon of a stranger's, is no number.
    return [
        text if not re.search("[^\\W\\d]", text) and re.search(r"\d", text) else None
        for text in parsed.cell_texts
    ]


def check_sound(body: str, like: str) -> None:
    """No link but ours, no picture, nobody called, nothing of GitHub's in what is no code."""
    parsed, twin = parse(body), parse(like)
    assert parsed.unbalanced == []
    assert skeleton(parsed) == skeleton(twin)
    assert parsed.cells == twin.cells
    # A pipe that splits a cell pushes the numbers to its right along.
    pairs = zip(numbers_in(parsed), numbers_in(twin), strict=True)
    assert not [(one, other) for one, other in pairs if None not in (one, other) and one != other]
    assert set(parsed.tags) <= ALLOWED | {"comment"}
    assert parsed.tags[0] == "h3" and parsed.tags.count("h3") == 1
    assert parsed.tags.count("comment") == 1
    assert all(link.startswith(OURS) for link in parsed.links), parsed.links
    assert not [link for link in parsed.links if "evil" in link.partition("/blob/")[0]]
    outside = parsed.text.replace("run 812", "")
    assert not LIVE.search(outside), LIVE.search(outside)
    assert not re.search(r"[\u200b-\u200f\ufeff]", outside)


def everywhere(text: str) -> Report:
    return a_report(plain(text))


def test_the_report_has_a_text_in_every_place_and_each_is_reached() -> None:
    made = everywhere("x")
    assert len(texts_of(made)) > 200
    assert set(texts_of(made)) == {"x"}


@pytest.mark.parametrize("text", [*VECTORS.values(), *HOSTILE, *COMMANDS])
def test_one_hostile_text_in_every_place(text: str) -> None:
    check_sound(comment(everywhere(text)), comment(everywhere("plain_text")))


@pytest.mark.parametrize("name", sorted({*VECTORS} - {"slash", "backtick", "newline"}))
def test_a_vector_that_is_put_in_as_it_is_would_be_seen(name: str) -> None:
    # Left out: a command that no bot obeys from a bot, and what a single line cannot hold.
    page = comment(everywhere("plain_text"))
    text = VECTORS[name].replace("\x00", "\ufeff")  # the parser replaces a NUL itself
    with pytest.raises(AssertionError):
        check_sound(page.replace("`plain_text`", text), page)


def drawn(seed: int, texts: list[str]) -> Report:
    """A report of any shape: its fields have these texts, and any numbers that are let in."""
    chance = Random(seed)
    texts = [text if text.strip() else "" for text in texts]
    return a_report(
        Source(
            lambda: chance.choice(texts),
            lambda: chance.choice(NUMBERS),
            lambda: chance.choice(REALS),
            chance.choice,
        )
    )


SEEDS = st.integers(0, 2**32)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.lists(TEXTS | st.sampled_from(WORDS), min_size=1, max_size=8))
@example(0, WORDS)
def test_any_texts_and_numbers_in_a_report_of_any_shape(seed: int, texts: list[str]) -> None:
    made = drawn(seed, texts)
    check_sound(comment(made), comment(harmless(made)))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(SEEDS, st.lists(TEXTS | st.sampled_from(WORDS), min_size=1, max_size=8))
def test_many_more_reports_of_any_shape(seed: int, texts: list[str]) -> None:
    made = drawn(seed, texts)
    check_sound(comment(made), comment(harmless(made)))
