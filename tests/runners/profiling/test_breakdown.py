"""Steps of known make: each part gets its time, and what nobody knows of stays unexplained."""

import random
from collections.abc import Sequence

import pytest
from torch_perflint.runners.profiling.attribution import summarize
from torch_perflint.runners.profiling.breakdown import Breakdown
from torch_perflint.runners.profiling.recording import Kind, Line, Marks, Span, Task, Work

from .rows import Event, columns

A: Line = ("train.py", 1)
MAIN, OTHER = 1, 2
LOADER = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
STEP = "Optimizer.step#AdamW.step"
CLOSURE = "closure of Optimizer.step"


def marks(*reached: tuple[int, Line | None]) -> Marks:
    return Marks([time for time, _ in reached], [line for _, line in reached], MAIN)


ALWAYS = marks((0, A))


def event(name: str, start: int, end: int, thread: int = MAIN) -> Event:
    kind = Kind.OPERATOR
    if name.startswith(("enumerate", "Optimizer", "closure", "mine")):
        kind = Kind.ANNOTATION
    return Event(name, start, end, thread, kind=Kind.RUNTIME if name.startswith("cuda") else kind)


def breakdown(
    step: Span, events: Sequence[Event], at: Marks, work: Sequence[Work] = ()
) -> Breakdown:
    [found] = summarize(columns(events), at, [step], work)
    return found.parts


def of(found: Breakdown) -> dict[str, int]:
    return {part.name: time for part, time in found.parts.items()} | (
        {"UNEXPLAINED": found.unexplained} if found.unexplained else {}
    )


def test_each_moment_of_a_host_step_has_one_part() -> None:
    events = [
        event(LOADER, 100, 400),
        event("aten::stack", 200, 300),
        event("aten::linear", 420, 520),
        event("aten::copy_", 450, 470),
        event("aten::item", 530, 550),
        event("aten::_local_scalar_dense", 532, 548),
        event(STEP, 600, 800),
        event("aten::add_", 650, 700),
        event("c10d::allreduce_", 810, 860),
    ]
    found = breakdown((100, 1000), events, ALWAYS)
    assert of(found) == {
        "DATA": 300,
        "COMPUTE": 100 - 20 + 4,
        "COPIES": 20,
        "SYNC": 16,
        "OPTIMIZER": 200,
        "COMMUNICATION": 50,
        "HOST": 20 + 10 + 50 + 10 + 140,
    }


def test_what_a_closure_computes_is_no_optimizer_s_time() -> None:
    events = [
        event(STEP, 0, 500),
        event(CLOSURE, 100, 300),
        event(LOADER, 110, 150),
        event("Optimizer.zero_grad#LBFGS.zero_grad", 150, 160),
        event("aten::mm", 170, 250),
        event("aten::add_", 320, 330),
        event(CLOSURE, 400, 480),
        event("aten::mm", 410, 440),
    ]
    assert of(breakdown((0, 600), events, ALWAYS)) == {
        "DATA": 40,
        "COMPUTE": 80 + 30,
        "OPTIMIZER": 100 + 10 + 100 + 20,
        "HOST": 10 + 10 + 50 + 50 + 100,
    }


def test_kernels_that_a_closure_launches_are_no_optimizer_s() -> None:
    events = [
        event(STEP, 0, 500),
        event(CLOSURE, 100, 300),
        event("Optimizer.zero_grad#LBFGS.zero_grad", 150, 160),
    ]
    kernels = {50: "update", 120: "forward", 155: "zero", 200: "backward", 350: "update"}
    work = [Work(name, at + 10, at + 20, launched=at) for at, name in kernels.items()]
    found = of(breakdown((0, 600), events, ALWAYS, work))
    assert (found["OPTIMIZER"], found["COMPUTE"]) == (3 * 10, 2 * 10)


def test_time_in_which_no_line_of_the_repository_runs_is_unexplained() -> None:
    found = breakdown((0, 100), [event("aten::mm", 30, 50)], marks((10, A), (80, None), (90, A)))
    assert of(found) == {"COMPUTE": 20, "HOST": 20 + 30 + 10, "UNEXPLAINED": 10 + 10}


def test_calls_that_reach_over_the_ends_of_a_step_count_inside_it_alone() -> None:
    events = [event("aten::mm", -50, 20), event("aten::mm", 90, 300)]
    assert of(breakdown((0, 100), events, ALWAYS)) == {"COMPUTE": 30, "HOST": 70}


def test_calls_after_a_step_take_nothing_from_it() -> None:
    events = [event("aten::mm", 10, 30), event("aten::mm", 120, 130), event("aten::mm", 120, 120)]
    assert of(breakdown((0, 100), events, ALWAYS)) == {"COMPUTE": 20, "HOST": 80}


