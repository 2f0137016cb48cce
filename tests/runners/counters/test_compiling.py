"""How long compiling took, cold and warm, and which processes are started for it."""

from collections.abc import Iterator
from typing import cast

import pytest
from torch_perflint.runners.assemble import Measured
from torch_perflint.runners.counters.compiling import Compiling, words
from torch_perflint.runners.counters.examined import Examined
from torch_perflint.runners.measure import Launch
from torch_perflint.runners.processes.isolate import SideFailed
from torch_perflint.runners.restart import compiles, time_restart
from torch_perflint.runners.result import Failure
from torch_perflint.runners.sample import Pair, PerfTest, Segment, Side

SEGMENT = Segment(1, (Pair(1.0, 1.0),))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (
            Compiling(11.9, 12.34, 3.0, 3.06),
            "compiled in 12.3 s cold (was 11.9), 3.1 s warm (was 3.0)",
        ),
        (Compiling(head_cold=12.3, head_warm=3.1), "compiled in 12.3 s cold, 3.1 s warm"),
        (Compiling(base_cold=2.0), "compiled in 2.0 s cold on base"),
        (Compiling(base_warm=3.0, head_warm=3.1), "compiled in 3.1 s warm (was 3.0)"),
    ],
)
def test_what_is_known_is_said_in_one_line(at: Compiling, said: str) -> None:
    assert words(at) == said


def measured(
    base: float | None, head: float | None, segments: tuple[Segment, ...] = (SEGMENT,)
) -> Measured:
    one = Measured(PerfTest("test_a.py::test_it", "test_a.py", 1), segments=list(segments))
    one.examined = {
        Side.BASE: Examined(compile_seconds=base, cold=True),
        Side.HEAD: Examined(compile_seconds=head, cold=True),
    }
    return one


class FakeLaunch:
    """Answers with these seconds, or fails where there are none left; remembers what it is told."""

    def __init__(self, *seconds: float) -> None:
        self._seconds: Iterator[float] = iter(seconds)
        self.told: list[str] = []

    def compile_seconds(self, test: PerfTest, side: Side) -> float:
        self.told.append(f"compile {side.value}")
        for seconds in self._seconds:
            return seconds
        raise SideFailed(side, Failure("out of memory", ""))

    def drop(self, side: Side, *, at_once: bool = False) -> None:
        self.told.append(f"{'kill' if at_once else 'end'} {side.value}")


def test_only_what_was_timed_and_compiles_is_started_again() -> None:
    assert compiles(measured(2.0, None))
    assert not compiles(measured(None, None))
    assert not compiles(measured(2.0, 2.0, segments=()))


def test_each_side_is_compiled_anew_in_a_process_that_lives_alone() -> None:
    launch, said = FakeLaunch(0.5, 0.6), list[str]()
    one = measured(2.0, 3.0)
    time_restart(cast(Launch, launch), [one], said.append, lambda: False)
    assert one.warm_compile == {Side.BASE: 0.5, Side.HEAD: 0.6}
    assert launch.told == ["compile base", "kill base", "compile head", "kill head"]
    assert said[0] == "test_it: compiling anew on base, with filled caches"


def test_a_side_that_compiles_nothing_is_not_started() -> None:
    launch, one = FakeLaunch(0.6), measured(None, 3.0)
    time_restart(cast(Launch, launch), [one], lambda what: None, lambda: False)
    assert one.warm_compile == {Side.HEAD: 0.6}
    assert "compile base" not in launch.told


def test_a_failure_is_noted_and_the_other_side_goes_on() -> None:
    launch, one = FakeLaunch(), measured(2.0, 3.0)
    time_restart(cast(Launch, launch), [one], lambda what: None, lambda: False)
    assert one.warm_compile == {}
    assert [note.split(": ", 1)[1] for note in one.notes] == [
        "base: out of memory",
        "head: out of memory",
    ]
    assert launch.told[:3] == ["compile base", "kill base", "kill base"]


def test_nothing_is_begun_when_the_time_is_over() -> None:
    launch, one = FakeLaunch(0.5), measured(2.0, 3.0)
    time_restart(cast(Launch, launch), [one], lambda what: None, lambda: True)
    assert launch.told == []
