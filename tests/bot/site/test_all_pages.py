"""What holds of every page: nobody is asked, nothing is too wide, dark and light, text is text."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from .conftest import HOSTILE
from .driving import asked, open_page, open_series, text, troubles

pytestmark = pytest.mark.browser


def test_every_page_loads_from_a_file_and_asks_no_host(browser: Any, site: Path) -> None:
    open_series(browser, site)
    browser.value("document.querySelector('#table summary').click()")
    browser.wait("document.querySelectorAll('#values tbody tr').length >= 50")
    browser.value("location.hash = '#/compare/@100..@160'")
    browser.wait("document.querySelector('#differences tbody tr')")
    browser.value("location.hash = '#/runs'")
    browser.wait("document.querySelector('#runs-table tbody tr')")
    run = browser.value("perflint.told.runs[0][0]")
    open_page(browser, site, f"runs/{run}/index.html")
    assert troubles(browser) == []
    urls = asked(browser)
    assert len(urls) > 20
    own = unquote(site.as_uri())
    assert [url for url in urls if not url.startswith((f"{own}/", "data:", "about:"))] == []


def test_a_script_from_elsewhere_is_forbidden(browser: Any, site: Path) -> None:
    open_page(browser, site)
    browser.value(
        "document.head.append(Object.assign(document.createElement('script'), "
        "{text: 'document.title = 1'}))"
    )
    browser.value("fetch('https://host.invalid/').catch(() => 0)")
    browser.wait("document.title !== '1'")
    assert len([one for one in troubles(browser) if "Content Security Policy" in one]) >= 2


@pytest.mark.parametrize("path", ["index.html", "index.html#/compare/@100..@160", "run", "series"])
def test_on_a_phone_nothing_is_wider_than_the_page(browser: Any, site: Path, path: str) -> None:
    if path == "series":
        open_series(browser, site, width=375)
    else:
        if path == "run":
            path = f"runs/{next((site / 'runs').iterdir()).name}/index.html"
        open_page(browser, site, path, 375)
        browser.wait("document.querySelector('tbody tr')")
    assert browser.value("innerWidth") == 375
    assert browser.value("document.documentElement.scrollWidth") <= 375
    # Each cell of a card stands below the other, with its name.
    assert browser.value(
        "[...document.querySelectorAll('.cards td')].every(one => getComputedStyle(one).display"
        " !== 'table-cell' && one.getBoundingClientRect().right <= 375)"
    )


def test_dark_follows_the_system_until_the_button_says_otherwise(browser: Any, site: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    open_series(browser, site)
    assert browser.value(ground) == "rgb(255, 255, 255)"
    browser.prefer("dark")
    browser.wait(f"{ground} === 'rgb(13, 17, 23)'")
    assert browser.value("perflint.plot.series[1].stroke()") == "#56b4e9"
    browser.value("document.getElementById('theme').click()")
    browser.wait(f"{ground} === 'rgb(255, 255, 255)'")
    assert browser.value("perflint.plot.series[1].stroke()") == "#0072b2"
    open_page(browser, site)
    assert browser.value(ground) == "rgb(255, 255, 255)"
    browser.value("localStorage.clear()")
    assert troubles(browser) == []


@pytest.mark.parametrize("path", ["index.html", "index.html#/compare/@100..@160", "series", "run"])
def test_hostile_names_and_messages_are_text(browser: Any, hostile_site: Path, path: str) -> None:
    if path == "series":
        open_page(browser, hostile_site)
        browser.value("location.hash = '#/series/' + perflint.series[0].key")
        browser.wait("document.querySelector('#links a')")
    else:
        if path == "run":
            path = f"runs/{next((hostile_site / 'runs').iterdir()).name}/index.html"
        open_page(browser, hostile_site, path)
        browser.wait("document.querySelector('tbody tr')")
    assert browser.value("document.title") != "owned"
    assert browser.value("document.querySelectorAll('main img, main b').length") == 0
    assert HOSTILE[:30] in text(browser, "body")
    assert troubles(browser) == []
