"""`perflint history` puts commits in order, copies and vacuums."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("msgspec")

from torch_perflint import PerflintError
from torch_perflint.bot.history import main
from torch_perflint.bot.report import Report, Revision, RunLink, write_report
from torch_perflint.runners.sample import Pair, Segment
from torch_perflint.telemetry.store import open_store

from ..conftest import Repo
from .reports import GPT, report

Captured = pytest.CaptureFixture[str]
STORE = ".perflint/history.sqlite"


def of(head: str, days: float = 0, **changed: object) -> Report:
    created = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    timed = replace(GPT, segments=(Segment(0, (Pair(0.1, 0.2),)),))
    made = replace(report(timed), head=Revision(head, "HEAD"), created=created, link=None)
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.fixture
def repo(make_repo: Callable[[str], Repo], monkeypatch: pytest.MonkeyPatch) -> Repo:
    repo = make_repo("models")
    (repo.root / ".git/info/exclude").write_text("*.json\n.perflint\n")
    monkeypatch.chdir(repo.root)
    return repo


def add(*reports: Report) -> None:
    for number, one in enumerate(reports):
        write_report(one, Path(f"{number}.json"))
    main(["add", *(f"{number}.json" for number in range(len(reports)))])


def places() -> list[int]:
    with open_store(STORE) as store:
        series = next(n for n, one in store.series().items() if one.metric == "throughput")
        return [one.position for one in store.values(series)]


def test_commits_of_the_main_branch_get_their_places(repo: Repo, capsys: Captured) -> None:
    first, second = repo.commit(), repo.commit()
    repo.git("checkout", "--quiet", "-b", "topic")
    topic = repo.commit()
    add(
        of(second),
        of(first, 1),
        of(topic),
        replace(of(second), head=Revision(second, "", snapshot=True)),
    )
    said = capsys.readouterr().out.splitlines()[-1]
    # What was measured with changes on top is no result of the commit.
    assert said == "models: main is known up to commit 2; 2 commits with results not on it"
    assert places() == [1, 2]
    main(["list"])
    assert f"{second[:7]}*" in capsys.readouterr().out
    repo.git("checkout", "--quiet", "main")
    repo.git("merge", "--quiet", "--ff-only", "topic")
    main(["order"])
    said = capsys.readouterr().out
    assert said == "models: main is known up to commit 3; 1 commit with results not on it\n"
    assert places() == [1, 2, 3]


def test_a_report_of_another_repository_waits_for_its_own_checkout(
    repo: Repo, capsys: Captured
) -> None:
    link = RunLink("https://github.com", "acme/other", 7)
    add(of(repo.commit(), link=link))
    assert "acme/other: `perflint history order` in a checkout" in capsys.readouterr().out
    repo.git("remote", "add", "origin", "https://github.com/acme/other.git")
    main(["order"])
    assert places() == [1]


def test_the_store_is_that_of_the_repository_from_each_folder(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    add(of(repo.commit()))
    (repo.root / "deep").mkdir()
    monkeypatch.chdir(repo.root / "deep")
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "test_gpt_train" in capsys.readouterr().out


def test_a_copy_goes_there_and_back(repo: Repo, capsys: Captured) -> None:
    add(of(repo.commit()))
    assert main(["copy", "backup.sqlite"]) == 0
    assert "rows copied to backup.sqlite" in capsys.readouterr().out
    Path(STORE).unlink()
    assert main(["copy", "--store", "backup.sqlite", STORE]) == 0
    assert places() == [1]
    with pytest.raises(PerflintError, match="has something in it already"):
        main(["copy", "backup.sqlite"])


def test_vacuum_deletes_what_is_old_and_says_how_much(repo: Repo, capsys: Captured) -> None:
    first, second = repo.commit(), repo.commit()
    add(of(first, 400), of(second, 100), of("e" * 40, 40), of("f" * 40))
    capsys.readouterr()
    main(["vacuum", "--raw-days", "90", "--unplaced-days", "30"])
    assert ": 1 run deleted, 3 kept (1 with raw times), " in capsys.readouterr().out
    assert places() == [1, 2]
    main(["vacuum", "--days", "365"])
    assert places() == [2]
