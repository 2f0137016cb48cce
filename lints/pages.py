"""The pages of rules, made from their docstrings and examples."""

import inspect
import json
from textwrap import dedent

from .registry import all_rules
from .rule import Invalid, Rule

# What each version changed:
# 1: the first.
JSON_VERSION = 1


def listing(output_format: str) -> str:
    """List all rules as a table, as JSON, or as one Markdown page after the other."""
    rules = all_rules()
    if output_format == "markdown":
        return "\n".join(page(rule) for rule in rules)
    if output_format == "json":
        entries = [_entry(rule) for rule in rules]
        return json.dumps({"version": JSON_VERSION, "rules": entries}, indent=1) + "\n"
    width = max(len(rule.name()) for rule in rules)
    lines = []
    for rule in rules:
        fix = "fix" if _fixes(rule) else "   "
        facts = f"{rule.code}  {rule.name():{width}}  {rule.severity.value:7}  {fix}"
        lines.append(f"{facts}  {_plain(rule.pattern())}")
    return "\n".join(lines) + "\n"


def page(rule: type[Rule]) -> str:
    """Return a rule's page as Markdown."""
    bad = _code(rule.INVALID[0])
    good = [_code(case) for case in rule.VALID[:2]]
    examples = [
        f"## Flagged\n```python\n{bad}\n```",
        *(f"## Fine\n```python\n{g}\n```" for g in good),
    ]
    doc = inspect.getdoc(rule) or ""
    head = f"# {rule.name()} ({rule.code})\nSeverity: {rule.severity.value}."
    return "\n\n".join([head, doc, *examples]) + "\n"


def _entry(rule: type[Rule]) -> dict[str, object]:
    return {
        "code": rule.code,
        "name": rule.name(),
        "severity": rule.severity.value,
        "fixes": _fixes(rule),
        "pattern": _plain(rule.pattern()),
        "page": page(rule),
    }


def _fixes(rule: type[Rule]) -> bool:
    return any(isinstance(case, Invalid) and case.fixed is not None for case in rule.INVALID)


def _code(case: str | Invalid) -> str:
    return dedent(case.code if isinstance(case, Invalid) else case).strip("\n")


def _plain(text: str) -> str:
    return " ".join(text.split())
