"""The figures on how often findings are right are those of the verdicts that are kept."""

from pathlib import Path

import precision
import pytest
from torch_perflint.lints.registry import all_rules

ROOT = Path(__file__).parents[2]


def test_the_tables_in_the_docs_are_those_of_the_verdicts() -> None:
    found = precision.verdicts()
    text = (ROOT / "docs" / "precision.md").read_text()
    assert precision.samples_table(found) in text
    assert precision.rules_table(found, precision.hits()) in text
    # Prove that a changed verdict is seen.
    drawn = next(each for each in found if each.reading in precision.SAMPLES)
    assert precision.samples_table([each for each in found if each is not drawn]) not in text


def test_every_verdict_is_a_verdict() -> None:
    found = precision.verdicts()
    assert {each.verdict for each in found} == {"right", "wrong", "arguable"}
    assert all(each.version for each in found if each.reported)


@pytest.mark.parametrize("rule", sorted(precision.hits()))
def test_a_rule_that_speaks_by_default_was_read_and_found_right(rule: str) -> None:
    assert rule in {each.code for each in all_rules() if not each.preview}, f"{rule} is not on"
    read = [v for v in precision.verdicts() if v.rule == rule and v.reported]
    judged = [v.verdict for v in read if v.reading == "rule" and v.verdict != "arguable"]
    assert judged, f"{rule} was never read"
    assert judged.count("right") / len(judged) >= 0.95


def test_a_sample_holds_every_rule_and_is_the_same_again() -> None:
    many = [precision.Found("PFL101", "timm", "a.py", line, 1) for line in range(1000)]
    found = [*many, precision.Found("PFL601", "peft", "b.py", 1, 1)]
    drawn = precision.drawn(found)
    assert len(drawn) == precision.SIZE
    assert {each.rule for each in drawn} == {"PFL101", "PFL601"}
    assert drawn == precision.drawn(found[::-1])
    assert drawn != precision.drawn(found, seed=21)
