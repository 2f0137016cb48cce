"""Findings say what their lines cost in a measured step, the dearest first."""

import json
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.check_cli import run_check
from torch_perflint.lints.costs import Costs, LineCost, ranked, read_costs
from torch_perflint.lints.finding import Finding, Severity, Span


def finding(line: int, end: int | None = None, path: str = "train.py", why: str = "") -> Finding:
    span = Span(line, 0, end or line, 9)
    return Finding(
        path, span, "PFL101", "item-in-hot-path", "waits", Severity.WARNING, why=why or None
    )


COSTS: Costs = {
    ("train.py", 5): [LineCost("test_a", 2.0, 10.0), LineCost("test_b", 30.0, 1000.0)],
    ("train.py", 6): [LineCost("test_a", 1.0, 10.0)],
    ("train.py", 9): [LineCost("test_a", 5.0, 10.0)],
    ("train.py", 20): [LineCost("test_a", 0.01, 10.0)],
}


def test_the_dearest_comes_first_and_what_was_not_measured_last() -> None:
    told = ranked([finding(1), finding(5), finding(20), finding(9)], COSTS)
    assert [(one.span.line, one.why) for one in told] == [
        (9, "costs 5.00 ms, 50.0% of a step of test_a"),
        (5, "costs 2.00 ms, 20.0% of a step of test_a"),
        (20, "costs next to nothing of a step of test_a"),
        (1, None),
    ]


def test_the_lines_of_a_finding_cost_what_they_cost_together() -> None:
    [told] = ranked([finding(5, 8, why="in `fit`")], COSTS)
    assert told.why == "in `fit`; costs 3.00 ms, 30.0% of a step of test_a"


def test_a_file_of_the_same_name_elsewhere_costs_nothing() -> None:
    [told] = ranked([finding(5, path="other/train.py")], COSTS)
    assert told.why is None


def report(path: Path, costs: object, head_ms: float = 10.0) -> Path:
    test = {"id": "perf/test_gpt.py::test_gpt"}
    run = {"tests": [{"test": test, "profile": {"costs": costs, "head_ms": head_ms}}]}
    run["tests"].append({"test": test, "profile": None})  # type: ignore[arg-type]
    path.write_text(json.dumps({"run": run}))
    return path


LINES = [{"path": "train.py", "line": 5, "milliseconds": 2.0}]


def test_both_kinds_of_files_are_read(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    summary = {"lines": [{**LINES[0], "operators": 1.0}]}
    profile.write_text(json.dumps({"what": "train.py", "clock_ms": 40.0, "summary": summary}))
    read = read_costs([report(tmp_path / "report.json", LINES), profile])
    assert read == {
        ("train.py", 5): [LineCost("test_gpt", 2.0, 10.0), LineCost("train.py", 2.0, 40.0)]
    }


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"run": 3}', '{"run": {"tests": [{"profile": {"a": 1}}]}}', '{"summary": 1}'],
)
def test_a_file_without_costs_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(PerflintError, match=r"report\.json of `perflint ci`"):
        read_costs([file])
    with pytest.raises(PerflintError, match="cannot be read"):
        read_costs([tmp_path / "none.json"])
    with pytest.raises(PerflintError, match="has no measured lines"):
        read_costs([report(tmp_path / "old.json", [])])


def test_the_command_tells_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import torch\nmodel = torch.nn.Linear(1, 1).cuda()\nfor x in data:\n"
    code += "    loss = model(x).sum()\n    loss.backward()\n    print(loss.item())\n"
    (tmp_path / "train.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    lines = [{"path": "train.py", "line": 6, "milliseconds": 2.0}]
    file = report(tmp_path / "report.json", lines)
    for _ in range(2):  # the second time from what was kept
        assert run_check(["--costs", str(file)]) == 1
        assert "costs 2.00 ms, 20.0% of a step of test_gpt" in capsys.readouterr().out
    report(file, [{**lines[0], "milliseconds": 4.0}])
    assert run_check(["--costs", str(file)]) == 1
    assert "costs 4.00 ms, 40.0%" in capsys.readouterr().out
