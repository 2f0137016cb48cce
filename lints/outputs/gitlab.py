"""A Code Quality report, which GitLab shows in merge requests."""

import json

from ..finding import Finding, Severity
from ..fingerprint import fingerprints
from ..outcome import Outcome, from_the_top, sentence

_SEVERITY = {Severity.INFO: "info", Severity.WARNING: "major", Severity.ERROR: "critical"}


def render(outcome: Outcome) -> str:
    """Write the fields that GitLab documents; it ignores all others."""
    outcome = from_the_top(outcome)
    findings = outcome.result.findings
    names = fingerprints(findings, outcome.source_of)
    return json.dumps([_entry(f, names[f]) for f in findings], indent=1) + "\n"


def _entry(finding: Finding, fingerprint: str) -> dict[str, object]:
    return {
        "description": f"{finding.code}: {sentence(finding, with_cell=True)}",
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": _SEVERITY[finding.severity],
        "location": {"path": finding.path, "lines": {"begin": finding.file_lines[0]}},
    }
