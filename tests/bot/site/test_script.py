"""Numbers and texts as they stand in scripts."""

import json
import math

import pytest

pytest.importorskip("hypothesis")

from hypothesis import example, given
from hypothesis import strategies as st
from torch_perflint.bot.past.site.script import as_json, call, steps, words

NUMBERS = st.none() | st.floats() | st.integers(-(2**53), 2**53).map(float)


@given(st.lists(NUMBERS, max_size=20))
def test_numbers_are_read_back_to_seven_digits_and_whole_ones_exactly(values: list[float]) -> None:
    read = json.loads(f"[{','.join(words(values))}]")
    assert len(read) == len(values)
    for value, back in zip(values, read, strict=True):
        if value is None or not math.isfinite(value):
            assert back is None
        else:
            assert back == pytest.approx(value, rel=1e-6)


@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1))
def test_bytes_and_counts_lose_nothing(values: list[int]) -> None:
    assert list(map(int, words(list(map(float, values))))) == values


@given(st.lists(st.integers(1, 10**6), min_size=1).map(sorted))
def test_steps_add_up(numbers: list[int]) -> None:
    total, sums = 0, []
    for step in map(int, steps(numbers)):
        total += step
        sums.append(total)
    assert sums == numbers


@given(st.text())
@example("</script><!--\u2028\u2029\n\\")
def test_no_text_ends_a_script_or_a_line_of_it(text: str) -> None:
    written = call("index", {"text": text})
    assert "<" not in written
    assert not {"\u2028", "\u2029"} & set(written)
    assert written.count("\n") == 1
    assert json.loads(as_json(text)) == text
