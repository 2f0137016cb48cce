"""How comments look on a desk and on a phone, by GitHub's parser and a real browser."""

import re
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("msgspec")
pytest.importorskip("cmarkgfm")
pytest.importorskip("hypothesis")

from torch_perflint.bot.markdown import NBSP
from torch_perflint.bot.render import render_comment
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.verdict.compare import Verdict

from ..browsing import chromium, picture_tool
from .parsed import parse
from .reports import CONV, GPT, LOADER, finding, report
from .states import STATES
from .test_render import PAGES

GOLDEN = Path(__file__).parent / "golden" / "states"
DESK, PHONE = 780, 375
# What a phone shows without scrolling, less what the browser and GitHub keep for themselves.
FOLD = {DESK: 700, PHONE: 560}
# The columns for whose sake people look at a table.
CHANGES = (f"Change [95%{NBSP}CI]", "Base → head")
LONG = "test_swin_transformer_detection_ddp_train[bf16-channels_last-compile-max_autotune]"


PICTURE = picture_tool()


@pytest.mark.parametrize("name", STATES)
def test_each_state_is_as_approved(name: str, update: bool) -> None:
    file = GOLDEN / f"{name}.md"
    if update:
        file.parent.mkdir(exist_ok=True)
        file.write_text(STATES[name], encoding="utf-8")
    assert STATES[name] == file.read_text(encoding="utf-8")


def test_there_are_nine_states() -> None:
    assert len(STATES) == 9
    assert {file.stem for file in GOLDEN.glob("*.md")} == set(STATES)


def test_the_sanitizer_keeps_what_github_keeps() -> None:
    text = '<img src=x onerror=1> <a href="javascript:x" onclick=y>z</a> <b style="x">w</b>'
    body = PICTURE.body(f"{text} <script>alert(1)</script> `<i>` [a](https://x/?a=1&b=2)")
    assert "img" not in body
    assert "onclick" not in body
    assert "<script" not in body
    assert "<a>z</a>" in body
    assert "<b>w</b>" in body
    assert "<code>&lt;i&gt;</code>" in body
    assert '<a href="https://x/?a=1&amp;b=2">a</a>' in body
    assert PICTURE.body("<!-- perflint -->\n\na").strip() == "<p>a</p>"


@pytest.fixture(scope="module")
def browser() -> Generator[Any]:
    with chromium() as one:
        yield one


# Where the tables stand that everybody sees: by how much each column goes over the edge of what is
# visible of the table, how many lines of text a cell has, and where headline and cause end.
MEASURE = """
(() => {
  const edge = box => box.getBoundingClientRect();
  const open = [...document.querySelectorAll('table')].filter(t => !t.closest('details'));
  const tables = open.map(t => [...t.rows].map(r => [...r.cells].map(c => ({
    text: c.textContent, over: Math.round(edge(c).right - edge(t).right),
    lines: Math.round((edge(c).height - 13) / 21)}))));
  const heading = document.querySelector('h3');
  const first = heading.nextElementSibling;
  return {tables, heading: edge(heading).bottom, first: edge(first).bottom,
          firstText: first.textContent, page: document.documentElement.scrollWidth,
          shown: innerWidth};
})()
"""


def measured(browser: Any, markdown: str, width: int) -> dict[str, Any]:
    browser.show(PICTURE.page(markdown), width)
    said: dict[str, Any] = browser.value(MEASURE)
    assert said["shown"] == width
    return said


def check_readable(browser: Any, markdown: str, width: int) -> None:
    """The page is as wide as the screen, icon and change are seen, the cause is above the fold."""
    said = measured(browser, markdown, width)
    check_changes_are_seen(said)
    assert said["heading"] < said["first"] < FOLD[width]
    if width == DESK:
        assert {cell["lines"] for table in said["tables"] for row in table for cell in row} <= {1}


def check_changes_are_seen(said: dict[str, Any]) -> None:
    """In each table the icon and what changed lie before the edge, and nothing moves the page."""
    assert said["page"] <= said["shown"]
    for header, *body in said["tables"]:
        [column] = [n for n, cell in enumerate(header) if cell["text"] in CHANGES]
        assert all(row[n]["over"] <= 1 for row in (header, *body) for n in (0, column)), body


def rows(count: int, name: str = "test_model_{}") -> list[TestResult]:
    return [
        replace(GPT, test=replace(GPT.test, id=f"perf/test_{n}.py::{name.format(n)}"))
        for n in range(count)
    ]


