"""A site of the made-up history, and a browser to look at it."""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("msgspec")

from torch_perflint.bot.past.site.build import build
from torch_perflint.telemetry.store import Store, open_store

from ...browsing import chromium
from .made import changes_of, fill

# What would show itself where text of strangers were taken for anything else.
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">\u2028<b>&amp;'\""
HOSTILE += "\N{RIGHT-TO-LEFT OVERRIDE}"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the made-up history: to be copied by those who add to it."""
    path = tmp_path_factory.mktemp("a history") / "history.sqlite"
    with open_store(str(path), create=True) as store:
        fill(store)
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Generator[Store]:
    """A copy of the made-up history."""
    path = shutil.copy(filled, tmp_path)
    with open_store(str(path)) as one:
        yield one


@pytest.fixture(scope="session")
def site(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with changes, intervals, and pages of runs."""
    folder = tmp_path_factory.mktemp("a site")
    with open_store(str(filled)) as store:
        build(store, folder / "site", 8, changes_of(store))
    return folder / "site"


@pytest.fixture(scope="session")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose every text from outside is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    with open_store(str(folder / "history.sqlite"), create=True) as store:
        fill(store, HOSTILE)
        build(store, folder / "site", 8)
    return folder / "site"


@pytest.fixture(scope="module", name="chromium")
def one_chromium() -> Generator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture
def browser(chromium: Any) -> Any:
    """The browser, on no page, that tells what goes wrong and whom it asks from now on."""
    chromium.prefer("light")
    chromium.visit("data:text/html,", 1280)
    chromium.listen("Network", "Log", "Runtime")
    return chromium
