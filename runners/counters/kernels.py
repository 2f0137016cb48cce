"""Says where launches of the same side chose other kernels, as autotuning by time does. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..sample import Segment, Side

_SHOWN = 3
_NAME_LENGTH = 60


def kernel_notes(segments: Sequence[Segment]) -> tuple[str, ...]:
    """Compare the kernels of one step between the launches of each side.

    cuDNN, cuBLASLt and Triton choose by a short measurement: one launch may run a slower kernel for
    its whole life, and the difference is neither side's code.
    """
    return tuple(note for side in Side for note in _of_side(segments, side))


def _of_side(segments: Sequence[Segment], side: Side) -> Iterator[str]:
    launches = {one.launch: names for one in segments if (names := _kernels(one, side))}
    first = min(launches, default=0)
    for number in sorted(launches):
        if words := _difference(launches[first], launches[number]):
            yield (
                f"{side.value} ran other GPU kernels in launch {number} than in launch {first} "
                f"({words}): libraries choose them by timing, which may differ by chance"
            )


def _kernels(segment: Segment, side: Side) -> Mapping[str, int]:
    if segment.gpu is None:
        return {}
    return segment.gpu.base_kernels if side is Side.BASE else segment.gpu.head_kernels


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Name what is there more often, with a plus, and what less often, with a minus."""
    change = Counter(after)
    change.subtract(before)
    rows = sorted(((name, n) for name, n in change.items() if n), key=lambda row: (row[1], row[0]))
    words = [f"{n:+d} {_short(name)}" for name, n in rows[:_SHOWN] + rows[_SHOWN:][-_SHOWN:]]
    left = len(rows) - len(words)
    return ", ".join(words) + (f" and {left} more" if left else "")


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
