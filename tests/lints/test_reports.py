"""What services and scripts read: jsonl, GitHub's annotations, GitLab's report, JUnit XML."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import junitparser
import pytest
from torch_perflint.lints.finding import Cell, Finding, Severity, Span
from torch_perflint.lints.outcome import from_the_top
from torch_perflint.lints.output import render

from .outcomes import ITEM, KEPT, outcome

IN_CELL = replace(ITEM, path="a.ipynb", span=Span(9, 4, 9, 8), cell=Cell(3, 8, 31, 32))
HOSTILE = replace(
    ITEM, path='a<&"\x00\x1b,:\n.py', message="<![CDATA[ ]]> \x0b & \ud800 \U0001f525"
)


def _lines(*findings: Finding) -> list[dict[str, object]]:
    return [json.loads(line) for line in render(outcome(*findings), "jsonl").splitlines()]


def test_jsonl_is_one_flat_object_a_line() -> None:
    assert _lines(ITEM, KEPT) == [
        {
            "file": "src/train.py",
            "cell": None,
            "line": 4,
            "column": 19,
            "end_line": 4,
            "end_column": 30,
            "code": "PFL101",
            "name": "item-in-hot-path",
            "rule": "PFL101",
            "severity": "warning",
            "confidence": "likely",
            "message": "`.item()` waits for the device in every step",
            "why": "in the step loop of line 1",
            "fix": None,
        },
        {
            "file": "src/train.py",
            "cell": None,
            "line": 3,
            "column": 14,
            "end_line": 3,
            "end_column": 18,
            "code": "PFL601",
            "name": "graph-retention",
            "rule": "PFL601",
            "severity": "error",
            "confidence": "possible",
            "message": "the graph of every step is kept",
            "why": None,
            "fix": {
                "safe": True,
                "edits": [
                    {
                        "line": 3,
                        "column": 14,
                        "end_line": 3,
                        "end_column": 18,
                        "text": "loss.detach()",
                    }
                ],
            },
        },
    ]


def test_jsonl_counts_the_lines_of_a_cell() -> None:
    [line] = _lines(IN_CELL)
    assert (line["cell"], line["line"], line["column"]) == (3, 2, 5)


@pytest.mark.parametrize("form", ["json", "jsonl", "gitlab", "sarif", "junit"])
def test_what_programs_read_is_ascii_whatever_the_terminal_can_show(form: str) -> None:
    assert render(outcome(HOSTILE), form).isascii()


def test_github_shows_an_annotation_at_its_columns() -> None:
    [line] = render(outcome(ITEM), "github").splitlines()
    assert line == (
        "::warning file=src/train.py,line=4,endLine=4,col=19,"
        "title=perflint%3A item-in-hot-path (PFL101),endColumn=29::"
        "src/train.py:4:19: `.item()` waits for the device in every step "
        "(in the step loop of line 1)"
    )


def test_github_shows_a_cell_at_its_lines_in_the_file() -> None:
    [line] = render(outcome(IN_CELL), "github").splitlines()
    assert line.startswith("::warning file=a.ipynb,line=31,endLine=32,title=")
    assert "::a.ipynb:cell 3:2:5: `.item()` waits" in line


def test_gitlab_has_the_documented_fields_and_no_others() -> None:
    report = json.loads(render(outcome(ITEM, KEPT), "gitlab"))
    assert [
        (set(entry), set(entry["location"]), set(entry["location"]["lines"])) for entry in report
    ] == [
        (
            {"description", "check_name", "fingerprint", "severity", "location"},
            {"path", "lines"},
            {"begin"},
        )
    ] * 2
    assert report[0]["location"] == {"path": "src/train.py", "lines": {"begin": 4}}
    assert report[0]["check_name"] == "item-in-hot-path"
    assert report[0]["description"].startswith("PFL101: `.item()` waits")


@pytest.mark.parametrize("severity", list(Severity))
def test_gitlab_knows_our_severities(severity: Severity) -> None:
    [entry] = json.loads(render(outcome(replace(ITEM, severity=severity)), "gitlab"))
    assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}


def test_gitlab_fingerprints_are_unique_and_stay_when_lines_move() -> None:
    source = "log(loss.item())\nlog(loss.item())\n"
    at = [replace(ITEM, path="a.py", span=Span(n, 4, n, 15)) for n in (1, 2, 3)]
    before = json.loads(render(outcome(*at[:2], texts={"a.py": source}), "gitlab"))
    after = json.loads(render(outcome(*at[1:], texts={"a.py": "#\n" + source}), "gitlab"))
    names = [entry["fingerprint"] for entry in before]
    assert len(set(names)) == 2
    assert [entry["fingerprint"] for entry in after] == names


def test_a_report_without_findings_is_an_empty_list() -> None:
    assert json.loads(render(outcome(), "gitlab")) == []


def test_junit_is_read_back_by_a_common_reader() -> None:
    problem = ("b.py cannot be read",)
    other = replace(ITEM, path="b.py")
    report = junitparser.JUnitXml.fromstring(
        render(outcome(KEPT, ITEM, other, problems=problem), "junit").encode()
    )
    assert (report.tests, report.failures, report.errors) == (4, 3, 1)
    suites = list(report)
    assert [(suite.name, suite.tests) for suite in suites] == [
        ("src/train.py", 2),
        ("b.py", 1),
        ("perflint", 1),
    ]
    cases = [case for suite in suites for case in suite]
    # GitLab takes tests of one class and name for one test.
    assert len({(case.classname, case.name) for case in cases}) == 4
    [failure] = cases[1].result
    assert failure.message.startswith("`.item()` waits")
    assert failure.text.splitlines()[1:] == [
        '    print("損失 🔥", loss.item())',
        "                     ^^^^^^^^^^^",
    ]
    assert isinstance(cases[3].result[0], junitparser.Error)


def test_junit_counts_in_each_suite_and_in_all_of_them_agree() -> None:
    root = ElementTree.fromstring(render(outcome(KEPT, ITEM, problems=("x",)), "junit"))
    for count in ("tests", "failures", "errors"):
        told = sum(int(suite.attrib[count]) for suite in root)
        assert int(root.attrib[count]) == told
    assert len(list(root.iter("testcase"))) == int(root.attrib["tests"])


def test_junit_without_findings_is_one_passed_test() -> None:
    report = junitparser.JUnitXml.fromstring(render(outcome(), "junit").encode())
    assert (report.tests, report.failures, report.errors) == (1, 0, 0)
    [[case]] = report
    assert (case.name, case.result) == ("no findings in 2 files", [])


def test_junit_is_well_formed_whatever_a_file_holds() -> None:
    told = render(
        outcome(HOSTILE, problems=("\x00]]>",), texts={HOSTILE.path: "\n\n\n\x00<&\udc80"}), "junit"
    )
    root = ElementTree.fromstring(told)
    assert root[0].attrib["name"] == 'a<&"\ufffd\ufffd,:\n.py'
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(told.replace("&lt;", "<"))


@pytest.mark.parametrize("form", ["github", "gitlab", "sarif"])
def test_services_get_paths_from_the_top_of_the_repository(tmp_path: Path, form: str) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "libs" / "model"
    root.mkdir(parents=True)
    told = render(outcome(ITEM, replace(ITEM, path="../other/b.py"), root=root), form)
    assert "libs/model/src/train.py" in told
    assert "libs/other/b.py" in told
    assert "libs/model" not in render(outcome(ITEM, root=root), "jsonl")


def test_the_lines_of_a_file_are_found_by_its_new_path(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "libs"
    moved = from_the_top(outcome(ITEM, root=root))
    [finding] = moved.result.findings
    assert "loss.item()" in moved.source_of(finding.path)[3]
