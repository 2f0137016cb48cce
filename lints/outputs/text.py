"""Findings for people: the place, the sentence, the line of source with carets, and a summary."""

from collections.abc import Sequence

from ..colour import Pen, pen
from ..excerpt import excerpt, visible
from ..finding import Confidence, Finding, Severity
from ..outcome import Outcome, summary


def render(outcome: Outcome) -> str:
    """Show each finding with its line of source and carets under what is meant."""
    paint = pen(coloured=outcome.coloured)
    parts = [
        headline(finding, paint) + _marked(finding, outcome.source_of(finding.path), paint)
        for finding in outcome.result.findings
    ]
    parts += [f"{paint('problem', 'error')}: {visible(p)}\n" for p in outcome.result.problems]
    return "".join(parts) + summary(outcome.result) + "\n"


def headline(finding: Finding, paint: Pen) -> str:
    """Tell a finding in one line."""
    words = []
    if finding.severity is not Severity.WARNING:
        words.append(finding.severity.value)
    if finding.confidence is Confidence.POSSIBLE:
        words.append(finding.confidence.value)
    said = f" {paint(', '.join(words), finding.severity.value)}:" if words else ""
    why = " " + paint(f"({visible(finding.why)})", "faint") if finding.why else ""
    path = visible(finding.path)
    place = paint(path, "strong") + visible(finding.place).removeprefix(path) + ":"
    code = paint(finding.code, finding.severity.value)
    rule = paint(f"[{finding.rule}]", "faint")
    return f"{place} {code}{said} {visible(finding.message)}{why} {rule}\n"


def _marked(finding: Finding, lines: Sequence[str], paint: Pen) -> str:
    if finding.span.line > len(lines):
        return ""
    source, carets = excerpt(lines[finding.span.line - 1], finding.span)
    indent = carets[: len(carets) - len(carets.lstrip())]
    return f"    {source}\n    {indent}{paint(carets.lstrip(), finding.severity.value)}\n"
