"""Series from published results of asv: `MACHINE/COMMIT-ENVIRONMENT.json` in a folder."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch_perflint import PerflintError


def stretches(folder: Path, length: int, most: int) -> dict[str, list[float]]:
    """The newest `length` values of up to `most` benchmarks, in the order of their commits' dates.

    Of each benchmark the first set of parameters, on the machine and environment with most results.
    The benchmarks are spread evenly over the alphabet.
    """
    results = _results(folder)
    long = {name: [value for _, value in sorted(points)] for name, points in results.items()}
    long = {
        name: values[-length:] for name, values in sorted(long.items()) if len(values) >= length
    }
    if not long:
        raise PerflintError(f"no benchmark in {folder} has {length} results")
    names = list(long)
    step = max(len(names) / most, 1.0)
    return {
        name: long[name] for name in (names[int(i * step)] for i in range(int(len(names) / step)))
    }


def _results(folder: Path) -> dict[str, list[tuple[int, float]]]:
    by_environment: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.glob("*/*-*.json")):
        by_environment[f"{file.parent.name} {file.name.split('-', 1)[1]}"].append(file)
    if not by_environment:
        raise PerflintError(f"{folder} holds no MACHINE/COMMIT-ENVIRONMENT.json")
    files = max(by_environment.values(), key=len)
    out: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for file in files:
        kept = json.loads(file.read_text(encoding="utf-8"))
        for name, value in _times(kept):
            out[name].append((kept["date"], value))
    return out


def _times(kept: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Each timed benchmark with its first value; None and NaN are results that failed."""
    where = kept.get("result_columns", ["result"]).index("result")
    for name, row in kept["results"].items():
        values = row[where] if isinstance(row, list) else row
        first = values[0] if isinstance(values, list) and values else values
        if ".time" in name and isinstance(first, float) and first == first and first > 0:
            yield name, first
