"""Finding rules, and picking those that are wanted."""

from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints import rules as rules_package
from torch_perflint.lints.registry import all_rules, choose, find, unique
from torch_perflint.lints.rule import Rule

RULES = all_rules()


def _rule(name: str, code: str) -> type[Rule]:
    return type(name, (Rule,), {"code": code, "tokens": (), "__module__": f"somewhere.{name}"})


def _codes(*, select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> set[str]:
    return {rule.code for rule in choose(RULES, select, ignore)}


def test_each_file_in_rules_is_one_rule() -> None:
    files = {file.stem for file in Path(rules_package.__path__[0]).glob("*.py")} - {"__init__"}
    assert {rule.name().replace("-", "_") for rule in RULES} == files
    assert len(RULES) == len(files) >= 10


def test_rules_come_in_the_order_of_their_codes() -> None:
    assert [rule.code for rule in RULES] == sorted(rule.code for rule in RULES)


@pytest.mark.parametrize(
    "second", [_rule("Other", "PFL101"), _rule("ItemInHotPath", "PFL999")], ids=["code", "name"]
)
def test_a_code_or_name_that_is_taken_twice_names_both(second: type[Rule]) -> None:
    with pytest.raises(PerflintError, match="taken twice") as error:
        unique([*RULES, second])
    assert "item_in_hot_path.ItemInHotPath" in str(error.value)
    assert second.__name__ in str(error.value)


def test_rules_are_picked_by_code_start_name_and_all() -> None:
    assert _codes(select=("PFL101",)) == {"PFL101"}
    loaders = {code for code in _codes() if code.startswith("PFL2")}
    assert _codes(select=("host-copy", "pfl2")) == {"PFL104", *loaders}
    usual = {rule.code for rule in RULES if not (rule.preview or rule.opt_in)}
    assert _codes(select=("ALL",)) == _codes() == usual
    later = {code for code in usual if code.startswith("PFL1") and not code.startswith("PFL10")}
    assert _codes(select=("PFL1",), ignore=("PFL10",)) == later
    assert _codes(ignore=("ALL",)) == set()


@pytest.mark.parametrize(
    ("word", "hint"),
    [("item-in-hotpath", "item-in-hot-path"), ("PFL190", "PFL"), ("host_copy", "host-copy")],
)
def test_an_unknown_rule_is_refused_with_the_nearest_one(word: str, hint: str) -> None:
    with pytest.raises(PerflintError, match=f"did you mean {hint}"):
        choose(RULES, [word], [])
    with pytest.raises(PerflintError, match="there is no rule"):
        choose(RULES, [], ["xyzzy"])


def test_a_rule_is_found_by_code_and_by_name() -> None:
    assert find(RULES, "pfl601") is find(RULES, "graph-retention")
    with pytest.raises(PerflintError, match="did you mean graph-retention"):
        find(RULES, "graph-retentoin")


@pytest.mark.parametrize(
    ("name", "kebab"),
    [
        ("ItemInHotPath", "item-in-hot-path"),
        ("BlockingH2d", "blocking-h2d"),
        ("DDPLoop", "ddp-loop"),
    ],
)
def test_names_are_made_from_the_class(name: str, kebab: str) -> None:
    assert _rule(name, "PFL999").name() == kebab
