"""One JSON document with all there is to know; `version` says in which shape."""

import json
from dataclasses import asdict

from ..finding import Finding
from ..outcome import Outcome

# What each version changed:
# 1: the first.
VERSION = 1


def render(outcome: Outcome) -> str:
    """Write one document with all findings and problems."""
    document = {
        "version": VERSION,
        "findings": [_plain(finding) for finding in outcome.result.findings],
        "problems": list(outcome.result.problems),
        "files": outcome.result.files,
    }
    return json.dumps(document, indent=1) + "\n"


def _plain(finding: Finding) -> dict[str, object]:
    plain = asdict(finding)
    plain["severity"] = finding.severity.value
    plain["confidence"] = finding.confidence.value
    if cell := finding.cell:
        end_line = finding.span.end_line - cell.first + 1
        plain["cell"] = {"number": cell.number, "line": finding.line, "end_line": end_line}
        plain["file_line"], plain["file_end_line"] = finding.file_lines
    return plain
