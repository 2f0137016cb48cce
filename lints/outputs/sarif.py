"""SARIF 2.1.0, which code scanning services and editors read."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from ... import __version__
from ..finding import Edit, Finding, Severity, Span
from ..fingerprint import fingerprints
from ..meta_rule import cause_heading
from ..outcome import Outcome, Suppressed, from_the_top, sentence
from ..pages import address, explanation, plain, section
from ..registry import all_rules, known_rules
from ..rule import Rule

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_TOP = "%SRCROOT%"
_LEVEL = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
# GitHub's limit for descriptions.
_LONGEST = 1024


def render(outcome: Outcome) -> str:
    """Write one run with all rules, so that the list of rules is the same whatever was found."""
    outcome = from_the_top(outcome)
    known = all_rules() if outcome.config is None else known_rules(outcome.config).rules
    rules = [_descriptor(rule) for rule in known]
    run = {
        "tool": {"driver": {"name": "perflint", "semanticVersion": __version__, "rules": rules}},
        "invocations": [_invocation(outcome.result.problems)],
        "originalUriBaseIds": {_TOP: {"uri": _file_uri(outcome.root) + "/"}},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": _results(outcome, [str(rule["id"]) for rule in rules]),
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=1) + "\n"


def _results(outcome: Outcome, codes: Sequence[str]) -> list[dict[str, object]]:
    findings = [*outcome.result.findings, *(each.finding for each in outcome.suppressed)]
    names = fingerprints(findings, outcome.source_of)
    suppressions = {each.finding: _suppression(each) for each in outcome.suppressed}
    results = []
    for finding in findings:
        result = _result(finding, names[finding], outcome.root)
        if finding.code in codes:
            result["ruleIndex"] = codes.index(finding.code)
        # Where one result has this, the standard wants it of all.
        if outcome.suppressed:
            result["suppressions"] = [suppressions[finding]] if finding in suppressions else []
        results.append(result)
    return results


def _suppression(suppressed: Suppressed) -> dict[str, object]:
    kind = {"kind": "inSource" if suppressed.in_source else "external"}
    return {**kind, "justification": suppressed.reason} if suppressed.reason else {**kind}


def _descriptor(rule: type[Rule]) -> dict[str, object]:
    first = plain(rule.pattern()) or rule.name()
    full = f"{first} {plain(section(rule, cause_heading(rule)))}".strip()
    if len(full) > _LONGEST:
        full = full[: _LONGEST - 1] + "…"
    text = explanation(rule)
    descriptor: dict[str, object] = {
        "id": rule.code,
        "name": rule.name(),
        "shortDescription": {"text": first},
        "fullDescription": {"text": full},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {
            "level": _LEVEL[rule.severity],
            "enabled": not (rule.preview or rule.opt_in),
        },
        "properties": {"tags": ["performance", "pytorch"]},
    }
    if uri := address(rule):
        descriptor["helpUri"] = uri
    return descriptor


def _result(finding: Finding, fingerprint: str, top: Path) -> dict[str, object]:
    place = _artifact(finding.path, top)
    result: dict[str, object] = {
        "ruleId": finding.code,
        "level": _LEVEL[finding.severity],
        "message": {"text": sentence(finding, with_cell=True)},
        "locations": [{"physicalLocation": {"artifactLocation": place, "region": _place(finding)}}],
        "partialFingerprints": {"statement/v1": fingerprint},
        "properties": {"confidence": finding.confidence.value},
    }
    # A fix of a notebook's cell is no replacement in the notebook's file.
    if finding.fix is not None and finding.cell is None:
        result["fixes"] = [_fix(finding.fix, place)]
    return result


def _fix(edit: Edit, place: dict[str, str]) -> dict[str, object]:
    kind = "Keeps results bit for bit." if edit.safe else "Can change what the code does: read it."
    replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
    return {
        "description": {"text": kind},
        "artifactChanges": [{"artifactLocation": place, "replacements": [replacement]}],
    }


def _place(finding: Finding) -> dict[str, int]:
    if finding.cell is None:
        return _region(finding.span)
    first, last = finding.file_lines
    return {"startLine": first, "endLine": last}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column + 1,
        "endLine": span.end_line,
        "endColumn": span.end_column + 1,
    }


def _artifact(path: str, top: Path) -> dict[str, str]:
    """Say where a file is: from the top of the repository, or in full where it lies outside."""
    if path.startswith("../") or os.path.isabs(path):
        return {"uri": _file_uri(Path(os.path.normpath(top / path)))}
    return {"uri": _quoted(path), "uriBaseId": _TOP}


def _file_uri(path: Path) -> str:
    return "file:///" + _quoted(path.as_posix()).lstrip("/")


def _quoted(path: str) -> str:
    return quote(os.fsencode(path), safe="/")


def _invocation(problems: Iterable[str]) -> dict[str, object]:
    told = [{"level": "error", "message": {"text": problem}} for problem in problems]
    return {"executionSuccessful": not told, "toolExecutionNotifications": told}
