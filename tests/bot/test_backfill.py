"""`perflint history backfill` measures commits of the past once, and goes on where it stopped."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("msgspec")

from torch_perflint import PerflintError
from torch_perflint.bot.history import main
from torch_perflint.bot.past import backfill
from torch_perflint.bot.past.backfill import commits_between
from torch_perflint.bot.report import Report, Revision
from torch_perflint.runners.prepare import RunOptions
from torch_perflint.telemetry.record import Source
from torch_perflint.telemetry.store import open_store

from ..conftest import Repo
from .reports import GPT, report

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def repo(make_repo: Callable[[str], Repo], monkeypatch: pytest.MonkeyPatch) -> Repo:
    repo = make_repo("models")
    for number in range(8):
        repo.commit(message=f"change {number}")
    monkeypatch.chdir(repo.root)
    return repo


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Pairs that were measured; what that comes to is made up. One of each three is broken."""
    pairs: list[tuple[str, str]] = []

    def measure(
        here: Path, base: str, head: str, options: RunOptions, say: Callable[[str], None]
    ) -> Report:
        assert options.everything
        pairs.append((base, head))
        if BROKEN in (base, head):
            raise PerflintError("pyproject.toml (head): no TOML")
        made = replace(report(GPT), link=None, created=f"2026-01-01T00:00:{len(pairs):02}+00:00")
        run = replace(made.run, interrupted=head == STOPPED)
        return replace(made, base=Revision(base, ""), head=Revision(head, ""), run=run)

    monkeypatch.setattr(backfill, "measure_pair", measure)
    return pairs


BROKEN = STOPPED = ""


def test_a_range_is_taken_in_steps_and_ends_at_its_end(repo: Repo) -> None:
    every = repo.git("rev-list", "--reverse", "HEAD").split()
    assert commits_between(repo.root, f"{every[0]}..", 1) == every
    assert commits_between(repo.root, f"{every[0]}..HEAD", 3) == [every[n] for n in (0, 3, 6, 7)]
    assert commits_between(repo.root, f"{every[1]}..HEAD", 3) == [every[n] for n in (1, 4, 7)]
    assert commits_between(repo.root, f"{every[6]}..HEAD", 5) == every[6:]


@pytest.mark.parametrize("asked", ["HEAD", "..HEAD", "HEAD...HEAD~1", "HEAD..HEAD~2", "x..HEAD"])
def test_what_is_no_range_is_refused(repo: Repo, asked: str) -> None:
    with pytest.raises(PerflintError):
        commits_between(repo.root, asked, 1)


def test_each_commit_is_measured_against_the_one_before(
    repo: Repo, measured: list[tuple[str, str]], capsys: Captured
) -> None:
    every = repo.git("rev-list", "--reverse", "HEAD").split()
    assert main(["backfill", f"{every[0]}..HEAD", "--every", "3"]) == 0
    assert measured == [(every[0], every[3]), (every[3], every[6]), (every[6], every[7])]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"1 of 3: {every[0][:7]}..{every[3][:7]}: 1 perf test"
    assert said[-1] == "models: main is known up to commit 8"
    # Once more there is nothing to do.
    main(["backfill", f"{every[0]}..HEAD", "--every", "3"])
    assert len(measured) == 3
    assert capsys.readouterr().out.count("was measured before") == 3
    with open_store(".perflint/history.sqlite") as store:
        assert {run.source for run in store.runs()} == {Source.BACKFILL}
        [series] = [n for n, one in store.series().items() if one.metric == "throughput"]
        assert [one.position for one in store.values(series)] == [4, 7, 8]
    assert repo.git("status", "--porcelain") == ""


def test_a_commit_that_cannot_be_measured_is_told_and_tried_again_next_time(
    repo: Repo,
    measured: list[tuple[str, str]],
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = repo.git("rev-list", "--reverse", "HEAD~5..HEAD").split()
    monkeypatch.setattr(f"{__name__}.BROKEN", every[2])
    assert main(["backfill", "HEAD~4..HEAD"]) == 0
    said = capsys.readouterr().out
    assert said.count("could not be measured: pyproject.toml (head): no TOML") == 2
    monkeypatch.setattr(f"{__name__}.BROKEN", "")
    main(["backfill", "HEAD~4..HEAD"])
    assert len(measured) == 4 + 2


def test_what_was_measured_before_it_was_stopped_is_kept(
    repo: Repo, measured: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    every = repo.git("rev-list", "--reverse", "HEAD~5..HEAD").split()
    monkeypatch.setattr(f"{__name__}.STOPPED", every[3])
    with pytest.raises(KeyboardInterrupt):
        main(["backfill", "HEAD~4..HEAD"])
    monkeypatch.setattr(f"{__name__}.STOPPED", "")
    main(["backfill", "HEAD~4..HEAD"])
    pairs = list(pairwise(every))
    assert measured == [*pairs[:3], *pairs[2:]]
