"""Calls of modules and backward functions become time per module; all adds up to the step."""

import random
from collections.abc import Sequence

import pytest
from torch_perflint.runners.profiling.attribution import merge, of_recording, together
from torch_perflint.runners.profiling.events import Events
from torch_perflint.runners.profiling.module_table import folded
from torch_perflint.runners.profiling.modules import ModuleTimes
from torch_perflint.runners.profiling.parts import ENGINE
from torch_perflint.runners.profiling.profile import ModuleTime, scaled
from torch_perflint.runners.profiling.recording import Marks, ModuleCall, Recording, Span

from .rows import Event, columns

Row = Event | ModuleCall

MAIN, OTHER = 1, 2
NET, MLP, HEAD = "Net (Net)", "Net.mlp (MLP)", "Net.head (Linear)"
ACCUMULATE = "torch::autograd::AccumulateGrad"


def module(name: str, start: int, end: int, thread: int = MAIN) -> ModuleCall:
    return ModuleCall(name, start, end, thread)


def operator(
    start: int, end: int, sequence: int = -1, thread: int = MAIN, device: int | None = None
) -> Event:
    return Event("aten::mm", start, end, thread, sequence, device=device)


def backward(name: str, start: int, end: int, sequence: int = -1, thread: int = MAIN) -> Event:
    return Event(f"{ENGINE}: {name}", start, end, thread, sequence, backward=True)


def parted(events: Sequence[Row]) -> tuple[list[ModuleCall], Events]:
    modules = [event for event in events if isinstance(event, ModuleCall)]
    return modules, columns(event for event in events if isinstance(event, Event))


def times(events: Sequence[Row], *spans: Span, call: int = 0) -> list[ModuleTimes]:
    modules, others = parted(events)
    recording = Recording(others, Marks([], [], MAIN), spans, (), call, modules)
    return [step.modules for step in of_recording(recording)]


FORWARD = [
    module(NET, 10, 100),
    operator(12, 18, 4),
    module(MLP, 20, 60),
    operator(30, 50, 5),
    module(HEAD, 70, 90),
    operator(75, 85, 6),
    operator(105, 110, 7),
]
BACKWARD = [
    backward("LossBackward", 120, 125, 7),
    backward("HeadBackward", 130, 140, 6),
    backward(ACCUMULATE, 140, 143),
    backward("MlpBackward", 150, 180, 5),
    backward("NetBackward", 180, 185, 4),
]


def test_a_module_has_its_time_without_what_it_calls_and_with_it() -> None:
    (step,) = times(FORWARD, (0, 120))
    assert step.own == {
        ("", False): 10 + 20,
        (NET, False): 90 - 40 - 20,
        (MLP, False): 40,
        (HEAD, False): 20,
    }
    assert step.total == {(NET, False): 90, (MLP, False): 40, (HEAD, False): 20}
    assert step.calls == {NET: 1, MLP: 1, HEAD: 1}


def test_backward_belongs_to_the_module_whose_operator_got_the_number() -> None:
    (step,) = times([*FORWARD, *BACKWARD], (0, 200))
    # A gradient is accumulated behind the function that made it.
    assert step.own[HEAD, True] == 10 + 3
    assert step.own[MLP, True] == 30
    assert step.own[NET, True] == 5
    assert step.total[NET, True] == 13 + 30 + 5
    # The loss is outside of all, and so is what lies between the functions.
    assert step.own["", False] == 10 + 20 + 10 + 7 + 15
    assert ("", True) not in step.own
    assert sum(step.own.values()) == 200


def test_an_operator_without_gradient_does_not_take_the_number_of_the_next_one() -> None:
    # The profiler tells the number that comes next.
    events = [
        module(NET, 0, 50),
        operator(2, 4, 5),
        module(MLP, 10, 30),
        operator(12, 20, 5),
        backward("MlpBackward", 60, 75, 5),
    ]
    (step,) = times(events, (0, 100))
    assert step.own[MLP, True] == 15
    assert (NET, True) not in step.own


def test_a_backward_function_of_unknown_origin_is_in_the_module_that_called_it() -> None:
    events = [module(NET, 10, 100), backward("PlainBackward", 20, 50, 99)]
    (step,) = times(events, (0, 100))
    assert step.own == {("", False): 10, (NET, False): 60, (NET, True): 30}
    (step,) = times([module(NET, 0, 5), backward("PlainBackward", 20, 50, 99)], (0, 100))
    assert step.own == {("", False): 95, (NET, False): 5}


def test_a_forward_that_backward_runs_again_belongs_to_its_modules() -> None:
    events = [
        *FORWARD,
        # Checkpointing: a function of the head asks for the whole network again.
        backward("HeadBackward", 200, 300, 6),
        module(NET, 210, 290),
        module(MLP, 220, 260),
        operator(230, 250, 9),
    ]
    (step,) = times(events, (0, 300))
    assert step.own[HEAD, True] == 10 + 10
    assert step.own[NET, True] == 80 - 40
    assert step.own[MLP, True] == 40
    assert step.total[HEAD, True] == 20
    assert step.total[NET, True] == 100
    assert step.calls == {NET: 2, MLP: 2, HEAD: 1}
    assert sum(step.own.values()) == 300


def test_a_module_that_its_own_backward_runs_again_was_called_again() -> None:
    again = [backward("HeadBackward", 130, 180, 6), module(HEAD, 140, 170)]
    (step,) = times([*FORWARD, *again], (0, 200))
    assert step.calls[HEAD] == 2
    assert step.own[HEAD, True] == 50


