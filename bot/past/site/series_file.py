"""What the site has of a series: a file with its values, and a short entry in the index. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ....telemetry.record import Series
from ....telemetry.snapshot import Columns
from .change import Change
from .script import as_json, steps, words

# A small picture of the whole series: so many numbers, from 0 to 99.
_PICTURE = 30
_HEIGHT = 99


@dataclass(frozen=True, slots=True)
class Written:
    """A series as text: numbers are words already, so that none is written twice."""

    key: str
    values: list[str]
    positions: tuple[int, ...]
    text: str


def short_key(series: Series) -> str:
    """Name a series in links and files, the same in every site that has it."""
    return series.key[:12]


def write_series(series: Series, at: Columns, changes: Sequence[Change]) -> Written:
    """Write the file of a series."""
    key, values = short_key(series), words(at.values)
    parts = [
        f'"p":[{",".join(steps(at.positions))}]',
        f'"r":[{",".join(steps(at.runs))}]',
        f'"v":[{",".join(values)}]',
    ]
    if any(low is not None for low in at.lows):
        parts += [f'"{name}":[{",".join(words(ends, 6))}]' for name, ends in _ends(at)]
    parts.append(f'"c":{as_json([change_row(one) for one in changes])}')
    return Written(
        key, values, at.positions, f"perflint.data.series({as_json(key)},{{{','.join(parts)}}});\n"
    )


def _ends(at: Columns) -> tuple[tuple[str, Sequence[float | None]], ...]:
    return (("l", at.lows), ("h", at.highs))


def change_row(change: Change) -> list[object]:
    """What a script has of a change."""
    first = change.first or change.position
    levels = (change.before, change.after, change.change, change.low, change.high)
    # Where the level was zero, the change has no size.
    numbers = [float(f"{one:.7g}") if math.isfinite(one) else None for one in levels]
    return [change.position, *numbers, change.state, first]


def picture(values: Sequence[float]) -> list[int]:
    """Means of up to thirty equal parts of a series, as heights."""
    count = min(_PICTURE, len(values))
    edges = [len(values) * part // count for part in range(count + 1)] if count else []
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    if high <= low:
        return [_HEIGHT // 2] * count
    return [round(_HEIGHT * (mean - low) / (high - low)) for mean in means]
