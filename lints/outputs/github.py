"""Workflow commands, which GitHub Actions shows beside the lines."""

from ..finding import Finding, Severity
from ..outcome import Outcome, from_the_top, sentence

_LEVEL = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.ERROR: "error"}


def render(outcome: Outcome) -> str:
    """Write an annotation for each finding and each problem."""
    result = from_the_top(outcome).result
    lines = [_annotation(finding) for finding in result.findings]
    lines += [f"::error title=perflint::{_data(problem)}" for problem in result.problems]
    return "".join(line + "\n" for line in lines)


def _annotation(finding: Finding) -> str:
    span = finding.span
    line, end_line = finding.file_lines
    where = {
        "file": finding.path,
        "line": str(line),
        "endLine": str(end_line),
    }
    # In a notebook's file, columns are those of its JSON.
    if finding.cell is None:
        where["col"] = str(span.column + 1)
    where["title"] = f"perflint: {finding.rule} ({finding.code})"
    if finding.cell is None and end_line == line:
        where["endColumn"] = str(max(span.end_column, span.column + 1))
    properties = ",".join(f"{key}={_property(value)}" for key, value in where.items())
    # The log of a job shows the sentence alone, without file and line.
    told = _data(f"{finding.place}: {sentence(finding)}")
    return f"::{_LEVEL[finding.severity]} {properties}::{told}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
