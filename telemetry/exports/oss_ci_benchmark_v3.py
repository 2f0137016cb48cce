"""Records of PyTorch's benchmark database, `oss_ci_benchmark_v3`.

https://github.com/pytorch/test-infra/blob/main/clickhouse_db_schema/oss_ci_benchmark_v3/schema.sql
"""

import re
from collections.abc import Iterable
from typing import Any

from ..record import UNCOMMITTED, Entry
from .words import as_json, finite, seconds_at, test_of

_RUN = re.compile(r"/actions/runs/(\d{1,18})(?:/|$)")
_COMMIT_OF_TORCH = re.compile(r"\+(?:git|g)([0-9a-f]{7,40})")
# The largest value that the database's 32-bit floats hold.
_MOST = 3.4028234e38


def text(entries: Iterable[Entry], branch: str = "") -> str:
    """Write a list of records; `branch` is the name of the main branch."""
    return as_json([_record(one, branch) for one in finite(entries) if _fits(one)])


def _fits(entry: Entry) -> bool:
    return abs(entry.value.value) <= _MOST


def _record(entry: Entry, branch: str) -> dict[str, Any]:
    of, at = entry.series, entry.value
    run = _RUN.search(entry.link)
    return {
        "timestamp": int(seconds_at(at.created)),
        "schema_version": "v3",
        "name": "perflint",
        "repo": of.repository,
        "head_branch": branch if at.position else "",
        "head_sha": at.head.removesuffix(UNCOMMITTED),
        "workflow_id": int(run[1]) if run else 0,
        "run_attempt": 0,
        "job_id": 0,
        "runners": [_runner(entry)],
        "benchmark": {"name": "perflint", "mode": "training", "dtype": "", "extra_info": {}},
        "model": {
            "name": test_of(of),
            "type": "perf test",
            "backend": "",
            "origins": [],
            "extra_info": {},
        },
        "inputs": {},
        "dependencies": {"torch": _torch(of.torch)} if of.torch else {},
        "metric": {
            "name": of.metric,
            "benchmark_values": [at.value],
            "target_value": 0.0,
            "extra_info": _about(entry),
        },
    }


def _runner(entry: Entry) -> dict[str, Any]:
    at = entry.environment
    gpu = (at.gpu or "") if at is not None and at.device != "cpu" else ""
    return {
        "name": "",
        "type": entry.series.hardware,
        "cpu_info": at.cpu if at else "",
        "cpu_count": at.cores if at else 0,
        "mem_info": "",
        "avail_mem_in_gb": 0,
        "gpu_info": gpu,
        "gpu_count": 1 if gpu else 0,
        "gpu_mem_info": "",
        "avail_gpu_mem_in_gb": 0,
        "extra_info": {"driver": entry.series.driver} if entry.series.driver else {},
    }


def _torch(version: str) -> dict[str, Any]:
    built = _COMMIT_OF_TORCH.search(version)
    return {
        "repo": "pytorch/pytorch",
        "branch": "",
        "sha": built[1] if built else "",
        "version": version,
        "extra_info": {},
    }


def _about(entry: Entry) -> dict[str, str]:
    """What the table has no column for, as the text that its map takes."""
    of, at = entry.series, entry.value
    told = {
        "unit": of.unit,
        "better": "higher" if of.higher_is_better else "lower",
        "samples": str(at.samples),
        "low": None if at.low is None else repr(at.low),
        "high": None if at.high is None else repr(at.high),
        "uncommitted": "true" if at.head.endswith(UNCOMMITTED) else None,
    }
    return {name: value for name, value in told.items() if value is not None}
