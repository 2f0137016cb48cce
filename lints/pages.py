"""The pages of rules, made from their docstrings and examples."""

import inspect
import re
from functools import cache
from textwrap import dedent

from . import rules as our_rules
from .examples import example_code, findings_in
from .rule import Invalid, Rule

# What the package calls the address below which the pages of our rules can be read.
_LABEL = "Rules"
_MOST_EXAMPLES = 3
_STATES = {
    "on": "on by default",
    "preview": "off until it is selected (preview)",
    "opt-in": "only where its code or name is selected",
}


def page(rule: type[Rule]) -> str:
    """Return a rule's page as Markdown."""
    title = f"# {rule.name()} ({rule.code})"
    parts = [title, _facts(rule), explanation(rule), *_examples(rule)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def explanation(rule: type[Rule]) -> str:
    """Return what a rule says about itself: cause, remedy, when it is fine."""
    return inspect.getdoc(rule) or ""


def section(rule: type[Rule], heading: str) -> str:
    """Return what a rule's page says under one of its headings, "" where it has none."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)",
        explanation(rule),
        re.MULTILINE | re.DOTALL,
    )
    return found[1].strip() if found else ""


def plain(text: str) -> str:
    """Put a text that was broken into lines into one."""
    return " ".join(text.split())


def file_name(rule: type[Rule]) -> str:
    """Name the file of a rule's page."""
    return f"{rule.name()}.md"


def address(rule: type[Rule]) -> str | None:
    """Say where a rule's page can be read, where the package says so.

    The pages of a team's own rules are wherever it keeps them.
    """
    ours = rule.__module__.startswith(our_rules.__name__ + ".")
    below = _published() if ours else None
    return f"{below.rstrip('/')}/{file_name(rule)}" if below else None


def has_fix(rule: type[Rule]) -> bool:
    """Whether an example shows what a fix makes of it."""
    return any(isinstance(case, Invalid) and case.fixed is not None for case in rule.INVALID)


def state(rule: type[Rule]) -> str:
    """Say when a rule runs: `on`, or only in a `preview`, or where it is named (`opt-in`)."""
    if rule.opt_in:
        return "opt-in"
    return "preview" if rule.preview else "on"


def fix_kind(rule: type[Rule]) -> str:
    """Say which fixes a rule has, as its own examples show: a fix is safe in one place only."""
    kinds = {
        finding.fix.safe
        for case in rule.INVALID
        if isinstance(case, Invalid) and case.fixed is not None
        for finding in findings_in(rule, example_code(rule, dedent(case.code)), "example.py")
        if finding.fix is not None
    }
    return {(): "none", (True,): "safe", (False,): "unsafe"}.get(tuple(kinds), "safe or unsafe")


@cache
def _published() -> str | None:
    """Return the address among the package's `[project.urls]`, None where it gives none."""
    # Only where links are wanted: importing this takes as long as a small check.
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        addresses = metadata("torch-perflint").get_all("Project-URL") or ()
    except PackageNotFoundError:  # run from its sources
        return None
    told = dict(each.split(", ", 1) for each in addresses)
    return told.get(_LABEL)


def _facts(rule: type[Rule]) -> str:
    told = f"Severity: {rule.severity.value}. Runs: {_STATES[state(rule)]}. Fix: {fix_kind(rule)}."
    if rule.since > Rule.since:
        told += f" From PyTorch {'.'.join(map(str, rule.since))} on."
    return told


def _examples(rule: type[Rule]) -> list[str]:
    told = ["## Flagged"]
    for case in rule.INVALID[:_MOST_EXAMPLES]:
        told.append(_block(case.code if isinstance(case, Invalid) else case))
        if isinstance(case, Invalid) and case.fixed is not None:
            told += ["Fixed:", _block(case.fixed.replace("  # <-", ""))]
    return [*told, "## Fine", *(_block(case) for case in rule.VALID[:_MOST_EXAMPLES])]


def _block(code: str) -> str:
    text = dedent(code).strip("\n")
    return f"```python\n{text}\n```"
