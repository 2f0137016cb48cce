"""Values by commit: for any two commits, what every series was there, from two files.

A block is the file of 64 neighbouring commits. A series that was not measured at a commit has the
value of the last one before it, which is why a block begins with one value from before it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from ....telemetry.snapshot import Columns
from .script import steps
from .series_file import Written

COMMITS = 64
# A value is carried on over so many blocks in which its series was not measured.
_CARRIED = 8
# Half the width of an interval is told in so many parts of the value.
_PARTS = 10_000
_MOST_WAITING = 8_000_000  # characters


def lines(written: Written, at: Columns, last: int) -> Iterator[tuple[int, str]]:
    """Yield the line of a series in each block up to that of the commit at `last`."""
    positions, errors = written.positions, _errors(at)
    until = min(last // COMMITS, positions[-1] // COMMITS + _CARRIED)
    for block in range(positions[0] // COMMITS, until + 1):
        start = bisect_left(positions, block * COMMITS)
        end = bisect_left(positions, (block + 1) * COMMITS)
        if start and positions[start - 1] >= (block - _CARRIED) * COMMITS:
            start -= 1
        if start == end:
            continue
        told = [",".join(steps(positions[start:end])), ",".join(written.values[start:end])]
        if errors is not None:
            told.append(",".join(errors[start:end]))
        yield block, f'["{written.key}",{",".join(f"[{part}]" for part in told)}],\n'


def _errors(at: Columns) -> list[str] | None:
    """Half the width of each interval as a share of its value; -1 where none is known."""
    if all(low is None for low in at.lows):
        return None
    return [
        "-1"
        if low is None or high is None or not value
        else str(round(_PARTS * (high - low) / abs(2 * value)))
        for value, low, high in zip(at.values, at.lows, at.highs, strict=True)
    ]


class Blocks:
    """Files that grow at their ends, all at once: what they get waits until it is much."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, list[str]] = {}
        self._size = 0
        self._begun: set[str] = set()

    def add(self, repository: int, block: int, line: str) -> None:
        """Put a line into the block of a repository."""
        self._waiting.setdefault(f"{repository},{block}", []).append(line)
        self._size += len(line)
        if self._size > _MOST_WAITING:
            self._flush()

    def close(self) -> None:
        """Write what waits, and end all files."""
        self._flush()
        for name in self._begun:
            with self._file(name).open("a", encoding="utf-8") as file:
                file.write("]);\n")

    def _flush(self) -> None:
        for name, told in self._waiting.items():
            with self._file(name).open("a", encoding="utf-8") as file:
                if name not in self._begun:
                    self._begun.add(name)
                    file.write(f"perflint.data.block({name},[")
                file.writelines(told)
        self._waiting.clear()
        self._size = 0

    def _file(self, name: str) -> Path:
        return self._folder / f"block-{name.replace(',', '-')}.js"
