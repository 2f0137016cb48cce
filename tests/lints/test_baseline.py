"""Known findings: they are not shown, they leave when they are fixed, and nothing new gets in."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.lints.baseline import (
    Baseline,
    Entry,
    parse_baseline,
    render_baseline,
    stale_finding,
)
from torch_perflint.lints.finding import Finding, Span
from torch_perflint.lints.whole import write_whole

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()
"""
MORE = LOOP + "    other += float(loss)\n"
NAME = "perflint-baseline.json"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[tool.perflint.lints]\nbaseline = "{NAME}"\n')
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(MORE)
    return tmp_path


def _entries(project: Path) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads((project / NAME).read_text())["findings"]
    return entries


def test_what_is_known_is_not_shown_and_what_is_new_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--write-baseline"]) == 0
    assert "2 findings in" in capsys.readouterr().err
    assert main(["check"]) == 0
    text = MORE.replace("import torch\n", "import torch\n\n\n")
    (project / "src" / "train.py").write_text(text)
    assert main(["check"]) == 0
    (project / "src" / "train.py").write_text(text + "    more += loss.mean().item()\n")
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "train.py:10" in out
    assert out.count("PFL1") == 1


def test_a_copy_of_a_known_line_is_new(project: Path) -> None:
    assert main(["check", "--write-baseline"]) == 0
    (project / "src" / "train.py").write_text(MORE + "    total += loss.item()\n")
    assert main(["check"]) == 1


def test_a_baseline_only_shrinks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--write-baseline"]) == 0
    before = (project / NAME).read_text()
    assert main(["check", "--write-baseline"]) == 2
    assert "only shrinks" in capsys.readouterr().err
    (project / "src" / "train.py").write_text(MORE + "    more += loss.mean().item()\n")
    assert main(["check", "--update-baseline"]) == 1
    assert (project / NAME).read_text() == before
    (project / "src" / "train.py").write_text(LOOP + "    more += loss.mean().item()\n")
    assert main(["check", "--update-baseline"]) == 1
    assert "took 1 entry out of" in capsys.readouterr().err
    [entry] = _entries(project)
    assert (entry["path"], entry["code"]) == ("src/train.py", "PFL101")
    (project / "src" / "train.py").unlink()
    assert main(["check", "--update-baseline"]) == 0
    assert _entries(project) == []
    assert main(["check"]) == 0


def test_stale_entries_are_a_note_at_their_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--write-baseline"]) == 0
    (project / "src" / "train.py").write_text(LOOP)
    capsys.readouterr()
    assert main(["check"]) == 0
    shown = capsys.readouterr()
    assert "1 entry of" in shown.err
    assert "PFL905" not in shown.out
    assert main(["check", "--min-severity", "info"]) == 0
    line = next(
        n for n, text in enumerate((project / NAME).read_text().split("\n"), 1) if "PFL102" in text
    )
    assert f"{NAME}:{line}:1: PFL905" in capsys.readouterr().out
    assert main(["check", "--min-severity", "info", "--ignore", "PFL905"]) == 0
    assert "PFL905" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--select", "PFL101"],
        ["--min-severity", "error"],
        ["elsewhere"],
        ["--diff-base", "HEAD"],
    ],
)
def test_an_entry_is_stale_only_where_this_run_looked_for_it(
    project: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "elsewhere").mkdir()
    assert main(["check", "--write-baseline"]) == 0
    (project / "src" / "train.py").write_text(LOOP)
    if "--diff-base" in words:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        for git in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "base"]):
            subprocess.run(["git", *git], check=True, capture_output=True)
    capsys.readouterr()
    assert main(["check", *words]) == 0
    assert "stand" not in capsys.readouterr().err


def test_a_file_that_cannot_be_checked_makes_no_entry_stale(project: Path) -> None:
    assert main(["check", "--write-baseline"]) == 0
    before = (project / NAME).read_text()
    (project / "src" / "train.py").write_text("import torch\n(\n")
    assert main(["check", "--update-baseline"]) == 2
    assert (project / NAME).read_text() == before


