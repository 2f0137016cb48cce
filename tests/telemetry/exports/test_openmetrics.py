"""What is written as OpenMetrics is read by Prometheus' own parsers, with every name whole."""

import math

import pytest

pytest.importorskip("prometheus_client")

from prometheus_client import parser as classic
from prometheus_client.openmetrics import parser
from torch_perflint import PerflintError
from torch_perflint.telemetry.exports.openmetrics import text

from .entries import ALL, COUNTED, NASTY, entry


def families(written: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    read = list(parser.text_string_to_metric_families(written))
    assert len({one.name for one in read}) == len(read)
    assert {one.type for one in read} == {"gauge"}
    assert all(one.name.endswith(f"_{one.unit}") for one in read if one.unit)
    return {one.name: [(sample.labels, sample.value) for sample in one.samples] for one in read}


def test_each_metric_is_a_gauge_with_its_unit_at_the_end_of_its_name() -> None:
    read = families(text(ALL))
    assert set(read) == {
        "perflint_throughput_tokens_per_second",
        "perflint_throughput_low_tokens_per_second",
        "perflint_throughput_high_tokens_per_second",
        "perflint_host_syncs_per_step",
        "perflint_peak_bytes",
        "perflint_mfu_ratio",
        "perflint_compile_cold_seconds",
        "perflint_measured_timestamp_seconds",
    }
    assert read["perflint_peak_bytes"][0][1] == 2.0**33
    (labels, value), _ = sorted(
        read["perflint_throughput_tokens_per_second"], key=lambda one: one[0]["test"], reverse=True
    )
    assert value == 1500.5
    assert labels == {
        "repository": "acme/train",
        "test": "perf_tests/test_gpt.py::test_gpt_train",
        "hardware": "a processor, 2 cores, 1 thread",
        "torch": "2.13.0",
    }
    moments = {value for _, value in read["perflint_measured_timestamp_seconds"]}
    assert moments == {1767225600.0}


def test_a_strangers_name_comes_back_as_it_is() -> None:
    read = families(text(ALL))
    tests = {labels["test"] for labels, _ in read["perflint_throughput_tokens_per_second"]}
    assert NASTY in tests
    parameters = {
        labels.get("parameters") for labels, _ in read["perflint_throughput_low_tokens_per_second"]
    }
    assert parameters == {None, "[8-é]"}


def test_the_older_parser_reads_the_same() -> None:
    written = text(ALL)
    old = {
        one.name: [sample.value for sample in one.samples]
        for one in classic.text_string_to_metric_families(written)
    }
    assert old == {name: [value for _, value in told] for name, told in families(written).items()}


@pytest.mark.parametrize(
    ("metric", "unit"), [("host syncs", "per step"), ("Host-Syncs", "per step"), ("", "per step")]
)
def test_metrics_that_would_have_the_same_name_are_told_apart(metric: str, unit: str) -> None:
    other = entry(metric=metric, unit=unit, better=False, value=9.0)
    read = families(text([COUNTED, other]))
    values = {told[0][1] for name, told in read.items() if name.endswith("_per_step")}
    assert {2.0, 9.0} <= values


def test_what_is_better_makes_two_metrics_of_one_name() -> None:
    read = families(text([entry(better=True, value=1.0), entry(better=False, value=2.0)]))
    assert {1.0, 2.0} <= {value for told in read.values() for _, value in told}


def test_no_number_is_left_out_and_nothing_is_a_whole_text() -> None:
    assert text([]).endswith("# EOF\n")
    assert "throughput" not in text([entry(value=math.nan)])


def test_a_moment_that_is_none_is_told() -> None:
    with pytest.raises(PerflintError, match="'yesterday' is no moment"):
        text([entry(created="yesterday")])


def test_a_nul_does_not_end_the_text() -> None:
    assert "\0" not in text([entry("a\0b")])