MANY = {
    "none changed": report(LOADER),
    "one with a long name": report(*rows(1, LONG)),
    "forty": report(*rows(40), findings=(finding(),)),
    "forty with long names": report(*rows(40, f"{LONG}_{{}}"), CONV),
    "of two files": report(*rows(2, "test_train")),
}


@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("name", [*STATES, *sorted(set(PAGES) - set(STATES))])
def test_every_state_is_readable(browser: Any, name: str, width: int) -> None:
    check_readable(browser, (STATES | PAGES)[name], width)


@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("name", MANY)
def test_long_and_many_rows_are_readable(browser: Any, name: str, width: int) -> None:
    page = render_comment(MANY[name], commands=True)
    check_changes_are_seen(measured(browser, page, width))


@pytest.mark.browser
def test_a_table_that_puts_the_name_before_the_change_fails_the_same_check(browser: Any) -> None:
    page = render_comment(report(*rows(1, LONG)))
    swapped = re.sub(r"^(\| [^|]*)(\|[^|]*)(\|[^|]*)", r"\1\3\2", page, flags=re.MULTILINE)
    assert f"| Perf test | Change [95%{NBSP}CI] |" in swapped
    check_readable(browser, page.replace(LONG, "test"), PHONE)
    with pytest.raises(AssertionError):
        check_readable(browser, swapped, PHONE)


@pytest.mark.browser
def test_a_long_way_to_the_cause_fails_the_same_check(browser: Any) -> None:
    page = STATES["1-regression"]
    with pytest.raises(AssertionError):
        check_readable(browser, page.replace("Likely cause", "word " * 300 + "Likely cause"), PHONE)


def test_the_verdict_stands_first_and_the_cause_second() -> None:
    heading, _, cause = STATES["1-regression"].split("\n")[:3]
    assert heading == "### 🔴 perflint: `test_resnet50_ddp` runs 9.6% slower with this PR"
    assert cause.startswith("Likely cause: [`train/loop.py:88`](")


def test_what_did_not_change_is_folded() -> None:
    before = STATES["1-regression"].split("<details>")[0]
    assert "test_gpt2_small" not in before
    assert "2 more perf tests ran and did not change" in before
    assert parse(before).tags.count("table") == 2


def test_a_line_is_explained_where_it_is_named_first() -> None:
    before = STATES["1-regression"].split("| |")[0]
    assert before.count("makes the GPU wait (**PFL101**)") == 1
    assert "makes the host wait 32 more times per step: [`train/loop.py:88`]" in before
    assert "#L88), as above." in before
    source = "projected = self.qkv"
    assert render_comment(report(*rows(3))).split("| |")[0].count(source) == 1


def test_counts_that_no_budget_concerns_are_folded() -> None:
    before, *folded = STATES["1-regression"].replace(NBSP, " ").split("<details>")
    assert "**1 → 33** host syncs" in before
    assert "operators |" not in before
    assert any("Other counts per step that differ" in part for part in folded)


def test_commands_are_there_to_be_copied_where_somebody_reads_them() -> None:
    assert '`/perflint ack test_resnet50_ddp "reason"`' in STATES["1-regression"]
    assert "`/perflint rerun test_gpt2_small` measures again" in STATES["4-inconclusive"]
    assert "`/perflint run all`" in STATES["6-not-affected"]
    for name in ("2-all-clear", "3-improved", "5-head-failed"):
        assert "/perflint" not in STATES[name]
    assert "/perflint" not in render_comment(report(GPT))


def test_a_verdict_that_was_accepted_asks_for_nothing_more() -> None:
    from torch_perflint.bot.acks import Ack

    ack = Ack(GPT.test.id, "worth it", "alice", "2026-01-02T03:04:05Z", "4" * 40, -0.263)
    assert "/perflint" not in render_comment(report(GPT), [ack], commands=True)
    other = replace(GPT, test=replace(GPT.test, id="a.py::test_b"))
    page = render_comment(report(GPT, other), [ack], commands=True)
    assert '`/perflint ack test_b "reason"`' in page


def test_a_name_that_no_command_can_have_is_not_offered() -> None:
    odd = replace(GPT, test=replace(GPT.test, id="a.py::test_a[x y]"))
    assert "/perflint" not in render_comment(report(odd), commands=True)
    count = replace(CONV, verdict=Verdict.SAME)
    page = render_comment(report(count), commands=True)
    assert "/perflint ack" in page
    assert "/perflint rerun" not in page
