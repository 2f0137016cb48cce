"""How often each rule was found and what that costs in every step, as a table or as JSON."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from .finding import Finding, Severity
from .outcome import Outcome, fixes, summary
from .rule import Cost

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
    told = [*lines, *_estimate(outcome), summary(outcome.result)]
    return "".join(line.rstrip() + "\n" for line in told)


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
        "estimated_per_step": {cost.name.lower(): n for cost, n in _per_step(outcome).items()},
        "problems": list(outcome.result.problems),
        "files": outcome.result.files,
    }
    return json.dumps(document, indent=1) + "\n"


def _by_rule(outcome: Outcome) -> list[list[Finding]]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in outcome.result.findings:
        groups[finding.code].append(finding)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].code))


def _estimate(outcome: Outcome) -> Iterator[str]:
    """Say what the findings cost in every step, and on what assumption."""
    counts = _per_step(outcome)
    if counts:
        kinds = ", ".join(f"{n} {cost.value[n != 1]}" for cost, n in counts.items())
        yield (
            f"estimated for every step: {kinds}, if each of these places runs once in it; "
            "`perflint ci` measures what that costs"
        )


def _per_step(outcome: Outcome) -> dict[Cost, int]:
    """Count the places that cost something in every step, each once, however many rules see it."""
    if not outcome.result.findings:
        return {}
    from .registry import all_rules, known_rules

    known = all_rules() if outcome.config is None else known_rules(outcome.config).rules
    costs = {rule.code: rule.cost for rule in known}
    places = {
        (cost, finding.path, finding.span.line)
        for finding in outcome.result.findings
        if finding.why and finding.severity is not Severity.INFO
        if (cost := costs.get(finding.code)) is not None
    }
    counts = Counter(cost for cost, *_ in places)
    return {cost: counts[cost] for cost in Cost if counts[cost]}


def _fixable(group: list[Finding]) -> str:
    fixable = fixes(group)
    return f"fixable: {fixable}" if fixable else ""
