"""Blocks: what every series was at a commit, or at the last one before it that was measured."""

import json
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st
from torch_perflint.bot.past.site.blocks import COMMITS, Blocks, lines
from torch_perflint.bot.past.site.series_file import write_series
from torch_perflint.telemetry.record import Series
from torch_perflint.telemetry.snapshot import Columns

SERIES = Series("r", "t", "", "throughput", "tokens/s", True, "", "", "")
CARRIED = 8
LAST = 2000


def columns(positions: list[int]) -> Columns:
    """A series whose value at a place is the place, plus and minus a tenth."""
    values = tuple(map(float, positions))
    ends = [tuple(value * factor for value in values) for factor in (0.9, 1.1)]
    return Columns(tuple(positions), tuple(positions), values, *ends)


def read(line: str) -> tuple[list[int], list[float], list[int]]:
    key, places, values, errors = json.loads(line.rstrip(",\n"))
    assert key == SERIES.key[:12]
    return list(accumulate(places)), values, errors


@given(st.sets(st.integers(1, LAST), min_size=1, max_size=40).map(sorted))
def test_each_place_finds_the_last_value_until_then(positions: list[int]) -> None:
    at = columns(positions)
    blocks = {block: read(line) for block, line in lines(write_series(SERIES, at, ()), at, LAST)}
    for place in range(1, LAST + 1):
        known = bisect_right(positions, place)
        block = place // COMMITS
        wanted = positions[known - 1] if known else None
        if wanted is not None and wanted < (block - CARRIED) * COMMITS:
            wanted = None  # too long ago
        places, values, errors = blocks.get(block, ([], [], []))
        found = bisect_right(places, place)
        assert (places[found - 1] if found else None) == wanted, place
        if found:
            assert values[found - 1] == wanted
            assert errors[found - 1] == 1000


def test_an_unknown_interval_is_told_as_such() -> None:
    at = Columns((1, 2), (1, 2), (5.0, 0.0), (None, -1.0), (None, 1.0))
    ((_, line),) = lines(write_series(SERIES, at, ()), at, 2)
    assert read(line)[2] == [-1, -1]


def test_files_grow_while_more_waits_than_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch_perflint.bot.past.site.blocks._MOST_WAITING", 50)
    blocks = Blocks(tmp_path)
    told = [f'["{n:012}",[{n}],[{n}]],\n' for n in range(41)]
    for n, line in enumerate(told):
        blocks.add(0, n % 3, line)
    blocks.close()
    for block in range(3):
        text = (tmp_path / f"block-0-{block}.js").read_text()
        assert text == f"perflint.data.block(0,{block},[{''.join(told[block::3])}]);\n"