def test_annotations_and_the_engine_compute_nothing_themselves() -> None:
    events = [
        event("mine", 0, 100),
        event("autograd::engine::evaluate_function: MmBackward0", 10, 90),
        event("MmBackward0", 20, 80),
    ]
    assert of(breakdown((0, 100), events, ALWAYS)) == {"COMPUTE": 60, "HOST": 40}


def test_communication_of_other_threads_counts_where_the_step_has_nothing_to_do() -> None:
    events = [
        event("aten::mm", 10, 40),
        event("gloo:all_reduce", 20, 70, OTHER),
        event("aten::mm", 20, 30, OTHER),
    ]
    found = breakdown((0, 100), events, ALWAYS)
    assert of(found) == {"COMPUTE": 30, "COMMUNICATION": 30, "HOST": 40}


def test_on_a_device_what_it_does_counts_and_the_host_says_why_it_does_nothing() -> None:
    events = [
        event(LOADER, 0, 200),
        event("aten::mm", 210, 230),
        event("cudaStreamSynchronize", 300, 505),
        event(STEP, 520, 560),
        event("cudaLaunchKernel", 530, 540),
    ]
    work = [
        Work("gemm", 240, 400, launched=220),
        Work("ncclAllReduce", 350, 450, Task.COMMUNICATION, launched=225),
        Work("memcpy", 440, 500, Task.COPY, launched=226),
        Work("adam", 550, 700, launched=535),
        Work("later", 900, 990, launched=890),
    ]
    found = breakdown((0, 1000), events, marks((0, A), (950, None)), work)
    assert of(found) == {
        "DATA": 200,
        "HOST": 40 + 200,
        "COMPUTE": 160 + 90,
        "COMMUNICATION": 50,
        "COPIES": 50,
        # From the moment at which the device ran dry until it had something to do again.
        "SYNC": 50,
        "OPTIMIZER": 150,
        "UNEXPLAINED": 10,
    }


def test_each_step_has_what_the_device_does_in_it() -> None:
    events = [event("cudaDeviceSynchronize", 20, 40), event(STEP, 50, 90)]
    work = [
        Work("later", 260, 270, launched=255),
        Work("adam", 80, 95, launched=60),
        Work("gemm", 95, 130, launched=92),
        Work("gemm", 10, 20, launched=5),
    ]
    steps = summarize(columns(events), ALWAYS, [(0, 100), (100, 200), (200, 300)], work)
    assert [of(step.parts) for step in steps] == [
        {"COMPUTE": 10 + 5, "SYNC": 60, "HOST": 10, "OPTIMIZER": 15},
        {"COMPUTE": 30, "HOST": 70},
        {"COMPUTE": 10, "HOST": 90},
    ]


def test_a_wait_for_a_device_that_is_idle_already_costs_nothing_by_itself() -> None:
    events = [event("cudaStreamSynchronize", 60, 62)]
    found = breakdown((0, 100), events, ALWAYS, [Work("gemm", 10, 50, launched=5)])
    assert of(found) == {"COMPUTE": 40, "HOST": 60}


def test_an_asynchronous_copy_that_is_being_launched_is_no_wait() -> None:
    events = [event("cudaMemcpyAsync", 45, 55)]
    found = breakdown((0, 100), events, ALWAYS, [Work("gemm", 0, 50, launched=-5)])
    assert of(found) == {"COMPUTE": 50, "HOST": 50}


@pytest.mark.parametrize("seed", range(20))
def test_kernels_of_several_streams_are_counted_once(seed: int) -> None:
    """Against a count moment by moment."""
    draw = random.Random(seed)
    tasks = [*Task]
    work = []
    for _ in range(30):
        begin = draw.randrange(-20, 300)
        task = draw.choice(tasks)
        work.append(Work("w", begin, begin + draw.randrange(1, 40), task, draw.randrange(300)))
    steps = (draw.randrange(300), draw.randrange(300))
    optimizer = (min(steps), max(steps))
    waits = [(at, at + draw.randrange(30)) for at in draw.sample(range(300), 4)]
    events = [event(STEP, *optimizer, OTHER)]
    events += [event("cudaDeviceSynchronize", *wait, OTHER) for wait in waits]
    found = breakdown((0, 300), events, ALWAYS, work)
    truth: dict[str, int] = {}
    dry = False
    for moment in range(300):
        at = [one for one in work if one.start <= moment < one.end]
        kernels = [one for one in at if one.task is Task.KERNEL]
        if any(not optimizer[0] <= (one.launched or 0) < optimizer[1] for one in kernels):
            part = "COMPUTE"
        elif kernels:
            part = "OPTIMIZER"
        elif any(one.task is Task.COMMUNICATION for one in at):
            part = "COMMUNICATION"
        elif at:
            part = "COPIES"
        else:
            before = moment == 0 or any(one.start < moment <= one.end for one in work)
            if before:
                dry = any(begin <= moment <= end for begin, end in waits)
            part = "SYNC" if dry else "HOST"
        truth[part] = truth.get(part, 0) + 1
    assert of(found) == truth
