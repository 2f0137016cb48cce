"""Measures how long a restart compiles: fresh processes, whose compile caches are filled."""

from collections.abc import Callable, Sequence

from .assemble import Measured
from .measure import Launch
from .processes.isolate import SideFailed
from .sample import Side


def compiles(measured: Measured) -> bool:
    """Whether a side compiles what was timed, so that a restart takes a time worth knowing."""
    sides = measured.examined.values()
    return bool(measured.segments) and any(one.compile_seconds is not None for one in sides)


def time_restart(
    launch: Launch,
    measured: Sequence[Measured],
    say: Callable[[str], None],
    is_over: Callable[[], bool],
) -> None:
    """Compile each test's first steps once more on each side, in processes that are fresh.

    One side after the other: there may be no room on the GPU for both. Ends early where `is_over`.
    """
    for side in Side:
        for one in measured:
            if one.examined[side].compile_seconds is None:
                continue
            if is_over():
                return
            say(f"{one.test.name}: compiling anew on {side.value}, with filled caches")
            try:
                one.warm_compile[side] = launch.compile_seconds(one.test, side)
            except SideFailed as error:
                launch.drop(side, at_once=True)
                one.notes.append(f"how long a restart compiles is not known: {error}")
        # Nothing more is wanted of it, and to say goodbye takes a compiled process seconds.
        launch.drop(side, at_once=True)
