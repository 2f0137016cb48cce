"""Reads airspeed velocity's results: RESULTS/MACHINE/COMMIT-ENVIRONMENT.json, versions 1 and 2.

https://asv.readthedocs.io/en/stable/dev.html#benchmark-suite-layout-and-file-formats
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any

from ... import PerflintError
from ...runners.sample import Environment
from ...runners.verdict.compare import Verdict
from ..record import Reading, Source, StoredPoint, StoredRun
from .taken import LONGEST, Taken, fitting, moment_of, number, words

# What each type of benchmark measures: name, unit ("" where the benchmark says it).
_METRICS = {
    "time": ("time", "s"),
    "timeraw": ("time", "s"),
    "memory": ("memory", "bytes"),
    "peakmemory": ("peak_memory", "bytes"),
    "track": ("value", ""),
}
_CORES = re.compile(r"^(.*?) *\((\d+) cores?\)$")
_PACKAGES_OF_TORCH = ("torch", "pip+torch", "pytorch")


def read(saved: Any, benchmarks: Mapping[str, Any], repository: str) -> Taken:
    """Make a run of a results file; `benchmarks` is what benchmarks.json says of them.

    Results of another version of a benchmark are left out, as asv does, and so are those of which
    benchmarks.json says nothing. Intervals are asv's, of 99 %. Raises PerflintError where it is no
    such file.
    """
    if not isinstance(saved, dict) or not isinstance(saved.get("results"), dict):
        raise PerflintError('it is no results file of asv: no object "results"')
    if saved.get("version") not in (1, 2):
        raise PerflintError(f"it has version {saved.get('version')!r} of asv's format, not 1 or 2")
    left: Counter[str] = Counter()
    try:
        points = tuple(
            point
            for name, result in _results(saved)
            for point in _points(name, result, benchmarks.get(name), _suffix(saved), left)
        )
        started = [moment for _, one in _results(saved) if (moment := number(one["started_at"]))]
        run = StoredRun(
            base="",
            head=fitting(words(saved["commit_hash"]), LONGEST["commit"]),
            created=moment_of(max(started, default=saved["date"])),
            perflint="asv",
            status=0,
            environment=_environment(saved),
            points=points,
            repository=repository,
            source=Source.IMPORT,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise PerflintError(f"it is no results file as asv writes it: {error!r}") from error
    return Taken(run, dict(left))


def _results(saved: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each benchmark's result, parameters, version, start and ends of the interval."""
    if saved["version"] == 2:
        for name, row in saved["results"].items():
            told = dict(zip(saved["result_columns"], row, strict=False))
            yield (
                name,
                {
                    "result": told.get("result"),
                    "params": told.get("params") or [],
                    "version": told.get("version"),
                    "started_at": told.get("started_at"),
                    "low": told.get("stats_ci_99_a"),
                    "high": told.get("stats_ci_99_b"),
                },
            )
        return
    for name, value in saved["results"].items():
        told = value if isinstance(value, dict) else {"result": value}
        stats = _listed(told.get("stats"))
        ends = [(one or {}).get("ci_99") or (None, None) for one in stats]
        yield (
            name,
            {
                "result": _listed(told.get("result")),
                "params": told.get("params") or [],
                "version": saved.get("benchmark_version", {}).get(name),
                "started_at": saved.get("started_at", {}).get(name),
                "low": [low for low, _ in ends],
                "high": [high for _, high in ends],
            },
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _points(
    name: str,
    result: dict[str, Any],
    about: Any,
    suffix: str,
    left: Counter[str],
) -> Iterator[StoredPoint]:
    """Yield a point for each combination of parameters: the last of them varies fastest."""
    values, params = result["result"], result["params"]
    if values is None:
        left["failed or skipped"] += 1
        return
    if about is None or about.get("type") not in _METRICS:
        left["not in benchmarks.json"] += len(values)
        return
    if result["version"] and about.get("version") and result["version"] != about["version"]:
        left["of another version of the benchmark"] += len(values)
        return
    if len(values) != prod(len(one) for one in params):
        raise ValueError(f"{name} has {len(values)} values for its parameters")
    metric, unit = _METRICS[about["type"]]
    unit = fitting(unit or about.get("unit") or "unit", LONGEST["unit"])
    ends = zip(*(_as_long(result[end], len(values)) for end in ("low", "high")), strict=True)
    for chosen, value, (low, high) in zip(product(*params), values, ends, strict=True):
        known = number(value)
        if known is None:
            left["failed or skipped"] += 1
            continue
        bounds = number(low), number(high)
        whole = bounds if None not in bounds else (None, None)
        reading = Reading(metric, unit, False, known, *whole)
        test = fitting(f"{name}[{'-'.join(map(str, chosen))}{suffix}]", LONGEST["test"])
        yield StoredPoint(test, Verdict.NEW, 1.0, "calls", more=(reading,))


def _as_long(values: list[Any] | None, count: int) -> list[Any]:
    return values if values and len(values) == count else [None] * count


def _suffix(saved: dict[str, Any]) -> str:
    """The environment: asv compares results of one only, and may have several of a commit."""
    told = saved.get("env_name") or "-".join(
        [f"py{saved['python']}", *(f"{key}{saved['requirements'][key]}" for key in _sorted(saved))]
    )
    return f"@{told}"


def _sorted(saved: dict[str, Any]) -> list[str]:
    return sorted(saved.get("requirements") or {})


def _environment(saved: dict[str, Any]) -> Environment:
    machine, needs = saved["params"], saved.get("requirements") or {}
    cpu, cores = str(machine.get("cpu") or ""), str(machine.get("num_cpu") or "")
    if told := _CORES.match(cpu):
        cpu, cores = told[1], cores or told[2]
    named = machine.get("machine") or ""
    torch = next((needs[key] for key in _PACKAGES_OF_TORCH if needs.get(key)), "")
    return Environment(
        python=fitting(saved.get("python") or "", 100),
        torch=fitting(torch, 100),
        platform=fitting(machine.get("os") or "", 200),
        cpu=fitting(cpu or named, LONGEST["hardware"]),
        cores=int(cores) if cores.isdecimal() else 0,
        threads=0,
        device="cpu",
        host=fitting(named, 100),
    )
