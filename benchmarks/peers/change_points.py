"""Otava and ruptures on series from standard input; run with the Python of the peers.

Reads one JSON object: `ask` is "points" (all points of each series under each setting), "delay"
(at which of the `lengths` a point near `place` is first told) or "seconds" (what a series takes).
Writes one JSON array with an entry per series.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any


def otava(series: list[float], settings: list[list[float]]) -> list[list[int]]:
    """Points under each [max_pvalue, min_magnitude]; the windows are split once per p-value.

    Otava 0.8.0 fails on numpy arrays, and works on lists.
    """
    from otava.analysis import merge, split

    weak: dict[float, Any] = {}
    out = []
    for largest, smallest in settings:
        first = largest * 10 if largest < 0.05 else largest * 2 if largest < 0.5 else largest
        if largest not in weak:
            weak[largest] = split(series, 50, first)
        out.append([int(c.index) for c in merge([*weak[largest]], series, largest, smallest)])
    return out


def kernel(series: list[float], settings: list[list[Any]]) -> list[list[int]]:
    """Points of KernelCPD under each [kernel, penalty], in units of log n times the variance."""
    import numpy as np
    import ruptures

    values = np.array(series)
    noise = 1.4826 * float(np.median(np.abs(np.diff(values)))) / math.sqrt(2)
    out = []
    for name, penalty in settings:
        unit = math.log(len(values)) * (noise**2 if name == "linear" else 1.0)
        fitted = ruptures.KernelCPD(kernel=name, min_size=2).fit(values)
        out.append([int(place) for place in fitted.predict(pen=penalty * unit)[:-1]])
    return out


TOOLS: dict[str, Callable[[list[float], list[list[Any]]], list[list[int]]]] = {
    "otava": otava,
    "ruptures": kernel,
}


def main() -> None:
    """Answer one question."""
    question = json.load(sys.stdin)
    told, ask = TOOLS[question["tool"]], question["ask"]
    out: list[Any] = []
    for series in question["series"]:
        if ask == "points":
            out.append(told(series, question["settings"]))
        elif ask == "seconds":
            told(series[:100], question["settings"])
            start = time.perf_counter()
            told(series, question["settings"])
            out.append(time.perf_counter() - start)
        else:
            place = question["place"]
            for length in question["lengths"]:
                (points,) = told(series[:length], question["settings"])
                if any(abs(point - place) <= question["near"] for point in points):
                    out.append(length - place)
                    break
            else:
                out.append(None)
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
