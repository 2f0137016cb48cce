"""What the pages say is what the code has."""

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from torch_perflint.__main__ import HELP, ROOM_OF
from torch_perflint.bot import compare as comparison
from torch_perflint.bot import report
from torch_perflint.lints.check import CheckResult
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.finding import Cell, Edit, Finding, Span
from torch_perflint.lints.keys import KEYS
from torch_perflint.lints.options import OUTPUT_FORMATS
from torch_perflint.lints.outcome import Outcome
from torch_perflint.lints.outputs import jsonl
from torch_perflint.lints.outputs.json import render as as_json
from torch_perflint.runners import result, sample
from torch_perflint.runners.config import COUNTERS, RunnersConfig
from torch_perflint.runners.counters import compiling, utilization
from torch_perflint.runners.gpu import gpu
from torch_perflint.runners.profiling import profile
from torch_perflint.runners.verdict import compare

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OUTPUT_PAGE = (ROOT / "docs" / "output.md").read_text(encoding="utf-8")
REPORT_PAGE = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
REPORTED = (
    *(report.Report, report.Revision, report.LintResult, report.RunLink),
    *(result.RunResult, result.TestResult, result.Selection, result.FileReason),
    *(result.TestChoice, result.DependencyChange),
    *(comparison.Compared, comparison.ComparedTest, comparison.Time),
    *(result.CounterChange, result.PeakMemory, result.Failure, compare.Comparison),
    *(profile.ProfileChange, profile.OperatorChange, profile.LineChange),
    *(sample.PerfTest, sample.Segment, sample.Pair, sample.SyncSite, sample.Environment),
    *(gpu.GpuRecord, gpu.GpuPair, gpu.GpuTurn, gpu.GpuSample),
    *(utilization.Utilization, utilization.Achieved, compiling.Compiling),
)


def words_of(page: str) -> set[str]:
    """Every name that the page sets as code, and each part of a dotted one."""
    return {word for code in re.findall(r"`([^`]+)`", page) for word in re.split(r"\W+", code)}


def test_every_command_is_in_the_help_and_the_readme() -> None:
    for command in ROOM_OF:
        assert re.search(rf"^  {command} ", HELP, re.MULTILINE), command
        assert f"perflint {command}" in README, command


@pytest.mark.parametrize("command", sorted(ROOM_OF))
def test_every_command_explains_itself_and_its_exit_status(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torch_perflint", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"perflint {command}" in done.stdout
    assert "exit status" in done.stdout or "status" in done.stdout


@pytest.mark.parametrize("keys", [KEYS, [f.name for f in dataclasses.fields(RunnersConfig)]])
def test_every_configuration_key_is_in_the_readme(keys: Sequence[str]) -> None:
    said = r"^({key} = |\[\[tool\.perflint\.lints\.{key}\]\])"
    missing = {key for key in keys if not re.search(said.format(key=key), README, re.MULTILINE)}
    assert missing == set()


def test_every_key_of_the_lints_table_is_a_field_of_its_configuration() -> None:
    assert set(KEYS) <= {field.name for field in dataclasses.fields(LintConfig)}


@pytest.mark.parametrize("part", REPORTED, ids=lambda part: part.__name__)
def test_every_field_of_a_report_is_on_its_page(part: type) -> None:
    missing = {field.name for field in dataclasses.fields(part)} - words_of(REPORT_PAGE)
    assert missing == set()


def test_a_field_that_the_page_lacks_would_be_seen() -> None:
    assert {"no_such_field"} - words_of(REPORT_PAGE) == {"no_such_field"}


def test_every_counter_is_explained_on_its_page() -> None:
    page = (ROOT / "docs" / "counters.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)))
    assert sorted(named) == sorted(COUNTERS)


def test_the_page_names_the_schema_version() -> None:
    assert f"`schema_version` is {report.SCHEMA_VERSION}." in REPORT_PAGE


@pytest.mark.parametrize("form", OUTPUT_FORMATS)
def test_every_form_of_output_is_in_the_readme_and_on_its_page(form: str) -> None:
    assert f"`{form}`" in README
    assert f"## {form}\n" in OUTPUT_PAGE


def test_every_key_of_a_jsonl_line_is_on_the_page() -> None:
    span = Span(1, 0, 1, 1)
    finding = Finding("a.py", span, "PFL101", "item-in-hot-path", "waits", fix=Edit(span, "x"))
    assert keys_in(json.loads(jsonl.line(finding))) - words_of(OUTPUT_PAGE) == set()


def test_every_key_of_json_is_on_the_page() -> None:
    span = Span(1, 0, 1, 1)
    finding = Finding(
        "a.py",
        span,
        "PFL101",
        "item-in-hot-path",
        "waits",
        fix=Edit(span, "x"),
        cell=Cell(1, 1, 1, 1),
    )
    result = CheckResult((finding,), ("b.py cannot be read",), 2)
    document = json.loads(as_json(Outcome(result, ROOT, lambda path: ())))
    assert keys_in(document) - words_of(OUTPUT_PAGE) == set()


def keys_in(value: object) -> set[str]:
    """All keys in a document, however deep."""
    if isinstance(value, list):
        return set().union(*map(keys_in, value))
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set()
