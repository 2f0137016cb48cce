"""SARIF: valid against the standard's own schema, and with what services make use of."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from torch_perflint.__main__ import main
from torch_perflint.lints import pages
from torch_perflint.lints.finding import Cell, Edit, Finding, Span
from torch_perflint.lints.outcome import Suppressed
from torch_perflint.lints.output import render
from torch_perflint.lints.pages import explanation
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rules.data_parallel import DataParallel

from .outcomes import ITEM, KEPT, outcome

SCHEMA = json.loads(
    (Path(__file__).parent / "sarif" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.Draft4Validator(SCHEMA, validate_formats=True)
IN_CELL = replace(KEPT, path="a.ipynb", span=Span(9, 4, 9, 8), cell=Cell(3, 8, 31, 32))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(pages, "_published", lambda: "https://rules.example/pages/")
    return "https://rules.example/pages"


def _document(*findings: Finding, **more: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(outcome(*findings, **more), "sarif"))
    return document


def _run(*findings: Finding, **more: Any) -> dict[str, Any]:
    [run] = _document(*findings, **more)["runs"]
    return dict(run)


def _errors(document: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize(
    "findings",
    [
        (),
        (ITEM,),
        (ITEM, KEPT, IN_CELL),
        (replace(ITEM, path="a b/é%.py"), replace(ITEM, path="../out.py")),
        (replace(ITEM, code="PFL999", rule="of-a-team"),),
        (replace(ITEM, span=Span(4, 0, 4, 0)),),
    ],
)
@pytest.mark.parametrize("problems", [(), ("b.py cannot be read",)])
def test_every_document_fits_the_schema(
    findings: tuple[Finding, ...], problems: tuple[str, ...]
) -> None:
    assert _errors(_document(*findings, problems=problems)) == []


def _broken(**changes: object) -> dict[str, Any]:
    document = _document(ITEM, KEPT)
    document["runs"][0]["results"][1].update(changes)
    return document


@pytest.mark.parametrize(
    "document",
    [
        {"version": "2.1.0"},
        {**_document(ITEM), "version": "2.0.0"},
        {**_document(ITEM), "$schema": "not a uri"},
        _broken(level="info"),
        _broken(message="plain text"),
        _broken(severity="warning"),
        _broken(fixes=[{"artifactChanges": []}]),
        _broken(partialFingerprints={"statement/v1": 7}),
        _broken(suppressions=[{"kind": "somewhere"}]),
    ],
)
def test_a_broken_document_is_refused(document: dict[str, Any]) -> None:
    assert _errors(document) != []


def test_every_rule_has_a_page_a_description_and_a_level(published: str) -> None:
    rules = _run()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in all_rules()]
    for rule in rules:
        assert rule["helpUri"] == f"{published}/{rule['name']}.md"
        assert 0 < len(rule["shortDescription"]["text"]) < 256
        assert len(rule["shortDescription"]["text"]) < len(rule["fullDescription"]["text"]) <= 1024
        assert "## Why it " in rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}


def test_without_an_address_nothing_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_published", lambda: None)
    assert not any("helpUri" in rule for rule in _run()["tool"]["driver"]["rules"])


def test_a_result_points_to_its_rule_and_its_place() -> None:
    run = _run(ITEM)
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "src/train.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 4, "startColumn": 19, "endLine": 4, "endColumn": 30},
    }
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///project/"}}


def test_columns_count_characters_as_we_say() -> None:
    """Before `loss.item()` stands a character that is two code units of UTF-16."""
    [result] = _run(ITEM)["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    line = outcome().source_of("src/train.py")[3]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "loss.item()"
    utf16 = line.encode("utf-16-le")
    by_units = utf16[2 * (region["startColumn"] - 1) :][: 2 * len("loss.item()")]
    assert by_units.decode("utf-16-le") != "loss.item()"


def test_a_fix_is_told_as_a_replacement() -> None:
    [result] = _run(KEPT)["results"]
    [fix] = result["fixes"]
    [change] = fix["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "src/train.py", "uriBaseId": "%SRCROOT%"}
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 3, "startColumn": 14, "endLine": 3, "endColumn": 18},
            "insertedContent": {"text": "loss.detach()"},
        }
    ]
    unsafe = replace(KEPT, fix=Edit(KEPT.span, "loss.detach()"))
    [other] = _run(unsafe)["results"]
    assert other["fixes"][0]["description"] != fix["description"]


def test_a_finding_in_a_cell_has_lines_of_the_file_and_no_fix() -> None:
    [result] = _run(IN_CELL)["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 31, "endLine": 32}
    assert "fixes" not in result


def test_fingerprints_stay_when_lines_move_and_tell_equal_lines_apart() -> None:
    def names(source: str, *lines: int) -> list[str]:
        found = [replace(ITEM, path="a.py", span=Span(n, 4, n, 15)) for n in lines]
        results = _run(*found, texts={"a.py": source})["results"]
        return [result["partialFingerprints"]["statement/v1"] for result in results]

    source = "log(loss.item())\nlog(loss.item())\n"
    assert names("#\n\n" + source, 3, 4) == names(source, 1, 2)
    assert len(set(names(source, 1, 2))) == 2


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b/é%#?.py", "a%20b/%C3%A9%25%23%3F.py"),
        ("c:d.py", "c%3Ad.py"),
        ("\udcff.py", "%FF.py"),
    ],
)
def test_paths_are_relative_and_percent_encoded(path: str, uri: str) -> None:
    [result] = _run(replace(ITEM, path=path))["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": uri, "uriBaseId": "%SRCROOT%"}


def test_a_file_outside_the_project_is_told_in_full() -> None:
    [result] = _run(replace(ITEM, path="../other/a.py"))["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "file:///other/a.py"}


def test_rules_of_a_team_are_among_the_rules_without_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: str
) -> None:
    """What they are is told in full, but not where: that only the team knows."""
    (tmp_path / "pyproject.toml").write_text('[tool.perflint.lints]\nlocal = ["own"]\n')
    (tmp_path / "own.py").write_text(
        "from torch_perflint.lints.rules.data_parallel import DataParallel\n\n\n"
        f"class OwnRule(DataParallel):\n    {DataParallel.__doc__!r}\n    code = 'OWN1'\n"
    )
    (tmp_path / "train.py").write_text("import torch\nmodel = torch.nn.DataParallel(model)\n")
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--output-format", "sarif", "--output-file", "out.sarif"]) == 1
    document = json.loads((tmp_path / "out.sarif").read_text())
    assert _errors(document) == []
    [run] = document["runs"]
    [own] = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "OWN1"]
    assert "helpUri" not in own
    assert own["help"]["markdown"] == explanation(DataParallel)


def test_suppressed_findings_say_where_that_is_said_and_the_others_that_they_are_not() -> None:
    quiet = [Suppressed(KEPT, in_source=True, reason="one step"), Suppressed(IN_CELL, False)]
    document = _document(ITEM, suppressed=tuple(quiet))
    assert _errors(document) == []
    assert [result["suppressions"] for result in document["runs"][0]["results"]] == [
        [],
        [{"kind": "inSource", "justification": "one step"}],
        [{"kind": "external"}],
    ]
    assert "suppressions" not in _run(ITEM)["results"][0]


@pytest.mark.parametrize("again", [[], ["--jobs", "1"]], ids=["cached", "cached, one process"])
def test_what_comments_silence_is_told_as_suppressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: list[str]
) -> None:
    code = "import torch\nmodel = torch.nn.DataParallel(model)  # perflint: ignore[PFL501] {}\n"
    (tmp_path / "a.py").write_text(code.format("one machine"))
    (tmp_path / "b.py").write_text(code.format(""))
    monkeypatch.chdir(tmp_path)
    for more in ([], again):
        words = ["check", *more, "--output-format", "sarif", "--output-file", "out.sarif"]
        assert main(words) == 0
        document = json.loads((tmp_path / "out.sarif").read_text())
        assert _errors(document) == []
        results = document["runs"][0]["results"]
        assert [result["ruleId"] for result in results] == ["PFL501", "PFL501"]
        assert [result["suppressions"] for result in results] == [
            [{"kind": "inSource", "justification": "one machine"}],
            [{"kind": "inSource"}],
        ]


def test_what_a_comment_silences_below_the_shown_severity_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text(
        "import torch\nmodel = torch.nn.DataParallel(model)  # perflint: ignore[PFL501] old\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--output-format", "sarif", "--min-severity", "error"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []


def test_a_silenced_finding_of_a_notebook_names_its_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = ["import torch\n", "model = torch.nn.DataParallel(model)  # perflint: ignore[PFL501]"]
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook, indent=1))
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--output-format", "sarif"]) == 0
    [result] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["message"]["text"].startswith("cell 1: ")
    assert result["suppressions"] == [{"kind": "inSource"}]


def test_problems_make_the_run_unsuccessful() -> None:
    assert _run()["invocations"][0]["executionSuccessful"] is True
    [invocation] = _run(problems=("b.py cannot be read",))["invocations"]
    assert invocation["executionSuccessful"] is False
    [told] = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == "b.py cannot be read"
