"""Two commits side by side in a real browser, and what is told of those nobody knows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.bot.past.site.build import build
from torch_perflint.telemetry.store import Store

from .driving import ROWS, open_page, text
from .made import REPOSITORY, commits, sha

pytestmark = pytest.mark.browser


def test_two_commits_are_compared_by_hash(browser: Any, site: Path) -> None:
    open_page(browser, site, f"index.html#/compare/{sha(100)[:8]}..{sha(160)}")
    browser.wait("document.querySelector('#differences tbody tr')")
    assert text(browser, "#compared") == (
        "35 series with values at both, 10 of them clearly different."
    )
    assert "Tidy the configuration" in text(browser, "#pair")
    assert browser.value("[...document.querySelectorAll('#pair a')].at(-1).href") == (
        f"https://github.com/{REPOSITORY}/compare/{sha(100)}...{sha(160)}"
    )
    rows = browser.value(
        "[...document.querySelectorAll('#differences tbody tr')].map(row => row.innerText)"
    )
    assert len(rows) == 35
    assert "host syncs" in rows[0]
    assert "▲ worse" in rows[0]
    (gpt,) = (
        one for one in rows if "test_gpt_train\n" in one and "throughput" in one and "NVIDIA" in one
    )
    assert "▲ better" in gpt
    assert "+10.2 % ± 1.3" in gpt
    (mfu,) = (one for one in rows if "bf16]" in one and "mfu" in one)
    assert "no intervals" in mfu
    browser.value("document.getElementById('swap').click()")
    browser.wait(f"document.querySelector('#pair')?.innerText.startsWith('Base: {sha(160)[:7]}')")
    browser.wait("document.querySelector('#differences tbody tr')?.innerText.includes('better')")


def test_a_commit_without_values_has_those_of_the_one_before(browser: Any, site: Path) -> None:
    open_page(browser, site, "index.html#/compare/@101..@104")
    browser.wait("document.querySelector('#differences tbody tr')")
    said = text(browser, "#differences")
    assert "1 commit earlier" in said
    open_page(browser, site, "index.html#/compare/@100..@101")
    browser.wait("document.querySelector('#compared').textContent")
    assert text(browser, "#compared").endswith("35 series were not measured in between.")


def test_series_and_commits_of_two_repositories_are_kept_apart(
    browser: Any, store: Store, tmp_path: Path
) -> None:
    other = [replace(one, sha=one.sha[::-1]) for one in commits()]
    store.place("acme/other", other)
    for run in store.runs(limit=3):
        moved = replace(run, repository="acme/other", head=run.head[::-1], link="", kept_as="")
        store.add(moved)
    build(store, tmp_path / "site", 1)
    open_page(browser, tmp_path / "site")
    said = browser.value(
        "document.getElementById('repository').value = 'acme/other'; document.getElementById("
        "'repository').dispatchEvent(new Event('input', {bubbles: true})); "
        "document.getElementById('count').textContent"
    )
    assert said == "35 of 70 series"
    assert "perf_tests/test_convnet.py · acme/other" in browser.value(ROWS)[0]
    first, last = sha(158)[::-1], sha(160)[::-1]
    open_page(browser, tmp_path / "site", f"index.html#/compare/{first}..{last}")
    browser.wait("document.querySelector('#differences tbody tr')")
    assert f"Base: {first[:7]} commit 158" in text(browser, "#pair")
    assert browser.value("document.querySelectorAll('#pair a').length") == 0
    open_page(browser, tmp_path / "site", f"index.html#/compare/{sha(158)}..{last}")
    browser.wait("!document.getElementById('problem').hidden")
    assert "of two repositories" in text(browser, "#problem")


def test_an_unknown_commit_or_series_is_told(browser: Any, site: Path) -> None:
    open_page(browser, site, "index.html#/compare/deadbeef..@160")
    browser.wait("!document.getElementById('problem').hidden")
    assert "deadbeef" in text(browser, "#problem")
    open_page(browser, site, "index.html#/series/nothing")
    assert "no series nothing" in text(browser, "#problem")
