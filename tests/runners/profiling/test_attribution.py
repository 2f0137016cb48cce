"""Profiler events and line marks become time per operator and per line."""

from collections.abc import Sequence

import pytest
from torch_perflint.runners.profiling.attribution import StepProfile, merge, summarize, together
from torch_perflint.runners.profiling.profile import LineTime, OperatorTime
from torch_perflint.runners.profiling.recording import Line, Marks

from .rows import Event, columns

A, B, C = ("net.py", 1), ("net.py", 2), ("net.py", 3)
MAIN, OTHER = 1, 2


def marks(*reached: tuple[int, Line | None]) -> Marks:
    return Marks([time for time, _ in reached], [line for _, line in reached], MAIN)


def event(name: str, start: int, end: int, **more: int | bool) -> Event:
    return Event(name, start, end, thread=int(more.pop("thread", MAIN)), **more)  # type: ignore[arg-type]


def one_step(events: Sequence[Event], at: Marks) -> StepProfile:
    end = max([event.end for event in events], default=1)
    (step,) = summarize(columns(events), at, [(0, end)])
    return step


def test_what_ran_inside_a_call_is_not_its_own_time() -> None:
    events = [
        event("linear", 10, 100),
        event("addmm", 20, 60),
        event("copy", 30, 40),
        event("t", 60, 70),
        event("relu", 100, 130),
    ]
    for order in (events, events[::-1]):
        step = one_step(order, marks((0, A), (95, B)))
        assert step.times == {"linear": 40, "addmm": 30, "copy": 10, "t": 10, "relu": 30}
        assert step.lines == {A: 90, B: 30}
        assert step.calls["copy"] == 1


def test_two_calls_that_begin_together_are_nested_by_their_length() -> None:
    step = one_step([event("inner", 10, 20), event("outer", 10, 50)], marks((0, A)))
    assert step.times == {"outer": 30, "inner": 10}


def test_backward_time_goes_to_the_line_of_the_forward_operator() -> None:
    events = [
        event("linear", 10, 20, sequence=5),
        event("relu", 30, 40, sequence=6),
        event("ReluBackward", 100, 110, sequence=6, backward=True),
        event("LinearBackward", 110, 150, sequence=5, backward=True),
    ]
    step = one_step(events, marks((0, A), (25, B), (90, C)))
    assert step.lines == {A: 10 + 40, B: 10 + 10}


def test_an_operator_without_gradient_does_not_take_the_number_of_the_next_one() -> None:
    # The profiler tells the number that comes next, so `normalize` has that of `linear`.
    events = [
        event("normalize", 10, 20, sequence=5),
        event("linear", 30, 40, sequence=5),
        event("LinearBackward", 110, 150, sequence=5, backward=True),
    ]
    step = one_step(events, marks((0, A), (25, B), (90, C)))
    assert step.lines == {A: 10, B: 10 + 40}


def test_all_that_a_backward_function_calls_follows_it() -> None:
    events = [
        event("linear", 10, 20, sequence=5),
        event("LinearBackward", 100, 200, sequence=5, backward=True),
        event("mm", 110, 150, sequence=9),
        event("copy", 120, 130),
        event("add", 200, 220),
    ]
    step = one_step(events, marks((0, A), (90, C)))
    assert step.times["LinearBackward"] == 60
    assert step.lines == {A: 10 + 100, C: 20}


def test_a_backward_function_of_unknown_origin_stays_with_the_line_that_called_it() -> None:
    step = one_step([event("Accumulate", 100, 120, backward=True)], marks((0, A), (90, C)))
    assert step.lines == {C: 20}


def test_other_threads_have_operators_but_lines_only_by_sequence_number() -> None:
    events = [
        event("linear", 10, 20, sequence=5),
        event("LinearBackward", 30, 70, sequence=5, backward=True, thread=OTHER),
        event("mm", 40, 60, thread=OTHER),
        event("load", 80, 90, thread=OTHER),
    ]
    step = one_step(events, marks((0, A)))
    assert step.times == {"linear": 10, "LinearBackward": 20, "mm": 20, "load": 10}
    assert step.lines == {A: 10 + 40}


def test_sequence_numbers_of_other_threads_are_not_mixed_up() -> None:
    events = [
        event("stranger", 5, 6, sequence=5, thread=OTHER),
        event("LinearBackward", 30, 70, sequence=5, backward=True),
    ]
    assert one_step(events, marks((0, A), (20, C))).lines == {C: 40}


def test_on_a_device_the_kernels_count_and_the_host_only_where_it_waits() -> None:
    events = [
        event("linear", 10, 50, device=0),
        event("addmm", 20, 40, device=300),
        event("cudaStreamSynchronize", 60, 90, device=0),
        event("cudaLaunchKernel", 25, 30, device=0),
    ]
    step = one_step(events, marks((0, A), (55, B)))
    assert step.times == {
        "linear": 0,
        "addmm": 300,
        "cudaStreamSynchronize": 30,
        "cudaLaunchKernel": 0,
    }
    assert step.lines == {A: 300, B: 30}


