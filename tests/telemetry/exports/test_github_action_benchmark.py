"""What is written for github-action-benchmark is as its `custom…IsBetter` tools read it."""

import json

import jsonschema_rs
import pytest
from torch_perflint import PerflintError
from torch_perflint.telemetry.exports.github_action_benchmark import text

from .entries import ALL, COUNTED, NASTY, PEAK, entry

# BenchmarkResult of its src/extract.ts; an empty list is an error there.
SCHEMA = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "value": {"type": "number"},
            "unit": {"type": "string"},
            "range": {"type": "string"},
            "extra": {"type": "string"},
        },
        "required": ["name", "value", "unit"],
        "additionalProperties": False,
    },
}


def read(written: str) -> list[dict[str, object]]:
    jsonschema_rs.validator_for(SCHEMA).validate(data := json.loads(written))
    return data


def test_one_kind_needs_no_choice() -> None:
    (one,) = read(text([entry()]))
    assert one == {
        "name": "perf_tests/test_gpt.py::test_gpt_train - throughput (tokens/s)",
        "unit": "tokens/s",
        "value": 1500.5,
        "range": "± 10.5",
        "extra": f"commit {'c' * 40}\nmeasured 2026-01-01T00:00:00+00:00\n"
        "a processor, 2 cores, 1 thread, PyTorch 2.13.0",
    }
    assert len(read(text([COUNTED, PEAK]))) == 2


def test_both_kinds_are_refused_with_the_way_out() -> None:
    with pytest.raises(PerflintError, match=r"--better bigger .*customBiggerIsBetter.*smaller"):
        text(ALL)


def test_each_kind_can_be_chosen() -> None:
    bigger, smaller = read(text(ALL, "bigger")), read(text(ALL, "smaller"))
    assert {one["unit"] for one in bigger} == {"tokens/s", "share"}
    assert {one["unit"] for one in smaller} == {"per step", "bytes", "s"}
    with pytest.raises(PerflintError, match="no value here is better when smaller"):
        text([entry()], "smaller")


def test_names_do_not_end_a_cell_or_code_of_the_actions_comment() -> None:
    names = [str(one["name"]) for one in read(text([entry(NASTY), entry("a|b"), entry("a¦b")]))]
    assert len(set(names)) == 3
    assert not any(character in name for name in names for character in "`|\n\x1b")
