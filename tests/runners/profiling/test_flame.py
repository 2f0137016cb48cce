"""The tree of lines and operators that a flame graph shows."""

from torch_perflint.runners.profiling.captured import Block, blocks
from torch_perflint.runners.profiling.flame import DEEPEST, Frame, flame
from torch_perflint.runners.profiling.recording import Kind, Line, Marks, Recording

from .rows import Event, columns

A, B, C = (("net.py", number) for number in (1, 2, 3))


def marks(*reached: tuple[int, Line | None, int]) -> Marks:
    times, lines, depths = zip(*reached, strict=True)
    return Marks(times, lines, 1, depths)


def tree(frame: Frame) -> object:
    below = {name: tree(child) for name, child in frame.children.items()}
    return (frame.nanoseconds, below) if below else frame.nanoseconds


def test_lines_stand_on_what_calls_them_and_operators_on_lines() -> None:
    events = [
        Event("mm", 12, 18, 1),
        Event("addmm", 13, 17, 1),
        Event("add", 32, 40, 1),
        Event("other", 50, 60, 2),
        Event("mine", 61, 63, 1, kind=Kind.ANNOTATION),
    ]
    at = marks((10, A, 1), (20, B, 1), (30, C, 2), (50, B, 1), (70, None, 0))
    whole = flame(Recording(columns(events), at, [(10, 70)]))
    assert tree(whole) == (
        60,
        {"net.py:1": (10, {"mm": 6}), "net.py:2": (50, {"net.py:3": (20, {"add": 8})})},
    )


def test_steps_are_added_up_and_what_lies_between_them_is_left_out() -> None:
    at = marks((0, A, 1), (100, None, 0))
    events = [Event("mm", start, start + 10, 1) for start in (10, 40, 70)]
    whole = flame(Recording(columns(events), at, [(5, 25), (60, 90)]))
    assert tree(whole) == (50, {"net.py:1": (50, {"mm": 20})})


def test_an_operator_that_calls_lines_again_is_cut_at_them() -> None:
    at = marks((0, A, 1), (40, B, 2), (60, A, 1), (100, None, 0))
    whole = flame(Recording(columns([Event("call", 20, 80, 1)]), at, [(0, 100)]))
    assert tree(whole) == (
        100,
        {"net.py:1": (100, {"call": 20 + 20, "net.py:2": (20, {"call": 20})})},
    )


def test_what_is_too_narrow_to_be_seen_is_left_out() -> None:
    at = marks((0, A, 1), (100_000, B, 1), (100_050, None, 0))
    assert tree(flame(Recording(columns([]), at, [(0, 100_050)]))) == (
        100_050,
        {"net.py:1": 100_000},
    )


def test_blocks_are_those_of_a_step_by_the_clock() -> None:
    frame = Frame("step", 100, {"a": Frame("a", 30), "b": Frame("b", 50, {"c": Frame("c", 25)})})
    wide = Block("b", 2.5, (Block("c", 1.25),))
    assert blocks(frame, 5.0) == Block("step", 5.0, (wide, Block("a", 1.5)))


def test_a_function_that_calls_itself_a_thousand_times_stops_somewhere() -> None:
    """What reads and writes trees calls itself as well, and Python ends at some depth."""
    deep = marks(*((n, A, n) for n in range(1, 1000)), (2000, None, 0))
    whole = flame(Recording(columns([Event("mm", 1500, 1600, 1)]), deep, [(1, 2000)]))
    block, depth = blocks(whole, 1.0), 0
    while block.blocks and block.blocks[0].name == "net.py:1":
        block, depth = block.blocks[0], depth + 1
    assert depth == DEEPEST
    assert [one.name for one in block.blocks] == ["mm"]
