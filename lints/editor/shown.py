"""Findings as the diagnostics of an editor."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lsprotocol.types import (
    CodeDescription,
    Diagnostic,
    DiagnosticRelatedInformation,
    DiagnosticSeverity,
    DiagnosticTag,
    Location,
    Position,
    Range,
)

from ..finding import Confidence, Finding, Severity
from .places import Places

SOURCE = "perflint"
_SEVERITY = {
    Severity.ERROR: DiagnosticSeverity.Error,
    Severity.WARNING: DiagnosticSeverity.Warning,
    Severity.INFO: DiagnosticSeverity.Information,
}
_LOWER = {
    DiagnosticSeverity.Error: DiagnosticSeverity.Warning,
    DiagnosticSeverity.Warning: DiagnosticSeverity.Information,
    DiagnosticSeverity.Information: DiagnosticSeverity.Hint,
}
# What a reason names: a line of the same file, or a place in any file of the project.
_HERE = re.compile(r"\bline (\d+)\b")
_ANYWHERE = re.compile(r"(?<![\w./-])([\w./-]+\.pyw?):(\d+)\b")


def diagnostic(
    finding: Finding, places: Places, uri: str, root: Path, pages: Mapping[str, str]
) -> Diagnostic:
    """Show a finding; what is only possible is shown one step lower than what is likely."""
    severity = _SEVERITY[finding.severity]
    if finding.confidence is Confidence.POSSIBLE:
        severity = _LOWER[severity]
    page = pages.get(finding.code)
    why = f" ({finding.why})" if finding.why else ""
    return Diagnostic(
        range=places.range(finding.span),
        message=f"{finding.message}{why}",
        severity=severity,
        code=finding.code,
        code_description=CodeDescription(page) if page else None,
        source=SOURCE,
        tags=[DiagnosticTag.Unnecessary] if finding.rule.startswith("unused-") else None,
        related_information=_related(finding, places, uri, root),
        data={"rule": finding.rule, "confidence": finding.confidence.value},
    )


def _related(
    finding: Finding, places: Places, uri: str, root: Path
) -> Sequence[DiagnosticRelatedInformation] | None:
    """Lead to the loop and the calls by which the place runs in every step."""
    why = finding.why or ""
    found = [
        DiagnosticRelatedInformation(Location(uri, places.line(int(line))), why)
        for line in _HERE.findall(why)
    ]
    for path, line in _ANYWHERE.findall(why):
        at = Position(int(line) - 1, 0)
        same = path == finding.path
        where = places.line(int(line)) if same else Range(at, at)
        place = Location(uri if same else (root / path).as_uri(), where)
        found.append(DiagnosticRelatedInformation(place, why))
    return found or None
