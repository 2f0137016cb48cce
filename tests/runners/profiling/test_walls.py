"""Marks become the time that each line takes by the clock, with and without what it calls."""

from torch_perflint.runners.profiling.recording import Line, Marks
from torch_perflint.runners.profiling.walls import walls

A, B, C, D = (("net.py", number) for number in (1, 2, 3, 4))


def marks(*reached: tuple[int, Line | None, int]) -> Marks:
    times, lines, depths = zip(*reached, strict=True)
    return Marks(times, lines, 1, depths)


NESTED = marks(
    (10, A, 1), (20, B, 1), (30, C, 2), (60, D, 2), (65, B, 1), (80, A, 1), (90, None, 0)
)


def test_a_line_has_its_own_time_and_that_of_what_it_calls() -> None:
    [step] = walls(NESTED, [(0, 100)])
    assert step.own == {A: 10 + 10, B: 10 + 15, C: 30, D: 5}
    assert step.total == {A: 20, B: 60, C: 30, D: 5}


def test_a_step_begins_and_ends_within_a_line() -> None:
    first, second, third = walls(NESTED, [(15, 35), (35, 62), (62, 70)])
    assert first.own == {A: 5, B: 10, C: 5}
    assert first.total == {A: 5, B: 15, C: 5}
    assert second.total == {B: 27, C: 25, D: 2}
    assert third.total == {D: 3, B: 8}


def test_what_lies_between_steps_is_nobodys() -> None:
    steps = walls(NESTED, [(10, 20), (80, 95)])
    assert [step.total for step in steps] == [{A: 10}, {A: 10}]


def test_a_function_that_calls_itself_counts_once() -> None:
    [step] = walls(marks((0, A, 1), (10, A, 2), (30, A, 1), (40, None, 0)), [(0, 40)])
    assert step.own == step.total == {A: 40}


def test_a_function_whose_line_is_not_known_yet_takes_nothing() -> None:
    [step] = walls(marks((0, A, 1), (10, B, 3), (20, None, 0)), [(0, 20)])
    assert step.own == {A: 10, B: 10}
    assert step.total == {A: 20, B: 10}


def test_marks_without_depths_are_flat() -> None:
    [step] = walls(Marks([0, 10, 20], [A, B, None], 1), [(0, 30)])
    assert step.own == step.total == {A: 10, B: 10}