def test_paths_are_those_from_the_baseline_wherever_the_check_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["check", "--write-baseline"]) == 0
    monkeypatch.chdir(project / "src")
    assert main(["check"]) == 0
    assert main(["check", "--baseline", f"../{NAME}"]) == 0
    (project / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    assert main(["check"]) == 1
    assert main(["check", "--baseline", f"../{NAME}"]) == 0


def test_each_project_of_a_repository_has_its_own(project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text('[tool.perflint.lints]\nbaseline = "known.json"\n')
    (inner / "a.py").write_text(LOOP)
    assert main(["check", "src", "--write-baseline"]) == 0
    (inner / "known.json").write_text(render_baseline(Baseline()))
    assert main(["check"]) == 1
    (inner / "known.json").unlink()
    os.chdir(inner)
    assert main(["check", "--write-baseline"]) == 0
    os.chdir(project)
    assert main(["check"]) == 0


def test_equal_lines_are_told_apart_in_a_change_too(project: Path) -> None:
    assert main(["check", "--write-baseline"]) == 0
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for git in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "base"]):
        subprocess.run(["git", *git], check=True, capture_output=True)
    assert main(["check", "--diff-base", "HEAD"]) == 0
    (project / "src" / "train.py").write_text(MORE + "    total += loss.item()\n")
    assert main(["check", "--diff-base", "HEAD"]) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no baseline"),
        ("[]", "there is no version"),
        ("{}", "there is no version"),
        ('{"version": 2, "findings": []}', "version 2"),
        ('{"version": 1}', "it has no 'findings'"),
        ('{"version": 1, "findings": [{"path": "a"}]}', "it has no 'code'"),
        ('{"version": 1, "findings": [3]}', "no entry"),
        ('{"version": 1, "findings": {"a": 1}}', "no entry"),
        ('{"version": 1, "findings": [\n<<<<<<< HEAD\n]}', "is no baseline"),
        (
            '{"version": 1, "findings": [{"path": "a", "code": "b", "fingerprint": "c", '
            '"severity": "bad"}]}',
            "'bad'",
        ),
    ],
)
def test_a_broken_baseline_is_named_and_left_as_it_is(
    project: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / NAME).write_text(text)
    for words in ([], ["--update-baseline"]):
        assert main(["check", *words]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert NAME in error
        assert "Traceback" not in error
    assert (project / NAME).read_text() == text


def test_a_missing_baseline_is_named_with_how_to_make_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"]) == 2
    assert "--write-baseline" in capsys.readouterr().err
    (project / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    assert main(["check", "--update-baseline"]) == 2
    assert "wants a baseline" in capsys.readouterr().err


def test_without_a_key_a_new_baseline_says_how_it_is_used(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    assert main(["check", "--write-baseline"]) == 0
    assert f'add baseline = "{NAME}"' in capsys.readouterr().err
    assert (project / NAME).is_file()


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
    monkeypatch.undo()
    with pytest.raises(PerflintError, match="cannot write"):
        write_whole(tmp_path / "no" / "a.json", "x")


ITEM = Finding("a.py", Span(3, 0, 3, 9), "PFL101", "item-in-hot-path", "waits for “it”")


def test_a_baseline_reads_back_as_it_was_written() -> None:
    made = Baseline.of(
        {ITEM: "f1", replace(ITEM, path="b.py"): "f2", replace(ITEM, path="0"): "f3"}
    )
    assert parse_baseline(render_baseline(made)) == made
    assert [entry.path for entry in made.entries] == ["0", "a.py", "b.py"]
    assert render_baseline(made).count("\n") == 5
    assert parse_baseline(render_baseline(Baseline())) == Baseline()


def test_known_and_missing_are_two_sides() -> None:
    made = Baseline((Entry("a.py", "PFL101", "f1"), Entry("a.py", "PFL101", "f2")))
    assert made.known({ITEM: "f1", replace(ITEM, path="b.py"): "f9"}) == {ITEM}
    [gone] = made.missing({ITEM: "f1"})
    assert gone.fingerprint == "f2"
    assert made.without([gone]).entries == made.entries[:1]
    text = render_baseline(made)
    assert stale_finding(gone, "b.json", text).span.line == 3
