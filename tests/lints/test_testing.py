"""A rule that breaks a promise is told so, each promise in its own words."""

import libcst as cst
import pytest
from torch_perflint.lints.finding import Severity
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rule import Invalid, Rule
from torch_perflint.lints.testing import broken_promises

PAGE = "What it looks for.\n\n## Why it is slow\nx\n\n## Instead\nx\n\n## When it is fine\nx\n"


class SlowCall(Rule):
    __doc__ = PAGE
    code = "ACME101"
    tokens = ("slow",)
    hot_only = False
    VALID = ("import torch\nfast(slow)\n",)
    INVALID = ("import torch\nslow()  # <-\n",)

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Name) and node.func.value == "slow":
            self.report(node, "slow")


class FixedCall(SlowCall):
    __doc__ = PAGE + "\n## Fix safety\nx\n"
    code = "ACME102"
    INVALID = (Invalid("import torch\nslow()  # <-\n", fixed="import torch\nfast()  # <-\n"),)

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Name) and node.func.value == "slow":
            self.report(node, "slow", fix=cst.parse_expression("fast()"))


class Raising(SlowCall):
    code = "ACME103"

    def visit_Call(self, node: cst.Call) -> None:
        raise ValueError("no")


class Noting(SlowCall):
    __doc__ = PAGE
    code = "ACME104"
    notes = True
    VALID = ("import torch\nslow()  # <- info\n",)
    INVALID = ("import torch\nsleep(slow)  # <-\nslow()  # <- info\n",)
    said = Severity.INFO

    def visit_Call(self, node: cst.Call) -> None:
        if self.facts.code(node.func) == "sleep":
            self.report(node, "slow")
        elif self.facts.terms.notes and self.facts.code(node.func) == "slow":
            self.report(node, "slow", severity=self.said)


class NotingLoudly(Noting):
    code = "ACME105"
    said = Severity.WARNING


@pytest.mark.parametrize("rule", [SlowCall, FixedCall, Noting])
def test_a_rule_that_keeps_its_promises_is_told_nothing(rule: type[Rule]) -> None:
    assert [*broken_promises(rule)] == []


@pytest.mark.parametrize(
    ("base", "changed", "sentence"),
    [
        (SlowCall, {"__doc__": ""}, "no heading '## Why it is slow'"),
        (SlowCall, {"__doc__": PAGE + "## Fix safety\n"}, "no example shows a fix"),
        (FixedCall, {"__doc__": PAGE}, "no heading '## Fix safety'"),
        (SlowCall, {"VALID": ()}, "VALID has 0 of at least 1"),
        (SlowCall, {"INVALID": ()}, "INVALID has 0 of at least 1"),
        (SlowCall, {"VALID": ("import torch\nslow()\n",)}, "VALID 1: line 2 is flagged"),
        (SlowCall, {"VALID": ("import torch\nfast()\n",)}, "it proves nothing"),
        (SlowCall, {"VALID": ("import torch\nslow(\n",)}, "VALID 1: valid.py: line 2"),
        (SlowCall, {"INVALID": ("import torch\nslow()\n",)}, "no line is marked"),
        (SlowCall, {"INVALID": ("import torch\nslow  # <-\n",)}, "line 2 is not flagged"),
        (
            SlowCall,
            {"INVALID": ("import torch\nslow()\nslow()  # <-\n",)},
            "line 2 is flagged without a mark",
        ),
        (SlowCall, {"INVALID": ("import torch\nslow(slow())  # <-\n",)}, "more than once"),
        (FixedCall, {"INVALID": SlowCall.INVALID}, "does not show what the fix makes"),
        (
            FixedCall,
            {"INVALID": (Invalid("import torch\nslow()  # <-\n", fixed="slow()  # <-\n"),)},
            "the fix makes something else",
        ),
        (
            SlowCall,
            {
                "__doc__": PAGE + "## Fix safety\n",
                "INVALID": (Invalid(SlowCall.INVALID[0], fixed=SlowCall.INVALID[0]),),
            },
            "line 2 of the fixed code is flagged",
        ),
        (Raising, {}, "the rule raising failed"),
        (Noting, {"VALID": ("import torch\nslow()\n",)}, "line 2 is a note without a mark"),
        (Noting, {"VALID": ("import torch\nfast(slow)  # <- info\n",)}, "line 2 is no note"),
        (NotingLoudly, {}, "the note of line 2 is no info"),
    ],
)
def test_a_broken_promise_is_named(
    base: type[Rule], changed: dict[str, object], sentence: str
) -> None:
    rule = type(base.__name__, (base,), {"__doc__": base.__doc__, **changed})
    assert any(sentence in said for said in broken_promises(rule)), [*broken_promises(rule)]


def test_rules_about_comments_are_held_to_their_promises_too() -> None:
    [rule] = [rule for rule in all_rules() if rule.code == "PFL901"]
    broken = type(
        "UnusedSuppression", (rule,), {"__doc__": rule.__doc__, "VALID": rule.INVALID[:0]}
    )
    assert [*broken_promises(rule)] == []
    assert any("VALID has 0" in said for said in broken_promises(broken))
    flagged = type(
        rule.__name__, (rule,), {"__doc__": rule.__doc__, "VALID": (rule.INVALID[0].code,)}
    )
    assert any("VALID 1: line 3 is flagged" in said for said in broken_promises(flagged))
