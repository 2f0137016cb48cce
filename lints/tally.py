"""How often each rule was found, as a table or as JSON."""

import json
from collections import defaultdict

from .finding import Finding
from .outcome import Outcome, fixes, summary

# What each version changed:
# 1: the first.
VERSION = 1


def as_text(outcome: Outcome) -> str:
    """Show a line for each rule, the most frequent first, and the summary."""
    groups = _by_rule(outcome)
    digits = max((len(str(len(group))) for group in groups), default=0)
    width = max((len(group[0].rule) for group in groups), default=0)
    lines = [
        f"{len(group):{digits}}  {group[0].code}  {group[0].rule:{width}}  {_fixable(group)}"
        for group in groups
    ]
    return "".join(line.rstrip() + "\n" for line in [*lines, summary(outcome.result)])


def as_json(outcome: Outcome) -> str:
    """Write the same as one document."""
    rules = [
        {
            "code": group[0].code,
            "name": group[0].rule,
            "findings": len(group),
            "safe_fixes": sum(f.fix is not None and f.fix.safe for f in group),
            "unsafe_fixes": sum(f.fix is not None and not f.fix.safe for f in group),
        }
        for group in _by_rule(outcome)
    ]
    document = {
        "version": VERSION,
        "rules": rules,
        "problems": list(outcome.result.problems),
        "files": outcome.result.files,
    }
    return json.dumps(document, indent=1) + "\n"


def _by_rule(outcome: Outcome) -> list[list[Finding]]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in outcome.result.findings:
        groups[finding.code].append(finding)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].code))


def _fixable(group: list[Finding]) -> str:
    fixable = fixes(group)
    return f"fixable: {fixable}" if fixable else ""
