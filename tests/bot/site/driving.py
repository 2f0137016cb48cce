"""How tests drive the site: open its pages, read them, and hear what the browser complains of."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROWS = "[...document.querySelectorAll('#series tbody tr')].map(row => row.innerText)"
GPT = (
    "perflint.series.find(s => s.name === 'test_gpt_train' && s.metric === 'throughput'"
    " && s.hardware.startsWith('AMD')).key"
)


def open_page(browser: Any, site: Path, path: str = "index.html", width: int = 1280) -> None:
    browser.visit(f"{site.as_uri()}/{path}", width)
    browser.wait("document.querySelector('h1').textContent")


def open_series(browser: Any, site: Path, width: int = 1280, query: str = "") -> None:
    open_page(browser, site, width=width)
    browser.value(f"location.hash = '#/series/' + {GPT} + '{query}'")
    browser.wait("document.querySelector('#plot canvas') && document.querySelector('#links a')")


def text(browser: Any, selector: str) -> str:
    return str(browser.value(f"document.querySelector('{selector}').innerText"))


def troubles(browser: Any) -> list[str]:
    """What the browser complained of: errors of scripts, and what the page's policy forbade."""
    browser.value("0")  # so that all events are read
    return [
        str(event["params"])
        for event in browser.events
        if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
    ]


def asked(browser: Any) -> list[str]:
    browser.value("0")
    events = [one for one in browser.events if one["method"] == "Network.requestWillBeSent"]
    return [unquote(one["params"]["request"]["url"]) for one in events]
