"""Every rule keeps the promises of its own docstring and examples."""

import pytest
from torch_perflint.lints import testing
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rule import Invalid, Rule

RULES = all_rules()


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, case, id=f"{rule.name()}-{number}")
        for rule in RULES
        for number, case in enumerate(getattr(rule, kind))
    ]


@pytest.mark.parametrize(("rule", "case"), _cases("VALID"))
def test_valid_code_is_left_alone(rule: type[Rule], case: str) -> None:
    assert [*testing.leaves_alone(rule, case)] == []


@pytest.mark.parametrize(("rule", "case"), _cases("VALID"))
def test_valid_code_holds_what_the_rule_looks_for(rule: type[Rule], case: str) -> None:
    assert [*testing.holds_a_token(rule, case)] == []


@pytest.mark.parametrize(("rule", "case"), _cases("INVALID"))
def test_marked_lines_are_flagged_and_no_others(rule: type[Rule], case: str | Invalid) -> None:
    assert [*testing.flags_marked_lines(rule, case)] == []


@pytest.mark.parametrize(("rule", "case"), [*_cases("VALID"), *_cases("INVALID")])
def test_notes_are_told_of_marked_lines_and_no_others(
    rule: type[Rule], case: str | Invalid
) -> None:
    assert [*testing.notes_marked_lines(rule, case)] == []


@pytest.mark.parametrize(("rule", "case"), _cases("INVALID"))
def test_fixed_code_is_as_promised_and_stays_clean(rule: type[Rule], case: str | Invalid) -> None:
    assert [*testing.fixes_as_promised(rule, case)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name())
def test_rule_is_documented_and_sits_in_the_file_of_its_name(rule: type[Rule]) -> None:
    assert [*testing.is_documented(rule), *testing.sits_in_its_file(rule)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name())
def test_rule_shows_both_sides(rule: type[Rule]) -> None:
    assert [*testing.shows_both_sides(rule, valid=3, invalid=2)] == []
