"""`perflint bisect` says what it saw where the ends of a range give no verdict."""

import subprocess
from pathlib import Path

import pytest
from torch_perflint.bot import bisect
from torch_perflint.runners.verdict.compare import Verdict

from .reports import report, timed


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ["init", "-q"],
        *(["commit", "-q", "--allow-empty", "-m", str(n)] for n in "abc"),
    ):
        name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *name, *words], check=True)


@pytest.mark.parametrize(
    ("verdict", "change", "status", "says"),
    [
        (Verdict.UNSURE, -0.3, 2, "unsure (measured −30.0%, but a verdict needs more certainty"),
        (Verdict.SAME, 0.0, 0, "same between"),
    ],
)
def test_ends_without_a_difference_are_told_with_what_was_measured(
    verdict: Verdict,
    change: float,
    status: int,
    says: str,
    commits: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = report(timed("test_gpt", verdict, change, 0.1))
    monkeypatch.setattr(bisect, "measure_pair", lambda *_: told)
    assert bisect.main(["HEAD~2..HEAD", "test_gpt"]) == status
    out = capsys.readouterr().out
    assert says in out
    assert out.rstrip().endswith("(2 commits): no commit to look for")
    assert ("more `max_seconds`" in out) == (status == 2)
