"""What is written for PyTorch's benchmark database fits its table."""

import json

import jsonschema_rs
from torch_perflint.telemetry.exports.oss_ci_benchmark_v3 import text

from .entries import ALL, CARD, entry

STRING, STRINGS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
FLOAT32 = {"type": "number", "minimum": -3.4028235e38, "maximum": 3.4028235e38}
MAP = {"type": "object", "additionalProperties": STRING}


def whole(bits: int) -> dict[str, object]:
    return {"type": "integer", "minimum": 0, "maximum": 2**bits - 1}


def tuple_of(**parts: object) -> dict[str, object]:
    return {
        "type": "object",
        "properties": parts,
        "required": list(parts),
        "additionalProperties": False,
    }


# clickhouse_db_schema/oss_ci_benchmark_v3/schema.sql of pytorch/test-infra, but for the columns
# that its replicator and its lab fill.
SCHEMA = {
    "type": "array",
    "items": tuple_of(
        timestamp=whole(64),
        schema_version={"const": "v3"},
        name=STRING,
        repo=STRING,
        head_branch=STRING,
        head_sha=STRING,
        workflow_id=whole(64),
        run_attempt=whole(32),
        job_id=whole(64),
        runners={
            "type": "array",
            "items": tuple_of(
                name=STRING,
                type=STRING,
                cpu_info=STRING,
                cpu_count=whole(32),
                mem_info=STRING,
                avail_mem_in_gb=whole(32),
                gpu_info=STRING,
                gpu_count=whole(32),
                gpu_mem_info=STRING,
                avail_gpu_mem_in_gb=whole(32),
                extra_info=MAP,
            ),
        },
        benchmark=tuple_of(name=STRING, mode=STRING, dtype=STRING, extra_info=MAP),
        model=tuple_of(name=STRING, type=STRING, backend=STRING, origins=STRINGS, extra_info=MAP),
        inputs={"type": "object", "additionalProperties": tuple_of(dtype=STRING, extra_info=MAP)},
        dependencies={
            "type": "object",
            "additionalProperties": tuple_of(
                repo=STRING, branch=STRING, sha=STRING, version=STRING, extra_info=MAP
            ),
        },
        metric=tuple_of(
            name=STRING,
            benchmark_values={"type": "array", "items": FLOAT32},
            target_value=FLOAT32,
            extra_info=MAP,
        ),
    ),
}


def read(written: str) -> list[dict[str, object]]:
    jsonschema_rs.validator_for(SCHEMA).validate(data := json.loads(written))
    return data


def test_every_value_is_a_record_of_the_table() -> None:
    records = read(text(ALL, "main"))
    assert [one["metric"]["name"] for one in records] == [one.series.metric for one in ALL]
    assert records[0]["metric"] == {
        "name": "throughput",
        "benchmark_values": [1500.5],
        "target_value": 0.0,
        "extra_info": {
            "unit": "tokens/s",
            "better": "higher",
            "samples": "3",
            "low": "1490.0",
            "high": "1511.0",
        },
    }
    assert (records[0]["head_branch"], records[0]["timestamp"]) == ("main", 1767225600)


def test_run_card_and_build_of_pytorch_are_told() -> None:
    link = "https://github.com/acme/train/actions/runs/123456"
    one = entry(link=link, environment=CARD, torch="2.14.0a0+git0123abc", driver="580.1")
    (record,) = read(text([one]))
    assert record["workflow_id"] == 123456
    assert record["dependencies"]["torch"]["sha"] == "0123abc"
    (runner,) = record["runners"]
    assert (runner["gpu_info"], runner["gpu_count"], runner["cpu_count"]) == ("NVIDIA H200", 1, 8)
    assert runner["extra_info"] == {"driver": "580.1"}


def test_what_is_not_on_the_main_branch_has_no_branch_and_no_dirty_hash() -> None:
    one = entry(position=0, head="d" * 40 + "-dirty", torch="", environment=None)
    (record,) = read(text([one], "main"))
    assert (record["head_branch"], record["head_sha"]) == ("", "d" * 40)
    assert record["metric"]["extra_info"]["uncommitted"] == "true"


def test_what_no_float_of_the_table_holds_is_left_out() -> None:
    assert read(text([entry(value=1e300), entry(value=float("inf"))])) == []
