"""What a rule finds in one of its examples."""

import re

from .. import PerflintError
from .baseline import STALE, parse_baseline, stale_finding
from .engine import check_source, examine
from .finding import Finding, Span
from .meta_rule import MetaRule
from .registry import all_rules, vocabulary
from .rule import Rule
from .suppress import judge_comments
from .terms import USUAL, Terms

_MARK = re.compile(r"[ \t]*# <-$", re.MULTILINE)


def findings_in(rule: type[Rule], code: str, path: str, terms: Terms = USUAL) -> list[Finding]:
    """Return a rule's findings in an example. Raises PerflintError where it cannot be judged."""
    if not issubclass(rule, MetaRule):
        return check_source(code, path, [rule], terms)
    if rule.code == STALE[0]:
        baseline = parse_baseline(code)
        found = {Finding(path, Span(1, 0, 1, 0), "PFL101", "item-in-hot-path", ""): "8d0f"}
        return [stale_finding(entry, path, code) for entry in baseline.missing(found)]
    rules = all_rules()
    result = examine(code, path, rules)
    if result.problems:
        raise PerflintError("; ".join(result.problems))
    ran = frozenset(each.code for each in rules)
    _, meta = judge_comments(result.findings, code, path, ran, vocabulary(rules))
    return [finding for finding in meta if finding.code == rule.code]


def example_code(rule: type[Rule], code: str) -> str:
    """Return the code of an example; where comments are what is judged, without the marks."""
    return _MARK.sub("", code) if issubclass(rule, MetaRule) else code
