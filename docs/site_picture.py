"""Makes the pictures of the history's site, from the made-up history of its tests.

    python docs/site_picture.py --into docs/pictures

Needs Chromium and what the tests need.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from picture import Browser, find_chromium
from torch_perflint.bot.past.site.build import build
from torch_perflint.telemetry.store import open_store

ROOT = Path(__file__).parent.parent
GPT = (
    "perflint.series.find(s => s.name === 'test_gpt_train' && s.metric === 'throughput'"
    " && s.hardware.startsWith('AMD')).key"
)
# Of each picture: the page, width and height in pixels, colours, and what is waited for.
LINKS, ROW = "document.querySelector('#links a')", "document.querySelector('tbody tr')"
COMPARE = "index.html#/compare/@100..@160"
PICTURES = {
    "site-overview": ("index.html", 1100, 860, "light", ROW),
    "site-series": ("index.html#/series/{gpt}", 1100, 800, "light", LINKS),
    "site-series-dark": ("index.html#/series/{gpt}", 1100, 800, "dark", LINKS),
    "site-compare": (COMPARE, 1100, 860, "light", ROW),
    "site-run": ("runs/{run}/index.html", 1100, 1300, "light", ROW),
    "site-phone": ("index.html", 375, 1300, "light", ROW),
    "site-phone-series": ("index.html#/series/{gpt}", 375, 900, "dark", LINKS),
    "site-phone-compare": (COMPARE, 375, 1100, "dark", ROW),
    "site-phone-run": ("runs/{run}/index.html", 375, 1300, "light", ROW),
}


def made_up_site(folder: Path) -> Path:
    """Build the site whose history `tests/bot/site/made.py` makes up."""
    sys.path.insert(0, str(ROOT))
    from tests.bot.site.made import changes_of, fill

    with open_store(str(folder / "history.sqlite"), create=True) as store:
        fill(store)
        build(store, folder / "site", 8, changes_of(store))
    return folder / "site"


def take(browser: Any, site: Path, name: str) -> bytes:
    """Return one picture as PNG."""
    browser.visit(f"{site.as_uri()}/index.html", 1100)
    known = {"gpt": browser.value(GPT), "run": browser.value("perflint.told.runs[0][0]")}
    path, width, height, scheme, ready = PICTURES[name]
    browser.prefer(scheme)
    browser.visit(f"{site.as_uri()}/{path.format(**known)}", width, height=height)
    browser.wait(ready)
    browser.value("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
    shown: bytes = browser.screen()
    return shown


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PICTURES), metavar="NAME")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("Chromium is missing: install your system's package")
    options.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Browser(chromium) as browser:
        site = made_up_site(Path(folder))
        for name in options.names:
            out = options.into / f"{name}.png"
            out.write_bytes(take(browser, site, name))
            print(out)


if __name__ == "__main__":
    main()
