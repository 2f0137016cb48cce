"""`perflint history changes` tells what changed for good, at which commit."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("numpy")

from torch_perflint.bot.history import main
from torch_perflint.telemetry.store import open_store

from ..conftest import Repo
from ..telemetry.test_looks import run

Captured = pytest.CaptureFixture[str]
STORE = ".perflint/history.sqlite"


@pytest.fixture
def repo(make_repo: Callable[[str], Repo], monkeypatch: pytest.MonkeyPatch) -> Repo:
    """Thirty commits, of which the twentieth makes a step 5 % longer; one in two is measured."""
    repo, draw = make_repo("models"), random.Random(3)
    repo.git("remote", "add", "origin", "https://github.com/a/b.git")
    with open_store(str(repo.root / STORE), create=True) as store:
        for number in range(1, 61):
            sha = repo.commit(message=f"change {number} <b>")
            if number % 2 == 0:
                seconds = 0.01 * (1.05 if number >= 40 else 1) * draw.gauss(1, 0.003)
                store.add(replace(run(number, seconds), head=sha))
    monkeypatch.chdir(repo.root)
    main(["order"])
    return repo


def test_a_change_is_a_line_with_its_commit(repo: Repo, capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["changes"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    at = repo.git("log", "-1", "--format=%H", "HEAD~20")
    assert line.startswith("−4.") and " throughput of test_a.py::test_a on a processor" in line
    assert f": {at[:10]} " in line and "change 40 <b> or one of the 1 before it" in line


def test_json_has_all(repo: Repo, capsys: Captured) -> None:
    capsys.readouterr()
    main(["changes", "--metric", "throughput", "--output-format", "json"])
    data = json.loads(capsys.readouterr().out)
    [one] = data["series"]
    [change] = one["changes"]
    assert data["schema_version"] == 1
    assert change["place"] == 40 and change["after_place"] == 38
    assert change["commit"] == repo.git("log", "-1", "--format=%H", "HEAD~20")


def test_where_nothing_changed_that_is_said(repo: Repo, capsys: Captured) -> None:
    capsys.readouterr()
    main(["changes", "--metric", "host_syncs"])
    assert capsys.readouterr().out == "none of 1 series changed for good\n"
    main(["changes", "--test", "test_b"])
    assert capsys.readouterr().out == "none of 0 series changed for good\n"
