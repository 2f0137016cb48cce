"""axe-core finds nothing serious on any page, in light and dark, on a desk and on a phone."""

from pathlib import Path
from typing import Any

import pytest

from .driving import open_page, open_series

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[3] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"


def violations(browser: Any) -> list[str]:
    """What axe-core calls serious or critical, with the elements."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `.ci/run` installs it")
    browser.value(AXE.read_text(encoding="utf-8") + "; 0")
    found = browser.value(
        "axe.run(document, {resultTypes: ['violations']}).then(all => all.violations.map(one =>"
        " [one.impact, one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]))"
    )
    return [f"{impact} {name}: {nodes}" for impact, name, nodes in found if impact in SERIOUS]


SERIOUS = ("serious", "critical")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("page", ["overview", "series", "compare", "runs", "run"])
def test_axe_finds_nothing_serious(
    browser: Any, site: Path, page: str, width: int, scheme: str
) -> None:
    browser.prefer(scheme)
    if page == "series":
        open_series(browser, site, width)
        browser.value("document.querySelector('#table summary').click()")
    else:
        path = {
            "overview": "index.html",
            "compare": "index.html#/compare/@100..@160",
            "runs": "index.html#/runs",
            "run": f"runs/{next((site / 'runs').iterdir()).name}/index.html",
        }[page]
        open_page(browser, site, path, width)
    browser.wait("document.querySelector('tbody tr')")
    browser.value("for (const one of document.querySelectorAll('details')) one.open = true")
    assert violations(browser) == []


def test_axe_would_find_a_button_without_a_name_and_faint_text(browser: Any, site: Path) -> None:
    open_page(browser, site)
    browser.value("document.querySelector('main').append(document.createElement('button'))")
    browser.value("document.querySelector('#summary').style.color = '#cccccc'")
    found = violations(browser)
    assert any("button-name" in one for one in found)
    assert any("color-contrast" in one for one in found)
