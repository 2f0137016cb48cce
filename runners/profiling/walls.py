"""How long the step's thread spends on each line of the repository, by the clock. Pure.

Unlike the time of operators this has what Python does between them, so that a loop of `.item()`
weighs what it costs. Backward operators are on the line that calls `backward()`.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .recording import Line, Marks, Span


@dataclass(frozen=True, slots=True)
class Walls:
    """Nanoseconds of one step: `own` while a line is the innermost one that runs.

    `total` has what the line calls as well; a line that is running twice counts once. `own_calls`
    and `total_calls` are the calls that the profiler recorded meanwhile.
    """

    own: Counter[Line] = field(default_factory=Counter)
    total: Counter[Line] = field(default_factory=Counter)
    own_calls: Counter[Line] = field(default_factory=Counter)
    total_calls: Counter[Line] = field(default_factory=Counter)


def walls(marks: Marks, steps: Sequence[Span], calls: Sequence[int] = ()) -> list[Walls]:
    """Add up each line's time within each step; steps are in order and do not overlap.

    `calls` is when the profiler recorded a call of the step's thread, in order.
    """
    found = [Walls() for _ in steps]
    starts = [start for start, _ in steps]
    for begin, end, stack in stacks(marks, sorted({moment for span in steps for moment in span})):
        index = bisect_right(starts, begin) - 1
        if index < 0 or end > steps[index][1]:
            continue
        number = bisect_left(calls, end) - bisect_left(calls, begin)
        if stack[-1] is not None:
            found[index].own[stack[-1]] += end - begin
            found[index].own_calls[stack[-1]] += number
        for line in {line for line in stack if line is not None}:
            found[index].total[line] += end - begin
            found[index].total_calls[line] += number
    return found


def stacks(marks: Marks, cuts: Sequence[int]) -> Iterator[tuple[int, int, Sequence[Line | None]]]:
    """The lines that run, the innermost last, from one mark or cut to the next."""
    stack: list[Line | None] = []
    depths = marks.depths or [int(line is not None) for line in marks.lines]
    marked = ((moment, number) for number, moment in enumerate(marks.times))
    # Cuts change nothing but where a span ends.
    moments = sorted([*marked, *((cut, -1) for cut in cuts)])
    for (moment, number), (end, _) in pairwise(moments):
        if number >= 0:
            del stack[depths[number] :]
            stack += [None] * (depths[number] - len(stack))
            if stack:
                stack[-1] = marks.lines[number]
        if stack and end > moment:
            yield moment, end, stack
