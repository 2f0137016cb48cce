"""Change points: ours beside Apache Otava and ruptures, on simulated and on real series.

    python benchmarks/changes.py FILE [--series 300] [--asv FOLDER]

Each kind of noise of `change_series.py` with steps of 0, 1, 2 and 5 % in the middle of 300 points. A
hit is a point within 5 of the true place; every other point is false, or misplaced where the step
has no hit and the point lies within 40. The delay is how many values after the step had come when
a hit was first told, each prefix asked anew. Of the peers' settings, for each kind of noise, those
count that tell no more false points without a step than ours do; of these, the one that finds most.
FILE keeps what was measured, so that a run goes on where it was stopped; then the table is written.
`--asv` is a folder of results that asv has published, `results/MACHINE/*.json`.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asv_series import stretches
from change_series import KINDS, LENGTH, PLACE, series
from environments import cache_folder, environment

from torch_perflint import PerflintError
from torch_perflint.telemetry.changes import Changes, find_changes

PEERS = {"apache-otava": "0.8.0", "ruptures": "1.1.10"}
SCRIPT = Path(__file__).with_name("peers") / "change_points.py"
STEPS = (0.0, 0.01, 0.02, 0.05)
NEAR, MISPLACED = 5, 40
DELAYS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 100, 150)
P_VALUES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
SETTINGS: dict[str, list[list[Any]]] = {
    "otava": [[p, smallest] for p in P_VALUES for smallest in (0, 0.01, 0.02, 0.04)],
    "ruptures": [["linear", c] for c in (3, 4, 6, 8, 12, 20, 30, 60, 120)]
    + [["rbf", c] for c in (0.5, 1, 1.5, 2, 3, 6, 10)],
}
BUDGET = {"drift": 0.2, "seasonal": 0.2}


class Kept:
    """What was measured, by name, in a JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name: str, measure: Callable[[], Any]) -> Any:
        """The value of this name; measured and written where it is not there."""
        if name not in self.values:
            self.values[name] = measure()
            self.path.write_text(json.dumps(self.values))
        return self.values[name]


