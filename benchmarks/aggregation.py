"""How long it takes to add up a profile, beside `key_averages` of the same recording.

The table of operators (calls, own and total time) is all that `key_averages` tells: at 160,000
events it has to be there at least 15 times sooner, with the same own times. The whole profile,
with lines and parts of each step, has to cost what is linear in events: at most 1.25 times as much
for each of 160,000 as for each of 20,000. Seconds are the processor's, as all of it is one thread's
work and machines are shared.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch_perflint.runners.profiling.attribution import StepProfile, of_recording
from torch_perflint.runners.profiling.events import added_up, by_thread
from torch_perflint.runners.profiling.line_marks import LineMarker
from torch_perflint.runners.profiling.nesting import nest
from torch_perflint.runners.profiling.owners import self_times
from torch_perflint.runners.profiling.recording import Span, no_collector
from torch_perflint.runners.profiling.torch_profile import (
    in_this_thread,
    raw_events,
    read_events,
    read_recording,
)
from workloads import gpt_step

HERE = Path(__file__).resolve().parent
# Of each operator its calls, and its own and its total nanoseconds.
Table = dict[str, tuple[int, float, float]]
STEPS = (5, 10, 20, 40)  # of about 4,000 events each


def record(steps: int) -> tuple[profile, LineMarker, list[Span]]:
    """Profile the transformer's step, with all that capture needs."""
    marker = LineMarker(HERE)
    spans = []
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(steps):
            start = time.time_ns()
            with in_this_thread(), marker.watching():
                gpt_step.step()
            spans.append((start, time.time_ns()))
    return recorded, marker, spans


def operator_table(recorded: profile) -> Table:
    """The sums of each operator, by perflint's own functions."""
    calls, selfs, totals = Counter[str](), Counter[str](), Counter[str]()
    with no_collector():
        events = read_events(raw_events(recorded))
        for number, own in by_thread(events).items():
            took = own.end - own.start
            calls.update(added_up(own.names, own.name, np.ones_like(took)))
            selfs.update(added_up(own.names, own.name, self_times(nest(number, own))))
            totals.update(added_up(own.names, own.name, took))
    return {name: (calls[name], selfs[name], totals[name]) for name in calls}


def their_table(recorded: profile) -> Table:
    """The same by `key_averages`, whose times are microseconds."""
    return {
        row.key: (row.count, row.self_cpu_time_total * 1e3, row.cpu_time_total * 1e3)
        for row in recorded.key_averages()
    }


def agreement(ours: Table, steps: Sequence[StepProfile], theirs: Table) -> tuple[int, int]:
    """How many operators have the same calls and times in all tables, of how many; own times must.

    `key_averages` takes a call for one with its caller where it is the only one there and of the
    same name, so that it has fewer calls and less total time of such operators.
    """
    times: Counter[str] = Counter()
    for step in steps:
        times.update(step.times)
    assert {*ours} == {*theirs} - {"perflint"}
    assert all(times[name] == ours[name][1] for name in times)
    assert all(abs(ours[name][1] - theirs[name][1]) < 1 for name in ours)
    same = [
        calls == theirs[name][0] and abs(total - theirs[name][2]) < 1
        for name, (calls, _, total) in ours.items()
    ]
    return sum(same), len(same)


def one_round(steps: int, order: int) -> tuple[int, dict[str, float], tuple[int, int]]:
    """Record anew; how many events there are, the seconds of each way, and how far they agree.

    The ways take turns in being first. `key_averages` keeps what it has computed, so that it gets a
    second recording to run without Python's garbage collector, which ours pauses.
    """
    recorded, marker, spans = record(steps)
    ways: dict[str, Callable[[], Any]] = {
        "table": lambda: operator_table(recorded),
        "whole": lambda: of_recording(read_recording(recorded, marker, spans)),
        "theirs": lambda: their_table(recorded),
    }
    seconds, found = {}, {}
    for name in [*ways][:: -1 if order % 2 else 1]:
        start = time.process_time()
        found[name] = ways[name]()
        seconds[name] = time.process_time() - start
    again, _, _ = record(steps)
    with no_collector():
        start = time.process_time()
        their_table(again)
        seconds["uncollected"] = time.process_time() - start
    events = sum(calls for calls, _, _ in found["table"].values())
    return events, seconds, agreement(found["table"], found["whole"], found["theirs"])


def told(times: Sequence[dict[str, float]], theirs: str, ours: str) -> str:
    """How many times faster ours is: the median of the rounds, the least and the most."""
    ratios = [one[theirs] / one[ours] for one in times]
    return f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"


def main() -> int:
    """Measure; status 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(
        "| Events | Table | Whole profile | `key_averages` | Table: times faster "
        "| Whole: times faster | Table, no collector on either side | Whole, likewise |\n"
        "|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    an_event, faster = [], 0.0
    for steps in STEPS:
        done = [one_round(steps, order) for order in range(rounds)]
        events, times = median(number for number, _, _ in done), [own for _, own, _ in done]
        middle = {name: median(one[name] for one in times) for name in times[0]}
        print(
            f"| {events:,.0f} | {middle['table']:.3f} s | {middle['whole']:.3f} s "
            f"| {middle['theirs']:.2f} s | {told(times, 'theirs', 'table')} "
            f"| {told(times, 'theirs', 'whole')} | {told(times, 'uncollected', 'table')} "
            f"| {told(times, 'uncollected', 'whole')} |",
            flush=True,
        )
        an_event.append(middle["whole"] / events)
        faster = median(one["theirs"] / one["table"] for one in times)
    same, number = done[-1][2]
    growth = an_event[-1] / an_event[0]
    print(
        f"\nOwn times are the same for all {number} operators, calls and totals for {same}.\n"
        f"An event of the largest takes {growth:.2f} of one of the smallest (bar 1.25)."
    )
    return 0 if faster >= 15 and growth <= 1.25 else 1


if __name__ == "__main__":
    sys.exit(main())
