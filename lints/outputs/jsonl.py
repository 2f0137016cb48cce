"""One flat JSON object in each line: for `grep`, `jq` and scripts that read as they go."""

import json

from ..finding import Edit, Finding, Span
from ..outcome import Outcome


def render(outcome: Outcome) -> str:
    """Write a line for each finding."""
    return "".join(line(finding) for finding in outcome.result.findings)


def line(finding: Finding) -> str:
    """Write one finding; lines and columns count from 1, the end is exclusive.

    In a notebook, lines are those of the cell.
    """
    first = 1 if finding.cell is None else finding.cell.first
    said = {
        "file": finding.path,
        "cell": None if finding.cell is None else finding.cell.number,
        **_place(finding.span, first),
        "code": finding.code,
        "name": finding.rule,
        "rule": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "why": finding.why,
        "fix": None if finding.fix is None else _fix(finding.fix, first),
    }
    return json.dumps(said) + "\n"


def _place(span: Span, first: int) -> dict[str, int]:
    return {
        "line": span.line - first + 1,
        "column": span.column + 1,
        "end_line": span.end_line - first + 1,
        "end_column": span.end_column + 1,
    }


def _fix(edit: Edit, first: int) -> dict[str, object]:
    return {"safe": edit.safe, "edits": [{**_place(edit.span, first), "text": edit.text}]}