def test_steps_are_cut_by_the_clock_and_what_lies_between_them_counts_nowhere() -> None:
    events = [module(NET, 10, 100), module(NET, 150, 170), module(MLP, 155, 165)]
    first, second = times(events, (20, 80), (90, 200))
    assert first.own == {(NET, False): 60}
    assert first.calls == {}
    assert second.own == {(NET, False): 10 + 10, (MLP, False): 10, ("", False): 50 + 30}
    assert second.calls == {NET: 1, MLP: 1}
    # Steps of a script follow on each other.
    first, second = times(events, (0, 50), (50, 160))
    assert (first.own[NET, False], second.own[NET, False]) == (40, 50 + 5)


def test_what_recording_takes_is_taken_off_where_calls_were_recorded() -> None:
    (step,) = times(FORWARD, (0, 120), call=2)
    assert step.own[MLP, False] == 40 - 2
    # Its own operator, and the beginning of two modules.
    assert step.own[NET, False] == 30 - 3 * 2
    assert step.own["", False] == 30 - 2 * 2


def test_a_wrapper_of_the_same_name_is_the_same_module() -> None:
    (step,) = times([module(NET, 10, 100), module(NET, 20, 90)], (0, 100))
    assert step.own == {("", False): 10, (NET, False): 90}
    assert step.total == {(NET, False): 90}
    assert step.calls == {NET: 1}


def test_on_a_device_the_kernels_count_and_the_rest_of_the_step_is_in_no_module() -> None:
    events = [
        module(NET, 10, 100),
        module(MLP, 20, 60),
        operator(30, 50, 5, device=300),
        operator(110, 115, 6, device=50),
        backward("MlpBackward", 120, 180, 5, OTHER)._replace(device=0),
        operator(130, 140, thread=OTHER, device=200),
    ]
    (step,) = times(events, (0, 1000))
    assert step.own == {(MLP, False): 300, (MLP, True): 200, ("", False): 500}
    assert step.total == {
        (NET, False): 300,
        (MLP, False): 300,
        (NET, True): 200,
        (MLP, True): 200,
    }
    assert step.calls == {NET: 1, MLP: 1}


@pytest.mark.parametrize("seed", range(20))
def test_each_moment_counts_once(seed: int) -> None:
    """Against a count moment by moment, of calls that are nested by chance."""
    draw = random.Random(seed)
    events: list[Row] = []

    def nest(start: int, end: int, depth: int) -> None:
        at = start
        while depth and at + 4 < end:
            begin = draw.randrange(at, end - 2)
            until = draw.randrange(begin + 1, end)
            if draw.random() < 0.7:
                events.append(module(f"M{draw.randrange(5)} (M)", begin, until))
            else:
                events.append(operator(begin, until))
            nest(begin, until, depth - 1)
            at = until

    nest(0, 300, 4)
    spans = [(20, 120), (120, 180), (200, 290)]
    modules, _ = parted(events)
    for (start, end), step in zip(spans, times(events, *spans), strict=True):
        truth: dict[tuple[str, bool], int] = {}
        for moment in range(start, end):
            around = sorted(modules, key=lambda one: (one.start, -one.end))
            names = [one.name for one in around if one.start <= moment < one.end]
            key = (names[-1] if names else "", False)
            truth[key] = truth.get(key, 0) + 1
        found = {key: value for key, value in step.own.items() if value}
        assert found == (truth if modules else {})


def test_modules_add_up_to_the_step_that_they_are_brought_to() -> None:
    modules, events = parted([*FORWARD, *BACKWARD])
    rounds = []
    for length in (200, 240, 300, 400, 1000):
        recording = Recording(events, Marks([], [], MAIN), [(0, length)], (), 1, modules)
        rounds.append(together(of_recording(recording) * 2))
    summary = merge(rounds)
    assert sum(one.own for one in summary.modules) == pytest.approx(summary.step_ms)
    at_clock = scaled(summary, 8.0)
    assert sum(one.own for one in at_clock.modules) == pytest.approx(8.0)
    by_name = {one.name: one for one in at_clock.modules}
    assert by_name["Net.mlp"].kind == "MLP"
    assert by_name["Net.mlp"].calls == 1
    assert by_name["Net"].total_forward > by_name["Net.mlp"].total_forward > 0
    assert by_name["Net"].total == by_name["Net"].total_forward + by_name["Net"].total_backward
    assert by_name[""].kind == ""


def test_without_modules_there_is_no_table() -> None:
    recording = Recording(columns([operator(10, 20)]), Marks([], [], MAIN), [(0, 100)])
    assert merge(of_recording(recording)).modules == ()


def layers(*names: str, kind: str = "Block") -> list[ModuleTime]:
    return [ModuleTime(name, kind, 1.0, 2.0, 3.0, 4.0, 1.0) for name in names]


def test_numbered_siblings_of_one_class_are_one_row() -> None:
    blocks = layers(*(f"GPT.blocks.{n}" for n in range(12)))
    norms = layers(*(f"GPT.blocks.{n}.norms.{m}" for n in range(12) for m in range(2)), kind="Norm")
    rows = folded([*blocks, *norms, ModuleTime("", "", 5.0)])
    assert [(row.label, row.time.kind, row.time.own) for row in rows] == [
        ("GPT.blocks.*.norms.* x24", "Norm", 72.0),
        ("GPT.blocks.* x12", "Block", 36.0),
        ("in no module", "", 5.0),
    ]
    assert rows[1].time == ModuleTime("GPT.blocks.*", "Block", 12, 24, 36, 48, 12)


def test_what_differs_or_stands_alone_keeps_its_name() -> None:
    mixed = [*layers("Net.0", "Net.2", kind="Linear"), *layers("Net.1", kind="ReLU")]
    alone = layers("Net.3.blocks.0.extra")
    assert {row.label for row in folded([*mixed, *alone])} == {
        "Net.0",
        "Net.1",
        "Net.2",
        "Net.3.blocks.0.extra",
    }
