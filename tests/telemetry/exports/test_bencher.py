"""What is written for Bencher is as its schema wants it."""

import json

import jsonschema_rs
import pytest
from torch_perflint import PerflintError
from torch_perflint.telemetry.exports.bencher import text

from .entries import ALL, NASTY, entry

# https://bencher.dev/docs/reference/bencher-metric-format, and the longest names that it says.
NUMBER = {"type": "number"}
SCHEMA = {
    "type": "object",
    "propertyNames": {"minLength": 1, "maxLength": 1024},
    "additionalProperties": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 64},
        "additionalProperties": {
            "type": "object",
            "properties": {"value": NUMBER, "lower_value": NUMBER, "upper_value": NUMBER},
            "required": ["value"],
            "additionalProperties": False,
        },
    },
}


def read(written: str) -> dict[str, dict[str, dict[str, float]]]:
    jsonschema_rs.validator_for(SCHEMA).validate(data := json.loads(written))
    return data


def test_tests_have_measures_with_unit_and_interval() -> None:
    data = read(text(ALL))
    assert data["perf_tests/test_gpt.py::test_gpt_train"] == {
        "throughput-tokens-per-second": {
            "value": 1500.5,
            "lower_value": 1490.0,
            "upper_value": 1511.0,
        },
        "host-syncs-per-step": {"value": 2.0},
        "peak-bytes": {"value": 2.0**33},
        "mfu-ratio": {"value": 0.41},
        "compile-cold-seconds": {"value": 3.25},
    }


def test_a_strangers_name_is_one_line_and_its_own() -> None:
    names = set(read(text([entry(NASTY), entry(NASTY.replace("\n", " ")), entry("t::é")])))
    assert len(names) == 3
    assert "t::é" in names
    assert not any(character in name for name in names for character in "\n\x1b")


def test_a_long_measure_is_cut_and_stays_its_own() -> None:
    long = "a_counter_with_a_name_that_is_much_longer_than_what_bencher_takes_as_a_name"
    data = read(text([entry(metric=f"{long}_{end}") for end in "ab"]))
    assert [len(measures) for measures in data.values()] == [2]


def test_a_newer_pytorch_goes_on_where_the_older_one_ends() -> None:
    old, new = entry(value=1.0, torch="2.12", position=3), entry(value=2.0, position=4)
    for both in ([old, new], [new, old]):
        (measures,) = read(text(both)).values()
        assert [one["value"] for one in measures.values()] == [2.0]


@pytest.mark.parametrize("word", ["hardware", "repository"])
def test_two_machines_or_repositories_are_no_one_value(word: str) -> None:
    with pytest.raises(PerflintError, match=f"choose with --{word}"):
        text([entry(), entry(**{word: "another"})])
