"""Comments that are written for all present findings: they silence them and break nothing."""

import ast
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.lints.add_ignore import with_ignores
from torch_perflint.lints.engine import apply_fixes
from torch_perflint.lints.files import SourceFile, read_source
from torch_perflint.lints.finding import Finding, Span
from torch_perflint.lints.registry import all_rules, vocabulary
from torch_perflint.lints.suppress import judge_comments

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
"""


def _at(line: int, code: str = "PFL101") -> Finding:
    return Finding("a.py", Span(line, 0, line, 1), code, "some-rule", "x")


def _with(text: str, *findings: Finding, reason: str = "") -> str:
    return with_ignores(SourceFile(text, "utf-8"), findings, reason).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "x = 1  # perflint: ignore[PFL101]\n"),
        ("x = 1", "x = 1  # perflint: ignore[PFL101]"),
        ("x = 1   \n", "x = 1  # perflint: ignore[PFL101]\n"),
        ("x = 1\r\ny = 2\r\n", "x = 1  # perflint: ignore[PFL101]\r\ny = 2\r\n"),
        ("x = f(\n    1,\n)\n", "x = f(\n    1,\n)  # perflint: ignore[PFL101]\n"),
        ("x = 1 + \\\n    2\n", "x = 1 + \\\n    2  # perflint: ignore[PFL101]\n"),
        ('x = """\n#\n"""\n', 'x = """\n#\n"""  # perflint: ignore[PFL101]\n'),
        ("for x in y:\n    pass\n", "for x in y:  # perflint: ignore[PFL101]\n    pass\n"),
        ("x = 1; y = 2\n", "x = 1; y = 2  # perflint: ignore[PFL101]\n"),
        ("x = 1  # why\n", "x = 1  # why  # perflint: ignore[PFL101]\n"),
        ("x = '#'\n", "x = '#'  # perflint: ignore[PFL101]\n"),
        (
            "x = 1  # perflint: ignore[PFL104] known\n",
            "x = 1  # perflint: ignore[PFL104, PFL101] known\n",
        ),
        ("x = 1  # noqa: E501\n", "x = 1  # noqa: E501  # perflint: ignore[PFL101]\n"),
        ("@a\n@b\ndef f(): pass\n", "@a  # perflint: ignore[PFL101]\n@b\ndef f(): pass\n"),
    ],
)
def test_a_comment_goes_behind_the_statement(before: str, after: str) -> None:
    made = _with(before, _at(1))
    assert made == after
    ast.parse(made)


def test_findings_of_one_statement_share_a_comment_with_the_reason() -> None:
    made = _with("x = f(\n    1)\n", _at(2, "PFL104"), _at(1), reason="measured,\n fine")
    assert made == "x = f(\n    1)  # perflint: ignore[PFL101, PFL104] measured, fine\n"


def test_no_finding_leaves_the_text_alone() -> None:
    source = SourceFile("x = 1\r\n", "utf-8")
    assert with_ignores(source, []) is source


@pytest.mark.parametrize(
    "before",
    [
        "# perflint: ignor\nx = 1\n",
        "x = 1  # perflint: ignore[nonsense] why\n",
        "# perflint: ignore[PFL101]\nx = 1\n",
        "# perflint: ignore-file[PFL101]\nx = 1\n",
        "x = 1  # noqa: PFL101\n",
    ],
)
def test_what_is_said_of_comments_is_silenced_beside_them(before: str) -> None:
    known = vocabulary(all_rules())
    ran = frozenset(known.codes.values()) - {"PFL902"}
    _, said = judge_comments([], before, "a.py", ran, known)
    assert said
    assert judge_comments([], _with(before, *said), "a.py", ran, known) == ([], [])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    (tmp_path / "src").mkdir()
    return tmp_path


BODY = (
    LOOP
    + """\
    total += (
        loss.item()
        + 1)
    text = f"{x}" + \\
        str(loss.item())
    if float(loss) > 3: print("high")
    other = loss.item(); more = loss.cpu()  # as before
"""
)


def test_what_is_silenced_is_found_no_more_and_a_second_time_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "src" / "train.py"
    file.write_text(BODY)
    assert main(["check", "src"]) == 1
    assert main(["check", "--add-ignore=read in review", "src"]) == 0
    once = file.read_text()
    assert once.count("# perflint: ignore[") == 4
    assert once.count("] read in review\n") == 4
    assert "silenced" in capsys.readouterr().err
    ast.parse(once)
    assert main(["check", "--add-ignore", "src"]) == 0
    assert file.read_text() == once


def test_files_keep_their_encoding_or_stay_as_they_are(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "src" / "train.py"
    raw = ("# coding: latin-1\n# ü\n" + BODY).encode("latin-1")
    file.write_bytes(raw)
    assert main(["check", "--add-ignore=π"]) == 2
    assert "iso-8859-1, which cannot hold 'π'" in capsys.readouterr().out
    assert file.read_bytes() == raw
    assert main(["check", "--add-ignore=für heute"]) == 0
    assert "für heute".encode("latin-1") in file.read_bytes()


def test_a_notebook_is_silenced_in_its_cells(project: Path) -> None:
    import json

    cell = {"cell_type": "code", "source": LOOP + "    total += loss.item()", "metadata": {}}
    book = {
        "cells": [{**cell, "outputs": [], "execution_count": None}],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    file = project / "src" / "train.ipynb"
    file.write_text(json.dumps(book))
    assert main(["check", str(file)]) == 1
    assert main(["check", "--add-ignore", str(file)]) == 0
    assert "ignore[PFL101]" in file.read_text()


def test_only_lines_of_a_selection_are_silenced(project: Path) -> None:
    file = project / "src" / "train.py"
    file.write_text(BODY)
    assert main(["check", "--select", "PFL102", "--add-ignore"]) == 0
    assert file.read_text().count("ignore[PFL102]") == 1
    assert main(["check"]) == 1


OURS = sorted(Path(__file__).parents[2].glob("lints/*.py"))


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.stem)
def test_any_code_stays_what_it_is_and_gets_rid_of_the_comments_again(file: Path) -> None:
    known = vocabulary(all_rules())
    ran = frozenset(known.codes.values())
    source = read_source(file)
    tree = ast.parse(source.text)
    starts = sorted({node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr)})
    findings = [_at(line, ("PFL101", "PFL104")[line % 2]) for line in starts[::5]]
    made = with_ignores(source, findings, "why: #1")
    assert ast.dump(ast.parse(made.text)) == ast.dump(tree)
    assert judge_comments(findings, made.text, "a.py", ran, known) == ([], [])
    _, unused = judge_comments([], made.text, "a.py", ran, known)
    assert apply_fixes(made.text, unused) == source.text
