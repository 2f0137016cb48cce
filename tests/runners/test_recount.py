"""A count over its budget is counted once more: another build of the same code has to agree."""

import pytest
from torch_perflint.runners.assemble import Measured, result_of
from torch_perflint.runners.counters.examined import Examined
from torch_perflint.runners.recount import differ, over_budget, recount
from torch_perflint.runners.result import Failure
from torch_perflint.runners.sample import Counts, PerfTest, Side

BUDGETS = {"host_syncs": 0, "copies": 2}


def counted(**values: int) -> Examined:
    return Examined(counts=Counts(values))


def after(base: Examined, head: Examined, *again: Examined) -> tuple[Measured, int]:
    """Recount a test; return it, and how often a side was counted again."""
    measured = Measured(PerfTest("t.py::t", "t.py", 1))
    measured.examined = {Side.BASE: base, Side.HEAD: head}
    more = dict(zip(Side, again, strict=True)) if again else {}
    asked: list[Side] = []

    def examine(side: Side) -> Examined:
        asked.append(side)
        return more[side]

    recount(measured, BUDGETS, examine)
    return measured, len(asked)


def test_what_is_within_its_budget_is_not_counted_again() -> None:
    measured, asked = after(counted(host_syncs=2, copies=3), counted(host_syncs=1, copies=5))
    assert (asked, measured.notes) == (0, [])


def test_what_comes_again_stays_a_regression() -> None:
    base, head = counted(host_syncs=1, operators=9), counted(host_syncs=2, operators=8)
    measured, asked = after(base, head, counted(host_syncs=1), counted(host_syncs=2))
    assert (asked, measured.notes) == (2, [])
    assert measured.examined == {Side.BASE: base, Side.HEAD: head}


def test_what_another_build_counts_otherwise_is_unstable_and_told() -> None:
    base, head = counted(host_syncs=5, operators=9), counted(host_syncs=6, operators=9)
    measured, _ = after(base, head, counted(host_syncs=7), counted(host_syncs=6))
    for side in Side:
        counts = measured.examined[side].counts
        assert (counts.values, counts.unstable) == ({"operators": 9}, {"host_syncs": (5, 7)})
    assert measured.notes[0].startswith("the same code counts host syncs otherwise each time")


def test_a_side_that_fails_when_it_is_counted_again_keeps_its_counts() -> None:
    base, head = counted(host_syncs=1), counted(host_syncs=2)
    measured, _ = after(base, head, Examined(failure=Failure("x", "")), Examined(skipped="x"))
    assert measured.examined == {Side.BASE: base, Side.HEAD: head}


def test_what_differs_between_builds_has_not_grown_for_certain() -> None:
    """Two builds of head may both lie above two of base by chance: in one of six cases."""
    measured, _ = after(*(counted(host_syncs=n) for n in (5, 8, 6, 9)))
    result = result_of(measured, None, BUDGETS, lambda path: ("", ""))
    assert (result.over_budget, result.unstable) == ((), ("host_syncs",))


@pytest.mark.parametrize(
    ("again", "differs"),
    [
        (Counts({"host_syncs": 4}, steps={"host_syncs": 4}), False),  # the same, in another round
        (Counts({"host_syncs": 2}, steps={"host_syncs": 2}), False),
        (Counts({"host_syncs": 6}, steps={"host_syncs": 4}), True),
        (Counts({}, {"host_syncs": (0, 3)}), True),
        (Counts({}), False),  # there was no time to count it
    ],
)
def test_rounds_of_several_steps_are_brought_together(again: Counts, differs: bool) -> None:
    first = Counts({"host_syncs": 2}, steps={"host_syncs": 2})
    assert differ(first, again, "host_syncs") == differs


def test_a_budget_is_per_step() -> None:
    base = Counts({"copies": 4}, steps={"copies": 4})
    assert over_budget(base, Counts({"copies": 3}), BUDGETS) == []
    assert over_budget(base, Counts({"copies": 4}), BUDGETS) == ["copies"]
    assert over_budget(base, Counts({}), BUDGETS) == []
