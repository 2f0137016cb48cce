"""What a traced run has seen confirms findings, or speaks against them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.check_cli import run_check
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.confirm import confirmed, read_seen
from torch_perflint.lints.finding import Confidence, Finding, Severity, Span
from torch_perflint.lints.registry import costly

SCRIPT = "/data/project/train.py"


def finding(line: int, *, path: str = "train.py", code: str = "PFL101") -> Finding:
    return Finding(
        path, Span(line, 0, line, 9), code, "a-rule", "waits", Severity.WARNING, why="in the loop"
    )


def sync(
    line: int, steady: Mapping[int, int], *, blocks: bool = True, own: int | None = None
) -> dict[str, Any]:
    path = SCRIPT if own is None else "/env/site-packages/loop.py"
    return {
        "kind": "wait" if blocks else "none",
        "blocks": blocks,
        "path": path,
        "line": line,
        "own": {"path": SCRIPT, "line": line if own is None else own, "function": "f"},
        "steady": {str(step): count for step, count in steady.items()},
    }


def told(folder: Path, syncs: list[dict[str, Any]], of: Finding) -> Finding:
    trace = {"tool": "perflint trace", "steps": 5, "files": [SCRIPT], "syncs": syncs}
    (folder / "trace.json").write_text(json.dumps(trace))
    (judged,) = confirmed([of], read_seen([folder / "trace.json"]), costly(LintConfig()))
    return judged


EVERY = {2: 2, 3: 2, 4: 2, 5: 2}


@pytest.mark.parametrize(
    ("syncs", "confidence", "words"),
    [
        ([sync(88, EVERY)], Confidence.PROVEN, "confirmed, 2 per step"),
        ([sync(88, EVERY), sync(88, EVERY)], Confidence.PROVEN, "confirmed, 4 per step"),
        ([sync(88, {3: 1})], Confidence.PROVEN, "confirmed, 1 in 1 of 4 steps"),
        ([sync(88, {})], Confidence.PROVEN, "confirmed, outside of steady steps"),
        ([sync(7, EVERY, own=88)], Confidence.PROVEN, "confirmed, 2 per step"),
        ([sync(88, EVERY, blocks=False)], Confidence.POSSIBLE, "runs, and does not wait"),
        ([sync(88, EVERY, blocks=False), sync(88, EVERY)], Confidence.PROVEN, "confirmed, 2"),
        ([sync(89, EVERY)], Confidence.LIKELY, "not reached"),
        ([], Confidence.LIKELY, "not reached"),
    ],
)
def test_a_finding_says_what_the_run_has_seen(
    tmp_path: Path, syncs: list[dict[str, Any]], confidence: Confidence, words: str
) -> None:
    judged = told(tmp_path, syncs, finding(88))
    assert judged.confidence is confidence
    assert judged.why is not None and judged.why.startswith(f"in the loop; {words}")


def test_a_file_that_the_run_never_loaded_says_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, [], finding(88, path="other.py")) == finding(88, path="other.py")


def test_a_rule_about_something_else_is_not_refuted(tmp_path: Path) -> None:
    about_loaders = finding(88, code="PFL202")
    assert told(tmp_path, [], about_loaders) == about_loaders
    assert told(tmp_path, [sync(88, EVERY, blocks=False)], about_loaders) == about_loaders


@pytest.mark.parametrize("document", ['{"tool": "perflint trace"}', '{"tool": "another"}'])
def test_what_is_no_trace_names_the_files_that_would_do(tmp_path: Path, document: str) -> None:
    (tmp_path / "x.json").write_text(document)
    with pytest.raises(PerflintError, match="perflint trace --out"):
        read_seen([tmp_path / "x.json"])


def test_the_command_reads_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(
        "import torch\nfor x in loader:\n    loss = model(x.cuda()).mean()\n    loss.backward()\n"
        "    optimizer.step()\n    total += loss.item()\n    print(loss.item())\n"
    )
    trace = {"tool": "perflint trace", "steps": 5, "files": [], "syncs": [sync(6, EVERY)]}
    (tmp_path / "trace.json").write_text(json.dumps(trace))
    words = ["--no-cache", "--output-format", "concise", "--confirmed-by", "trace.json"]
    assert run_check(words) == 1
    lines = {line.split(":")[1]: line for line in capsys.readouterr().out.splitlines()}
    assert "confirmed, 2 per step" in lines["6"]
    assert "not reached" in lines["7"]


@pytest.mark.parametrize("steps", [0, 1])
def test_a_trace_without_steps_says_nothing_of_findings(tmp_path: Path, steps: int) -> None:
    file = tmp_path / "trace.json"
    trace = {"tool": "perflint trace", "steps": steps, "files": [SCRIPT], "syncs": []}
    file.write_text(json.dumps(trace))
    with pytest.raises(PerflintError, match=rf"trace.json: this trace has {steps} steps"):
        read_seen([file])