def test_events_belong_to_the_step_in_which_they_begin() -> None:
    events = [event("early", 5, 9), event("mm", 10, 25), event("mm", 20, 60), event("mm", 70, 71)]
    first, second = summarize(columns(events), marks((0, A)), [(10, 20), (20, 80)])
    assert (first.calls, second.calls) == ({"mm": 1}, {"mm": 2})


def test_time_before_the_first_line_and_after_the_last_has_no_line() -> None:
    at = marks((10, A), (20, None))
    for start, lines in ((5, {}), (10, {A: 1}), (19, {A: 1}), (20, {})):
        assert one_step([event("mm", start, start + 1)], at).lines == lines


def test_the_median_step_is_told_so_that_one_disturbed_step_changes_nothing() -> None:
    def step(mm: int, calls: int) -> StepProfile:
        events = [event("mm", 0, mm), *(event("add", mm, mm) for _ in range(calls))]
        return one_step(events, marks((0, A)))

    summary = merge([step(1_000_000, 2), step(90_000_000, 2), step(2_000_000, 3)])
    assert summary.steps == 3
    assert summary.operators == (OperatorTime("add", 0.0, 2.0), OperatorTime("mm", 2.0, 1.0))
    # In the middle step, and in most of them, one call was recorded before the line was left.
    assert summary.lines == (LineTime(*A, 2.0, 2.0, 2.0, None, 1.0, 1.0),)


def test_of_five_steps_and_more_the_middle_ones_count_with_their_error() -> None:
    def step(mm: int) -> StepProfile:
        return one_step([event("mm", 0, mm)], marks((0, A)))

    summary = merge([step(one * 1_000_000) for one in (1, 90, 2, 3, 2)])
    (mm,) = summary.operators
    assert mm.milliseconds == (2 + 2 + 3) / 3
    # The winsorised values are 2, 2, 2, 3, 3; Yuen's error takes them for three of five.
    assert mm.error == pytest.approx(0.3**0.5 / (0.6 * 5**0.5))
    assert summary.lines[0].error == mm.error


def test_the_parts_of_the_usual_steps_add_up_to_these_steps() -> None:
    steps = [
        one_step([event("mm", 0, 10 * n), event("copy", 10 * n, 12 * n)], marks((2, A)))
        for n in (1, 2, 3, 4, 50)
    ]
    summary = merge(steps)
    assert summary.step_ms == pytest.approx((2 + 3 + 4) * 12 / 3 / 1e6)
    assert sum(part.milliseconds for part in summary.parts) == pytest.approx(summary.step_ms)


def test_a_line_costs_its_time_by_the_clock_and_backward_goes_to_its_cause() -> None:
    events = [
        event("linear", 10, 20, sequence=5),
        event("LinearBackward", 110, 150, sequence=5, backward=True),
        event("mm", 120, 140),
    ]
    step = one_step(events, marks((0, A), (30, B), (100, C), (160, None)))
    assert step.lines == {A: 10 + 40}
    # Python's time beside the operators is in it: nobody else spends it.
    assert step.costs == {A: 30 + 40, B: 70, C: 50 - 40}
    assert step.walls.own == {A: 30, B: 70, C: 50}


def test_on_a_device_lines_cost_what_their_kernels_take() -> None:
    events = [event("mm", 10, 20, device=300), event("wait", 20, 90, device=0)]
    step = one_step(events, marks((0, A)))
    assert step.costs == step.lines == {A: 300}
    assert merge([step]).on_device


def test_an_operator_that_most_steps_lack_has_a_median_of_nothing() -> None:
    rare = one_step([event("rare", 0, 5_000_000)], marks((0, A)))
    usual = one_step([event("mm", 0, 1_000_000)], marks((0, B)))
    summary = merge([rare, usual, usual])
    assert {op.name: op.milliseconds for op in summary.operators} == {"rare": 0.0, "mm": 1.0}
    assert {(line.line, line.milliseconds) for line in summary.lines} == {(1, 0.0), (2, 1.0)}


def test_the_steps_of_a_round_are_one_value() -> None:
    def step(mm: int, calls: int = 1) -> StepProfile:
        return one_step([event("mm", 0, mm)] * calls, marks((0, A)))

    one = together([step(1_000_000), step(3_000_000)])
    assert (one.steps, one.times["mm"], one.calls["mm"]) == (2, 4_000_000, 2)
    summary = merge([one, together([step(4_000_000), step(4_000_000)])])
    assert (summary.steps, summary.rounds) == (4, 2)
    assert summary.operators == (OperatorTime("mm", 3.0, 1.0),)
    assert summary.step_ms == 3.0
    [line] = summary.lines
    assert (line.milliseconds, line.operators, line.total) == (3.0, 3.0, 3.0)
    assert sum(part.milliseconds for part in summary.parts) == summary.step_ms


def test_a_call_of_every_other_step_is_half_a_call_per_step() -> None:
    rare, none = one_step([event("mm", 0, 10)], marks((0, A))), one_step([], marks((0, A)))
    summary = merge([together([rare, none])] * 5)
    assert summary.operators[0].calls == 0.5
