"""Fixtures and rules for all tests."""

import os
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Set where everything that tests need is installed: then only a GPU may be missing.
ALL_INSTALLED = bool(os.environ.get("PERFLINT_ALL_INSTALLED"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the golden files")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are rewritten, to be read as prose in the diff."""
    return bool(request.config.getoption("--update"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, with a word, what this machine cannot run, and what nobody asked for."""
    asked = items[0].config.getoption("-m", default="") if items else ""
    for marker in ("slow", "emulate"):
        if marker not in str(asked):
            items[:] = [item for item in items if not item.get_closest_marker(marker)]
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _has_gpu():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed where nothing but a GPU may be missing."""
    report = yield
    if ALL_INSTALLED and report.skipped and not item.get_closest_marker("gpu"):
        report.outcome = "passed" if hasattr(report, "wasxfail") else "failed"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Count a file of tests that is left out as failed there, too."""
    report = yield
    if ALL_INSTALLED and report.skipped:
        report.outcome = "failed"
    return report


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


class Repo:
    """A git repository that a test makes: write files, commit, read what git says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "A Test")
        self.git("config", "user.email", "test@localhost")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: dict[str, str] | None = None, message: str = "a change") -> str:
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[[str], Repo]:
    return lambda name: Repo(tmp_path / name)
