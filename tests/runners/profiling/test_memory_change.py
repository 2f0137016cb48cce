"""What two sides hold is compared by lines of code that are the same, and by modules."""

from torch_perflint.runners.profiling.memory import (
    Holder,
    Kept,
    LineHeld,
    ModuleHeld,
    Saved,
    StepMemory,
)
from torch_perflint.runners.profiling.memory_change import diff_memory

OLD = "a\nb\nc\nd\n"
NEW = "import x\na\nb2\nc\nd\nmore\n"


def texts(path: str) -> tuple[str, str]:
    return OLD, NEW


def test_a_line_that_only_moved_is_the_same_and_an_edited_one_has_what_it_replaces() -> None:
    base = StepMemory(
        10,
        500,
        (
            Holder("m.py:1", "Net", 100),
            Holder("m.py:2", "Net", 50),
            Holder("m.py:4", "Net.0", 30),
            Holder("m.py:4", "Net.1", 30),
            Holder("m.py:4", "Other", 500),
            Holder("", "", 7),
        ),
    )
    head = StepMemory(
        20,
        900,
        (
            Holder("m.py:2", "Net", 100),
            Holder("m.py:3", "Net", 60),
            Holder("m.py:5", "Net.0", 40),
            Holder("m.py:5", "Net.1", 90),
            Holder("m.py:5", "Other", 510),
            Holder("m.py:5", "", 900),
            Holder("m.py:6", "", 200),
            Holder("", "", 5),
        ),
    )
    found = diff_memory(base, head, texts)
    assert (found.base, found.head, found.base_before, found.head_before) == (500, 900, 10, 20)
    assert found.lines == (
        LineHeld("m.py", 5, "d", 560, 1540, False, "Net.*", 2),
        LineHeld("m.py", 6, "more", 0, 200, True, "", 0),
        LineHeld("m.py", 3, "b2", 50, 60, True, "Net", 1),
        LineHeld("", 0, "", 7, 5),
    )


def test_a_line_that_holds_nothing_any_more_is_told_as_well() -> None:
    base = StepMemory(0, 9, (Holder("m.py:3", "Net", 9),))
    assert diff_memory(base, StepMemory(0, 0), texts).lines == (LineHeld("m.py", 4, "c", 9, 0),)


def test_layers_of_a_list_are_taken_together_and_a_single_one_keeps_its_number() -> None:
    base = StepMemory(0, 0, saved=(Saved("Net.0.a", 10), Saved("Net.1.a", 10), Saved("Net.3", 1)))
    head = StepMemory(0, 0, saved=(Saved("Net.0.a", 10), Saved("Net.1.a", 30), Saved("Net.3", 2)))
    assert diff_memory(base, head, texts).saved == (
        ModuleHeld("Net.*.a", "", 20, 40),
        ModuleHeld("Net.3", "", 1, 2),
    )


def test_modules_are_compared_by_name_the_largest_growth_first() -> None:
    base = StepMemory(
        0, 0, saved=(Saved("Net.a", 10), Saved("Net.b", 20)), kept=(Kept("Net", "gradients", 3),)
    )
    head = StepMemory(
        0,
        0,
        saved=(Saved("Net.a", 10), Saved("Net.c", 90), Saved("Net.b", 5)),
        kept=(Kept("Net", "gradients", 3), Kept("Net", "optimizer state", 6)),
    )
    found = diff_memory(base, head, texts)
    assert found.saved == (ModuleHeld("Net.c", "", 0, 90), ModuleHeld("Net.b", "", 20, 5))
    assert found.kept == (ModuleHeld("Net", "optimizer state", 0, 6),)