def ask(python: Path, **question: Any) -> Any:
    """One question to the peers' process."""
    done = subprocess.run(
        [str(python), str(SCRIPT)], input=json.dumps(question), capture_output=True, text=True
    )
    if done.returncode:
        raise PerflintError(f"the peers' process failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def our_points(all_series: Sequence[list[float]]) -> list[list[int]]:
    """The indices that we tell of each series."""
    return [[point.index for point in find_changes(one).points] for one in all_series]


def our_delays(all_series: Sequence[list[float]]) -> list[int | None]:
    """After how many values we first tell the step; each prefix goes on from the one before."""
    out: list[int | None] = []
    for one in all_series:
        told: Changes = find_changes(one[:PLACE])
        for delay in DELAYS:
            told = find_changes(one[: PLACE + delay], earlier=told)
            if any(abs(point.index - PLACE) <= NEAR for point in told.points):
                out.append(delay)
                break
        else:
            out.append(None)
    return out


def count(told: Sequence[Sequence[int]], step: float) -> tuple[float, float, float]:
    """Hits, misplaced and false points per series."""
    hits = misplaced = false = 0
    for points in told:
        hit = bool(step) and any(abs(point - PLACE) <= NEAR for point in points)
        near = bool(step) and not hit and any(abs(point - PLACE) <= MISPLACED for point in points)
        hits, misplaced, false = hits + hit, misplaced + near, false + len(points) - hit - near
    return hits / len(told), misplaced / len(told), false / len(told)


def chosen(kept: Kept, tool: str, kind: str, ours: float) -> int | None:
    """Which setting finds most of those that tell no more false points than we do."""
    told = [kept.values[f"{tool} {kind} {step}"] for step in STEPS]
    fine = [
        number
        for number in range(len(SETTINGS[tool]))
        if count([points[number] for points in told[0]], 0)[2] <= ours
    ]

    def found(number: int) -> float:
        return sum(
            count([points[number] for points in cell], step)[0]
            for step, cell in zip(STEPS[1:], told[1:], strict=True)
        )

    return max(fine, key=found) if fine else None


def rows(kept: Kept, python: Path, number: int) -> list[str]:
    """The table of simulated series, as Markdown."""
    out = [
        "| noise | step | tool | hits | misplaced | false | delay, median | within 20 |",
        "|:--|--:|:--|--:|--:|--:|--:|--:|",
    ]
    for kind in KINDS:
        cells = {step: [series(kind, step, i).tolist() for i in range(number)] for step in STEPS}
        for step in STEPS:
            for tool, settings in SETTINGS.items():
                kept.get(
                    f"{tool} {kind} {step}",
                    lambda tool=tool, settings=settings, step=step: ask(  # type: ignore[misc]
                        python, tool=tool, ask="points", settings=settings, series=cells[step]
                    ),
                )
            kept.get(f"ours {kind} {step}", lambda step=step: our_points(cells[step]))  # type: ignore[misc]
        rate = count(kept.values[f"ours {kind} 0.0"], 0)[2]
        # Where ours tells none at all, the peers may still tell one in 300.
        peers = {tool: chosen(kept, tool, kind, max(rate, 1 / number)) for tool in SETTINGS}
        for step in STEPS:
            told = kept.values[f"ours {kind} {step}"]
            late = (
                kept.get(f"delay ours {kind} {step}", lambda: our_delays(cells[step]))
                if step
                else []
            )
            out.append(line(kind, step, "perflint", count(told, step), late))
            for tool, best in peers.items():
                if best is None:
                    out.append(
                        f"| {kind} | {step:.0%} | {tool}: no setting has so few false | | | | | |"
                    )
                    continue
                setting = SETTINGS[tool][best]
                told = [points[best] for points in kept.values[f"{tool} {kind} {step}"]]
                late = []
                if step and tool == "otava":
                    late = kept.get(
                        f"delay {tool} {setting} {kind} {step}",
                        lambda: ask(
                            python,
                            tool=tool,
                            ask="delay",
                            settings=[setting],
                            place=PLACE,
                            near=NEAR,
                            lengths=[PLACE + d for d in DELAYS],
                            series=cells[step],
                        ),
                    )
                named = " ".join(
                    f"{part:g}" if isinstance(part, float) else str(part) for part in setting
                )
                out.append(line(kind, step, f"{tool} {named}", count(told, step), late))
    return out


def line(
    kind: str, step: float, tool: str, counted: tuple[float, float, float], late: list[int | None]
) -> str:
    """One row."""
    hits, misplaced, false = counted
    middle, soon = "", ""
    if late:
        waits = [LENGTH if wait is None else wait for wait in late]
        half = statistics.median_low(waits)
        middle = "never" if half == LENGTH else str(half)
        soon = f"{sum(wait <= 20 for wait in waits) / len(waits):.0%}"
    found, beside = (f"{hits:.1%}", f"{misplaced:.1%}") if step else ("", "")
    return (
        f"| {kind} | {step:.0%} | {tool} | {found} | {beside} | {false:.3f} | {middle} | {soon} |"
    )


def speed(python: Path) -> list[str]:
    """Seconds of ours over Otava's, alternating, least of five each."""
    out = ["| points | perflint / Otava | one more point / Otava anew |", "|--:|--:|--:|"]
    for n in (100, 1_000, 10_000):
        one = series("gaussian", 0.05, 0, n=n, place=n // 2).tolist()
        ours, more, theirs = [], [], []
        for _ in range(5):
            start = time.perf_counter()
            find_changes(one)
            ours.append(time.perf_counter() - start)
            before = find_changes(one[:-1])
            start = time.perf_counter()
            find_changes(one, earlier=before)
            more.append(time.perf_counter() - start)
            theirs += ask(
                python, tool="otava", ask="seconds", settings=[[0.001, 0.0]], series=[one]
            )
        out.append(f"| {n:,} | {min(ours) / min(theirs):.2f} | {min(more) / min(theirs):.2f} |")
    return out


def main() -> None:
    """Measure what is not there yet, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--asv", type=Path)
    parser.add_argument("--python", type=Path, help="a Python with the peers; made where not given")
    wanted = parser.parse_args()
    python = wanted.python
    if python is None:
        names = [f"{name}=={version}" for name, version in PEERS.items()]
        python = environment(cache_folder() / "change-points", *names) / "python"
    kept = Kept(wanted.file)
    print(*speed(python), "", *rows(kept, python, wanted.series), sep="\n")
    if wanted.asv:
        print("", *real(kept, python, wanted.asv), sep="\n")


if __name__ == "__main__":
    main()
