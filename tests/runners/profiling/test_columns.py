"""Sums over columns are what sums call by call are, whatever lies in what."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from torch_perflint.runners.profiling.attribution import summarize
from torch_perflint.runners.profiling.parts import Part
from torch_perflint.runners.profiling.recording import Kind, Marks, Span

from .by_rows import steps_of
from .rows import Event, columns

MAIN, OTHER = 1, 2
FIRST, LAST = -5, 60
NAMES = (
    "aten::mm",
    "aten::copy_",
    "aten::_local_scalar_dense",
    "enumerate(DataLoader)#next",
    "Optimizer.step#AdamW.step",
    "autograd::engine::evaluate_function: MmBackward0",
    "MmBackward0",
    "gloo:all_reduce",
    "cudaStreamSynchronize",
)
LINES = (None, ("net.py", 1), ("net.py", 2), ("model.py", 1))


def a_call(start: int, end: int, thread: int) -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        st.sampled_from(NAMES),
        st.just(start),
        st.just(end),
        st.just(thread),
        st.integers(-1, 4),
        st.booleans(),
        st.none(),
        st.sampled_from(Kind),
    )


@st.composite
def nested(draw: st.DrawFn, thread: int, begin: int, end: int, deep: int) -> list[Event]:
    """Calls in turn and in each other; some begin or end together, and some take no time."""
    found = []
    edges = sorted(draw(st.lists(st.integers(begin, end), max_size=6)))
    for start, stop in zip(edges[::2], edges[1::2], strict=False):
        found.append(draw(a_call(start, stop, thread)))
        if deep and draw(st.booleans()):
            found += draw(nested(thread, start, stop, deep - 1))
    return found


def crossing(thread: int) -> st.SearchStrategy[list[Event]]:
    """Calls that do not lie in each other: one that goes on by itself ends at any time."""
    spans = st.tuples(st.integers(FIRST, LAST), st.integers(0, 20))
    calls = spans.flatmap(lambda span: a_call(span[0], sum(span), thread))
    return st.lists(calls, max_size=12)


def any_marks() -> st.SearchStrategy[Marks]:
    reached = st.lists(st.tuples(st.integers(FIRST, LAST), st.sampled_from(LINES)), max_size=8)

    def of(marks: list[tuple[int, tuple[str, int] | None]]) -> Marks:
        ordered = sorted(marks, key=lambda mark: mark[0])
        return Marks([at for at, _ in ordered], [line for _, line in ordered], MAIN)

    return reached.map(of)


def any_steps() -> st.SearchStrategy[list[Span]]:
    """Steps in order, which may touch and may leave time between them."""
    edges = st.lists(st.integers(0, LAST), min_size=2, max_size=6, unique=True).map(sorted)
    pairs = edges.map(lambda own: [*pairwise(own)])
    return pairs.flatmap(lambda own: st.sets(st.sampled_from(own), min_size=1)).map(sorted)


def check(events: list[Event], marks: Marks, steps: list[Span]) -> None:
    """All that is told of each step is what counting call by call tells."""
    found = summarize(columns(events), marks, steps)
    for own, true in zip(found, steps_of(events, marks, steps), strict=True):
        assert dict(own.times) == true.times
        assert dict(own.calls) == true.calls
        assert dict(own.lines) == true.lines
        assert own.unattributed == true.unattributed
        costs, recorded = Counter(own.walls.own), Counter(own.walls.own_calls)
        costs.update(true.moved)
        recorded.update(true.recorded)
        assert own.costs == (true.lines if own.on_device else costs)
        assert own.recorded == recorded
        assert own.parts.parts == true.parts
        assert own.parts.calls == {part: true.part_calls.get(part, 0) for part in Part}


@settings(deadline=None)
@given(
    nested(MAIN, FIRST, LAST, 4), nested(OTHER, FIRST, LAST, 2), any_marks(), any_steps(), st.data()
)
def test_calls_in_each_other(
    main: list[Event], other: list[Event], marks: Marks, steps: list[Span], data: st.DataObject
) -> None:
    check(data.draw(st.permutations(main)) + other, marks, steps)


@settings(deadline=None)
@given(crossing(MAIN), crossing(OTHER), any_marks(), any_steps())
def test_calls_that_end_when_they_like(
    main: list[Event], other: list[Event], marks: Marks, steps: list[Span]
) -> None:
    check(main + other, marks, steps)


@settings(deadline=None)
@given(nested(MAIN, FIRST, LAST, 4), nested(OTHER, FIRST, LAST, 2), any_marks(), any_steps())
def test_calls_that_launch_kernels(
    main: list[Event], other: list[Event], marks: Marks, steps: list[Span]
) -> None:
    check(
        [call._replace(device=number * 7) for number, call in enumerate(main + other)], marks, steps
    )
