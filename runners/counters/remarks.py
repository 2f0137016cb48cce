"""Says what of a test's steps makes its counts or its times doubtful. Pure."""

from collections.abc import Iterator

from ..processes.channel import Message
from ..sample import Counts, Side

# Fewer steps than that were counted only where they take long, or the run's time was up.
_WINDOW = 16


def remarks_on(done: Message, counts: Counts, side: Side) -> Iterator[str]:
    """Tell people about one side's steps; `done` is what its worker answered."""
    if 0 < counts.counted < _WINDOW:
        yield (
            f"there was time to count only {counts.counted} of its steps in a row: what steps do "
            "less often may not be in the counts"
        )
    if counts.late:
        names = ", ".join(name.replace("_", " ") for name in counts.late)
        yield f"the time for counting was up on {side.value}, and these were left out: {names}"
    for model in done["kept"]:
        yield (
            f"{model} outlives the test: perflint rebuilds the test's state for each segment, "
            "which takes the luck of one build out of the times, and this is not rebuilt; build it "
            "inside the test or in a fixture"
        )
    if done["leaked"] is None:
        yield "counting its steps took so long that nobody looked whether they leak memory"
    elif done["leaked"]:
        yield (
            f"each step of {side.value} leaves {done['leaked']:,} bytes more of tensors behind "
            "than it found: it leaks memory, and times hold only for the first steps"
        )
    if done["cyclic"]:
        yield (
            f"each step of {side.value} leaves {done['cyclic']:,} bytes of tensors in reference "
            "cycles, which only Python's garbage collector frees: in training it does so at times "
            "of its own, which are not in these, since it is kept out of timed turns"
        )
