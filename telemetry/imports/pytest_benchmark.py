"""Reads what pytest-benchmark saves: .benchmarks/MACHINE/NUMBER_NAME.json.

https://pytest-benchmark.readthedocs.io/en/stable/usage.html (--benchmark-save)
"""

from typing import Any

from ... import PerflintError
from ...runners.sample import Environment
from ...runners.verdict.compare import Verdict
from ..record import UNCOMMITTED, Reading, Source, StoredPoint, StoredRun
from .taken import LONGEST, Taken, fitting, moment_in, number, words


def read(saved: Any, repository: str) -> Taken:
    """Make a run of a saved file: each test's median time, in seconds.

    Raises PerflintError where it is no such file.
    """
    if not isinstance(saved, dict) or not isinstance(saved.get("benchmarks"), list):
        raise PerflintError('it is no saved result of pytest-benchmark: no list "benchmarks"')
    try:
        commit = saved["commit_info"]
        dirty = UNCOMMITTED if commit.get("dirty") else ""
        head = fitting(words(commit["id"]), LONGEST["commit"] - len(UNCOMMITTED)) + dirty
        created = moment_in(saved["datetime"])
        points, left = _points(saved["benchmarks"])
        environment = _environment(saved["machine_info"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PerflintError(f"it is no result as pytest-benchmark saves it: {error!r}") from error
    run = StoredRun(
        base="",
        head=head,
        created=created,
        perflint=fitting(f"pytest-benchmark {saved.get('version', '')}".strip(), LONGEST["tool"]),
        status=0,
        environment=environment,
        points=points,
        repository=repository,
        source=Source.IMPORT,
    )
    return Taken(run, left)


def _points(benchmarks: list[Any]) -> tuple[tuple[StoredPoint, ...], dict[str, int]]:
    points: dict[str, StoredPoint] = {}
    left: dict[str, int] = {}
    for one in benchmarks:
        median = number(one["stats"]["median"])
        test = fitting(words(one["fullname"]), LONGEST["test"])
        if test in points:
            raise ValueError(f"{test} is in it twice")
        if median is None:
            left["no number"] = left.get("no number", 0) + 1
            continue
        reading = Reading("time", "s", False, median)
        points[test] = StoredPoint(test, Verdict.NEW, 1.0, "calls", more=(reading,))
    return tuple(points.values()), left


def _environment(machine: dict[str, Any]) -> Environment:
    """Say where it was measured, as far as the file tells; `torch` and `gpu` are ours."""
    cpu = machine.get("cpu") or {}
    brand = cpu.get("brand_raw") or cpu.get("brand") or machine.get("processor") or ""
    gpu = fitting(machine.get("gpu") or "", LONGEST["hardware"])
    named = brand or machine.get("node") or machine.get("machine") or ""
    return Environment(
        python=fitting(machine.get("python_version", ""), 100),
        torch=fitting(machine.get("torch") or "", 100),
        platform=fitting(
            " ".join(str(machine[key]) for key in ("system", "release") if machine.get(key)), 200
        ),
        cpu=fitting(named, LONGEST["hardware"]),
        cores=int(cpu.get("count") or 0),
        threads=0,
        device="cuda" if gpu else "cpu",
        gpu=gpu or None,
        driver=fitting(machine.get("driver") or "", 100) or None,
        host=fitting(machine.get("node") or "", 100),
    )
