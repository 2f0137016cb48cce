"""Which rules run, by words in the table, in overrides and on the command line."""

from collections.abc import Sequence
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.config import Layer, LintConfig, with_command_line
from torch_perflint.lints.finding import Confidence, Finding, Severity, Span
from torch_perflint.lints.rule import Rule
from torch_perflint.lints.selection import chosen
from torch_perflint.lints.settings import visible


def _rule(name: str, code: str, *, preview: bool = False, opt_in: bool = False) -> type[Rule]:
    return type(name, (Rule,), {"code": code, "tokens": (), "preview": preview, "opt_in": opt_in})


RULES = [
    _rule("Plain", "PFL101"),
    _rule("Second", "PFL102"),
    _rule("Third", "PFL201"),
    _rule("OnTrial", "PFL301", preview=True),
    _rule("ByTaste", "PFL902", opt_in=True),
    _rule("TeamRule", "ACME101"),
]
USUAL = {"PFL101", "PFL102", "PFL201", "ACME101"}


def _codes(**keys: Any) -> set[str]:
    keys = {key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()}
    return {rule.code for rule in chosen(RULES, LintConfig(**keys))}


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ({}, USUAL),
        ({"select": ["ALL"]}, USUAL),
        ({"select": ["pfl1", "third"]}, {"PFL101", "PFL102", "PFL201"}),
        ({"select": ["ACME"]}, {"ACME101"}),
        ({"extend_select": ["PFL301"]}, USUAL | {"PFL301"}),
        ({"select": ["PFL2"], "extend_select": ["plain"]}, {"PFL201", "PFL101"}),
        ({"ignore": ["PFL1"], "extend_ignore": ["team-rule"]}, {"PFL201"}),
        # The more exact word wins; of two alike, `ignore` does.
        ({"select": ["PFL101"], "ignore": ["PFL1"]}, {"PFL101"}),
        ({"select": ["PFL1"], "ignore": ["PFL10"]}, set()),
        ({"select": ["PFL1"], "ignore": ["PFL1"]}, set()),
        ({"ignore": ["ALL"], "extend_select": ["PFL1"]}, {"PFL101", "PFL102"}),
    ],
)
def test_words_pick_rules(keys: dict[str, Any], codes: set[str]) -> None:
    assert _codes(**keys) == codes


@pytest.mark.parametrize(
    ("keys", "runs"),
    [
        ({}, False),
        ({"select": ["ALL"]}, False),
        ({"select": ["PFL3"]}, False),
        ({"preview": True}, True),
        ({"preview": True, "select": ["PFL1"]}, False),
        ({"preview": True, "select": ["PFL3"]}, True),
        ({"select": ["PFL301"]}, True),
        ({"extend_select": ["on-trial"]}, True),
        ({"preview": True, "ignore": ["PFL301"]}, False),
    ],
)
def test_a_rule_on_trial_runs_only_where_asked_for(keys: dict[str, Any], runs: bool) -> None:
    assert ("PFL301" in _codes(**keys)) is runs


@pytest.mark.parametrize(
    ("keys", "runs"),
    [
        ({"preview": True}, False),
        ({"select": ["ALL"], "preview": True}, False),
        ({"extend_select": ["PFL9"]}, False),
        ({"extend_select": ["PFL902"]}, True),
        ({"select": ["by-taste"]}, True),
    ],
)
def test_a_rule_of_taste_runs_only_by_its_own_name(keys: dict[str, Any], runs: bool) -> None:
    assert ("PFL902" in _codes(**keys)) is runs


def test_a_later_place_beats_an_earlier_one() -> None:
    config = LintConfig(select=("PFL1",), ignore=("PFL201",))
    for layers, codes in (
        ((Layer(extend=("PFL2",)),), {"PFL101", "PFL102", "PFL201"}),
        ((Layer(ignore=("PFL1",)), Layer(extend=("PFL102",))), {"PFL102"}),
        ((Layer(ignore=("PFL1",)), Layer(select=("ALL",))), USUAL),
    ):
        layered = LintConfig(select=config.select, ignore=config.ignore, layers=layers)
        assert {rule.code for rule in chosen(RULES, layered)} == codes


def test_the_command_line_ignores_what_the_table_selects_by_name() -> None:
    config = with_command_line(LintConfig(select=("PFL101",)), {"ignore": ("PFL1",)})
    assert chosen(RULES, config) == ()


@pytest.mark.parametrize(
    "config",
    [
        LintConfig(extend_select=("plane",)),
        LintConfig(per_file_ignores=(("a.py", ("plane",)),)),
        LintConfig(layers=(Layer(ignore=("plane",)),)),
    ],
)
def test_a_word_that_fits_no_rule_is_refused_wherever_it_stands(config: LintConfig) -> None:
    with pytest.raises(PerflintError, match="did you mean plain"):
        chosen(RULES, config)


def _findings() -> Sequence[Finding]:
    return [
        Finding("a.py", Span(1, 0, 1, 1), "PFL101", "plain", "x", severity, confidence)
        for severity in Severity
        for confidence in Confidence
    ]


def test_what_matters_little_or_is_unsure_is_not_shown() -> None:
    shown = visible(_findings(), LintConfig())
    assert len(shown) == 4
    assert all(finding.severity is not Severity.INFO for finding in shown)
    assert all(finding.confidence is not Confidence.POSSIBLE for finding in shown)
    everything = LintConfig(min_severity=Severity.INFO, min_confidence=Confidence.POSSIBLE)
    assert visible(_findings(), everything) == _findings()


def test_who_fails_on_notes_sees_them() -> None:
    config = with_command_line(LintConfig(), {"fail_on": Severity.INFO})
    assert config.min_severity is Severity.INFO
    both = {"fail_on": Severity.INFO, "min_severity": Severity.ERROR}
    assert with_command_line(LintConfig(), both).min_severity is Severity.ERROR
