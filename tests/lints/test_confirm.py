"""Findings that a run on the GPU has seen too are proven."""

import json
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.check_cli import run_check
from torch_perflint.lints.confirm import confirmed, read_seen
from torch_perflint.lints.finding import Confidence, Finding, Severity, Span

LOG = """\
epoch 0
/data/run7/project/train.py:88: UserWarning: called a synchronizing CUDA operation (Triggered by x)
  loss = loss.item()
/data/run7/project/other/train.py:5: UserWarning: something else
"""


def _finding(path: str, line: int, end_line: int | None = None) -> Finding:
    span = Span(line, 0, end_line or line, 9)
    return Finding(path, span, "PFL101", "item-in-hot-path", "waits", Severity.WARNING)


def _log(folder: Path, text: str) -> Path:
    (folder / "run.log").write_text(text)
    return folder / "run.log"


@pytest.mark.parametrize(
    ("path", "lines", "is_seen"),
    [
        ("train.py", (88, 88), True),
        ("project/train.py", (86, 90), True),
        ("run7/project/train.py", (88, 88), True),
        ("src/train.py", (88, 88), False),
        ("train.py", (87, 87), False),
        ("other/train.py", (5, 5), False),
        ("retrain.py", (88, 88), False),
    ],
)
def test_a_place_of_a_log_is_known_under_any_root(
    tmp_path: Path, path: str, lines: tuple[int, int], is_seen: bool
) -> None:
    (finding,) = confirmed([_finding(path, *lines)], read_seen([_log(tmp_path, LOG)]))
    assert (finding.confidence is Confidence.PROVEN) is is_seen
    assert (finding.why == "seen at run time") is is_seen


def test_a_report_of_torchtidy_is_read(tmp_path: Path) -> None:
    place = {"line_number": 7, "name": "Extra CUDA Copy Pattern", "url": None, "message": "x"}
    report = tmp_path / "torchtidy_report.json"
    report.write_text(json.dumps({"/home/me/train.py": [place]}))
    (finding,) = confirmed([_finding("train.py", 7)], read_seen([report]))
    assert finding.confidence is Confidence.PROVEN


@pytest.mark.parametrize(
    "text", ["", "no warnings here", "{}", '{"a.py": 3}', '{"a.py": [{}]}', "{"]
)
def test_a_file_that_names_no_place_is_an_error_that_says_what_to_give(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(PerflintError, match="set_sync_debug_mode"):
        read_seen([_log(tmp_path, text)])


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PerflintError, match="cannot be read"):
        read_seen([tmp_path / "missing.log"])


def test_the_command_says_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(
        "import torch\nfor x in loader:\n    loss = model(x.cuda()).mean()\n    loss.backward()\n"
        "    optimizer.step()\n    total += loss.item()\n    print(loss.item())\n"
    )
    log = _log(tmp_path, "train.py:6: UserWarning: called a synchronizing CUDA operation (x)\n")
    assert run_check(["--no-cache", "--output-format", "concise", "--confirmed-by", str(log)]) == 1
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert "train.py:6:" in first and "seen at run time" in first
    assert "train.py:7:" in second and "seen at run time" not in second
