"""Findings as text for people, JSON for programs, and annotations for GitHub."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from .check import CheckResult
from .files import UnreadableError, read_source
from .finding import Finding, Severity

# What each version changed:
# 1: the first.
JSON_VERSION = 1

_GITHUB_LEVEL = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.ERROR: "error"}


def as_text(result: CheckResult, root: Path) -> str:
    """Show each finding with its line of source and a caret under it."""
    sources: dict[str, list[str]] = {}
    parts: list[str] = []
    for finding in result.findings:
        if finding.path not in sources:
            sources[finding.path] = _lines(root / finding.path)
        parts.append(_one(finding, sources[finding.path]))
    parts += [f"problem: {problem}\n" for problem in result.problems]
    return "".join(parts) + _summary(result)


def as_json(result: CheckResult, root: Path) -> str:
    """Write one document with all findings and problems; `version` says in which shape."""
    document = {
        "version": JSON_VERSION,
        "findings": [_plain(finding) for finding in result.findings],
        "problems": list(result.problems),
        "files": result.files,
    }
    return json.dumps(document, indent=1) + "\n"


def as_github(result: CheckResult, root: Path) -> str:
    """Write workflow commands, which GitHub Actions shows beside the lines."""
    lines = [_annotation(finding) for finding in result.findings]
    lines += [f"::error title=perflint::{_data(problem)}" for problem in result.problems]
    return "".join(line + "\n" for line in lines)


FORMATS: dict[str, Callable[[CheckResult, Path], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
}


def _one(finding: Finding, lines: list[str]) -> str:
    span = finding.span
    why = f" ({finding.why})" if finding.why else ""
    severity = "" if finding.severity is Severity.WARNING else f"{finding.severity.value}: "
    head = (
        f"{finding.path}:{span.line}:{span.column + 1}: {finding.code} {severity}"
        f"{finding.message}{why} [{finding.rule}]\n"
    )
    if span.line > len(lines):
        return head
    source = lines[span.line - 1]
    end = span.end_column if span.end_line == span.line else len(source)
    # Tabs stay tabs, so that the caret stands under its place at any width.
    indent = "".join("\t" if char == "\t" else " " for char in source[: span.column])
    return f"{head}    {source}\n    {indent}{'^' * max(1, end - span.column)}\n"


def _summary(result: CheckResult) -> str:
    files = _counted(result.files, "file")
    if not result.findings:
        said = f"no findings in {files}"
    else:
        counts = Counter(finding.severity for finding in result.findings)
        kinds = ", ".join(f"{counts[s]} {s.value}" for s in reversed(Severity) if counts[s])
        said = f"{_counted(len(result.findings), 'finding')} ({kinds}) in {files}"
    if result.problems:
        said += f"; {_counted(len(result.problems), 'problem')} kept files from being checked"
    return said + "\n"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _lines(path: Path) -> list[str]:
    try:
        text = read_source(path).text
    except UnreadableError:
        return []  # gone since it was checked: the finding still stands without its line
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").split("\n")


def _plain(finding: Finding) -> dict[str, object]:
    plain = asdict(finding)
    plain["severity"] = finding.severity.value
    plain["confidence"] = finding.confidence.value
    return plain


def _annotation(finding: Finding) -> str:
    span = finding.span
    where = {
        "file": finding.path.replace(os.sep, "/"),
        "line": str(span.line),
        "endLine": str(span.end_line),
        "col": str(span.column + 1),
        "title": f"perflint: {finding.rule} ({finding.code})",
    }
    if span.end_line == span.line:
        where["endColumn"] = str(max(span.end_column, span.column + 1))
    properties = ",".join(f"{key}={_property(value)}" for key, value in where.items())
    why = f" ({finding.why})" if finding.why else ""
    return f"::{_GITHUB_LEVEL[finding.severity]} {properties}::{_data(finding.message + why)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def any_at_least(findings: Iterable[Finding], lowest: Severity | None) -> bool:
    """Whether a finding is bad enough to fail."""
    return lowest is not None and any(finding.severity.at_least(lowest) for finding in findings)
