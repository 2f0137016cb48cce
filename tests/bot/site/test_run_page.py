"""The page of a run: what its report says, and nothing of it as HTML."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from torch_perflint.bot.past.site.html import Html, element, table
from torch_perflint.bot.past.site.run_page import run_page
from torch_perflint.runners.profiling.profile import LineCost
from torch_perflint.runners.verdict.compare import Verdict

from ..reports import BROKEN, CONV, GPT, HEAD, IDENTICAL, NEW, SKIPPED, failed, finding, report
from .conftest import HOSTILE


class Reader(HTMLParser):
    """Collects elements and checks that each is ended."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_tells_verdicts_counts_causes_and_the_machine() -> None:
    made = report(
        GPT, CONV, IDENTICAL, NEW, BROKEN, SKIPPED, failed("test_x"), findings=(finding(),)
    )
    read = Reader(run_page(made, "https://github.com/acme/minitrain", "https://ci.example/1"))
    assert read.open == []
    for word in (
        *("▼ slower", "= same", "✕ failed", "✕ broken", "· new", "· skipped"),
        *("−26.3% [−27.1, −25.5]", "58.0 → 64.0 MiB", "470", "602", "over its budget"),
        *("projected = self.qkv(x)", "aten::addmm", "30 → 54", "PFL101 item-in-hot-path"),
        *("mat1 and mat2 shapes", "No module named 'einops'", "AMD EPYC 9654, 2 cores, 1 thread"),
    ):
        assert word in read.text, word
    assert f"/commit/{HEAD.sha}" in run_page(made, "https://github.com/acme/minitrain", "")


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_shape_and_a_word(verdict: Verdict) -> None:
    page = run_page(report(replace(GPT, verdict=verdict)), "", "")
    assert f"{verdict.value}</span>" in page


def test_lines_that_are_dear_are_told_where_nothing_changed() -> None:
    assert GPT.profile is not None
    profile = replace(GPT.profile, lines=(), costs=(LineCost("a.py", 3, 4.25),))
    text = Reader(run_page(report(replace(GPT, profile=profile)), "", "")).text
    assert "Dearest lines of head" in text
    assert "a.py:3" in text


def test_a_run_that_was_refused_or_did_nothing_has_a_page() -> None:
    assert "No perf test was run." in Reader(run_page(report(), "", "")).text
    refused = report(refused="both sides ran the same copy")
    assert "refused: both sides ran the same copy" in Reader(run_page(refused, "", "")).text


def test_texts_of_strangers_stay_text() -> None:
    test = replace(GPT.test, id=f"a.py::{HOSTILE}", unit=HOSTILE)
    made = report(replace(GPT, test=test, reason=HOSTILE), findings=(finding(message=HOSTILE),))
    read = Reader(run_page(made, "", ""))
    assert not {"img", "b"} & set(read.seen)
    assert read.seen.count("script") == 1  # the theme's
    assert read.text.count("<img src=x onerror=") >= 3
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in read.text


def test_only_what_was_made_here_is_html() -> None:
    assert element("p", "<b>", Html("<i>x</i>"), title='"') == (
        '<p title="&quot;">&lt;b&gt;<i>x</i></p>'
    )
    assert 'class="number">5</td>' in table("t", ("a", "#b"), [("x", "5")])
