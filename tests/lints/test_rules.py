"""Every rule keeps the promises of its own docstring and examples."""

import inspect
from pathlib import Path
from textwrap import dedent

import pytest
from torch_perflint.lints.engine import apply_fixes, check_source
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rule import Invalid, Rule

RULES = all_rules()


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, case, id=f"{rule.name()}-{number}")
        for rule in RULES
        for number, case in enumerate(getattr(rule, kind))
    ]


def _invalid(case: str | Invalid) -> Invalid:
    case = Invalid(case) if isinstance(case, str) else case
    return Invalid(dedent(case.code), case.fixed and dedent(case.fixed))


@pytest.mark.parametrize(("rule", "case"), _cases("VALID"))
def test_valid_code_is_left_alone(rule: type[Rule], case: str) -> None:
    assert check_source(dedent(case), "valid.py", [rule]) == []


@pytest.mark.parametrize(("rule", "case"), _cases("VALID"))
def test_valid_code_holds_what_the_rule_looks_for(rule: type[Rule], case: str) -> None:
    """A case that the prefilter already leaves out would prove nothing."""
    assert any(token in case for token in rule.tokens)


@pytest.mark.parametrize(("rule", "case"), _cases("INVALID"))
def test_marked_lines_are_flagged_and_no_others(rule: type[Rule], case: str | Invalid) -> None:
    code = _invalid(case).code
    marked = [n for n, line in enumerate(code.splitlines(), 1) if line.endswith("# <-")]
    assert marked, "mark each line that must be flagged with '# <-'"
    assert [f.span.line for f in check_source(code, "invalid.py", [rule])] == marked


@pytest.mark.parametrize(("rule", "case"), _cases("INVALID"))
def test_fixed_code_is_as_promised_and_stays_clean(rule: type[Rule], case: str | Invalid) -> None:
    case = _invalid(case)
    findings = check_source(case.code, "invalid.py", [rule])
    if case.fixed is None:
        assert not any(f.fix for f in findings), "a rule that fixes must show what the fix makes"
        return
    assert apply_fixes(case.code, findings) == case.fixed
    assert check_source(case.fixed, "fixed.py", [rule]) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name())
def test_rule_is_documented_and_sits_in_the_file_of_its_name(rule: type[Rule]) -> None:
    doc = inspect.getdoc(rule) or ""
    for heading in ("## Why it is slow", "## Instead", "## When it is fine"):
        assert heading in doc
    fixes = any(isinstance(case, Invalid) and case.fixed for case in rule.INVALID)
    assert ("## Fix safety" in doc) == fixes
    assert Path(inspect.getfile(rule)).stem == rule.name().replace("-", "_")
    module = inspect.getmodule(rule)
    assert module
    assert module.__doc__ == f"{rule.code} {rule.name()}."


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name())
def test_rule_shows_both_sides(rule: type[Rule]) -> None:
    assert len(rule.VALID) >= 3
    assert len(rule.INVALID) >= 2
