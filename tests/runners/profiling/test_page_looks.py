"""The page of a profile in a real browser, on a desk and on a phone."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from torch_perflint.runners.profiling.page import as_page

from ...browsing import chromium
from .test_page import CAPTURED, LINES, SUMMARY

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Generator[Any]:
    with chromium() as one:
        yield one


SEEN = """({
  title: document.querySelector('h1').textContent,
  rows: [...document.querySelectorAll('table')].map(t => [...t.rows].map(r => r.textContent)),
  parts: [...document.querySelectorAll('#stack div')].map(d => d.getBoundingClientRect().width),
  blocks: [...document.querySelectorAll('.block')].map(b => b.textContent),
  asked: performance.getEntriesByType('resource').length,
  wide: document.documentElement.scrollWidth, shown: innerWidth,
})"""


@pytest.mark.parametrize("width", [1080, 375])
def test_the_page_shows_parts_rows_and_blocks_and_asks_nobody(browser: Any, width: int) -> None:
    browser.show(as_page(CAPTURED), width)
    said = browser.value(SEEN)
    assert said["title"] == "perf_tests/test_gpt.py"
    lines, modules, operators, holders, saved = said["rows"]
    assert holders[1] == "4.00 MiBtrain.py:12Net.wideloss = model(x)"
    assert saved[2] == "512 KiB–"
    assert lines[1] == "6.0060.0 %5.506.50train.py:12loss = model(x)"
    assert operators[1] == "5.0050.0 %6aten::mm"
    assert modules[1:] == [
        "5.0050.0 %2.003.005.002.003.002Net.blocks.* x2Block",
        "4.0040.0 %4.000.00in no module",
        "1.0010.0 %0.500.506.002.503.501NetNet",
    ]
    assert said["parts"][0] / sum(said["parts"]) == pytest.approx(0.65, abs=0.01)
    assert said["blocks"] == ["step", "train.py:12", "aten::mm"]
    assert said["asked"] == 0
    assert said["wide"] <= said["shown"]


@pytest.mark.parametrize("width", [1080, 375])
def test_long_source_takes_a_few_lines_of_text(browser: Any, width: int) -> None:
    path = "some_package/training/loop.py"
    lines = (replace(LINES[0], path=path),)
    source = {f"{path}:{LINES[0].line}": "hidden = self.attention(self.norm(hidden), mask) + " * 3}
    page = replace(CAPTURED, summary=replace(SUMMARY, lines=lines), source=source)
    browser.show(as_page(page), width)
    row = "document.querySelector('#lines tbody tr').getBoundingClientRect().height"
    assert browser.value(row) < 200
    place = "document.querySelector('#lines td.place').getBoundingClientRect().left"
    assert browser.value(place) < width / 2, "what the numbers are of is seen without scrolling"


def test_a_click_shows_a_part_of_the_flame_alone(browser: Any) -> None:
    browser.show(as_page(CAPTURED), 1080)
    browser.value("document.querySelectorAll('.block')[1].click()")
    said = browser.value(SEEN)
    assert said["blocks"] == ["train.py:12", "aten::mm"]
    assert "loss = model(x)" in browser.value("document.querySelector('#told').textContent")
    browser.value("document.querySelectorAll('.block')[0].click()")
    assert browser.value(SEEN)["blocks"] == ["step", "train.py:12", "aten::mm"]


def test_a_long_table_is_shown_in_part_until_somebody_wants_it_all(browser: Any) -> None:
    lines = tuple(replace(LINES[0], line=n) for n in range(1, 101))
    browser.show(as_page(replace(CAPTURED, summary=replace(SUMMARY, lines=lines))), 1080)
    assert len(browser.value(SEEN)["rows"][0]) == 26
    browser.value("document.querySelector('button').click()")
    assert len(browser.value(SEEN)["rows"][0]) == 101


def test_equal_layers_are_shown_one_by_one_where_somebody_asks(browser: Any) -> None:
    browser.show(as_page(CAPTURED), 1080)
    browser.value("document.querySelector('#unfold').click()")
    rows = browser.value(SEEN)["rows"][1]
    assert [row for row in rows if "blocks" in row] == [
        f"2.5025.0 %1.001.502.501.001.501Net.blocks.{n}Block" for n in range(2)
    ]
    browser.value("document.querySelector('#unfold').click()")
    assert len(browser.value(SEEN)["rows"][1]) == 4
    browser.show(as_page(replace(CAPTURED, summary=replace(SUMMARY, modules=()))), 1080)
    assert browser.value("document.querySelector('#by-module').hidden")


def test_hostile_names_are_text(browser: Any) -> None:
    hostile = "</script><img src=x onerror=\"document.title='owned'\">"
    browser.show(as_page(replace(CAPTURED, what=hostile, notes=(hostile,))), 1080)
    assert browser.value(SEEN)["title"] == hostile
    assert browser.value("document.title") == f"perflint: {hostile}"
    assert browser.value("document.querySelectorAll('img').length") == 0
