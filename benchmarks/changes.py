"""Change points: ours beside Apache Otava and ruptures, on simulated and on real series.

    python benchmarks/changes.py FILE [--series 300] [--delays 300] [--asv FOLDER]

Each kind of noise of `change_series.py`, with steps of 0, 1, 2 and 5 % in the middle of 300 points.
A hit is a point within 5 of the true place; every other point is false, or misplaced where the step
has no hit and the point lies within 40. The delay is how many values after the step had come when
a hit was first told, each prefix asked anew. Of the peers' settings, for each kind of noise, those
count that tell no more false points without a step than ours do; of these, the one that finds most.
A second table has one setting for all kinds of noise.
FILE keeps what was measured, so that a run goes on where it was stopped; then the table is written.
`--asv` is a folder of results that asv has published, `results/MACHINE/*.json`.
"""

import argparse
import statistics
import time
from pathlib import Path

from asv_series import stretches
from change_series import KINDS, LENGTH, PLACE, series
from change_tools import (
    DELAYS,
    NEAR,
    PEERS,
    SETTINGS,
    STEPS,
    Kept,
    ask,
    chosen,
    count,
    named,
    one_for_all,
    our_delays,
    our_points,
)
from environments import cache_folder, environment
from torch_perflint.telemetry.changes import find_changes

# False points per series of 300 that no tool should tell more of, without a step.
LIMITS = {kind: 0.2 if kind in ("drift", "seasonal") else 0.05 for kind in KINDS}


def simulated(kept: Kept, python: Path, number: int, delays: int) -> list[str]:
    """The table of simulated series, as Markdown; delays of the first `delays` of each kind."""
    out = [
        "| noise | step | hits, % | misplaced, % | false points | delay |",
        "|:--|--:|--:|--:|--:|--:|",
    ]
    used = ["| noise | what it is | settings of the peers |", "|:--|:--|:--|"]
    for kind in KINDS:
        cells = {step: [series(kind, step, i).tolist() for i in range(number)] for step in STEPS}
        for step, cell in cells.items():
            kept.get(f"ours {kind} {step}", our_points, cell)
            for tool, settings in SETTINGS.items():
                words = {"tool": tool, "ask": "points", "settings": settings, "series": cell}
                kept.get(f"{tool} {kind} {step}", ask, python, **words)
        rate = count(kept.values[f"ours {kind} 0.0"], 0)[2]
        # Where ours tells none at all, the peers may still tell one.
        best = {tool: chosen(kept, tool, kind, max(rate, 1 / number)) for tool in SETTINGS}
        setting = {tool: SETTINGS[tool][which] for tool, which in best.items()}
        words = {"tool": "otava", "ask": "delay", "settings": [setting["otava"]], "near": NEAR}
        words |= {"place": PLACE, "lengths": [PLACE + delay for delay in DELAYS]}
        for step, cell in cells.items():
            told = [kept.values[f"ours {kind} {step}"]]
            for tool, which in best.items():
                told.append([one[which] for one in kept.values[f"{tool} {kind} {step}"]])
            late: list[str] = []
            if step:
                some, mark = cell[:delays], f"delay {delays}"
                ours = kept.get(f"{mark} ours {kind} {step}", our_delays, some)
                name = f"{mark} otava {setting['otava']} {kind} {step}"
                late = [waits(ours), waits(kept.get(name, ask, python, series=some, **words))]
            out.append(row(kind, step, [count(one, step) for one in told], late))
        named_settings = ", ".join(f"{tool} {named(one)}" for tool, one in setting.items())
        used.append(f"| {kind} | {KINDS[kind]} | {named_settings} |")
    return [*out, "", *used]


def waits(late: list[int | None]) -> str:
    """The median delay, and after how many it was told of nine in ten."""
    ends = sorted(LENGTH if wait is None else wait for wait in late)
    middle, most = (ends[int(part * (len(ends) - 1))] for part in (0.5, 0.9))
    return " to ".join("never" if wait == LENGTH else str(wait) for wait in (middle, most))


def row(kind: str, step: float, told: list[tuple[float, float, float]], late: list[str]) -> str:
    """One row: perflint, Otava and ruptures, in this order."""
    hits, misplaced, false = zip(*told, strict=True)
    cells = [" / ".join(f"{part:.1%}"[:-1] for part in parts) for parts in (hits, misplaced)]
    if not step:
        cells = ["", ""]
    cells += [" / ".join(f"{part:.3f}" for part in false), " / ".join(late)]
    return f"| {kind} | {step:.0%} | " + " | ".join(cells) + " |"


def with_one_setting(kept: Kept) -> list[str]:
    """False points, and steps of 1, 2 and 5 % found, where the noise is not known beforehand."""
    out = [
        "| tool | " + " | ".join(KINDS) + " |",
        "|:--|" + ":--|" * len(KINDS),
        "| perflint | " + " | ".join(_with_one(kept, "ours", kind, None) for kind in KINDS) + " |",
    ]
    for tool, settings in SETTINGS.items():
        which, fine = one_for_all(kept, tool, LIMITS)
        said = f"{tool} {named(settings[which])}" + ("" if fine else ", beyond the limits")
        cells = [_with_one(kept, tool, kind, which) for kind in KINDS]
        out.append(f"| {said} | " + " | ".join(cells) + " |")
    return out


def _with_one(kept: Kept, tool: str, kind: str, which: int | None) -> str:
    said = []
    for step in STEPS:
        told = kept.values[f"{tool} {kind} {step}"]
        hits, _, false = count(told if which is None else [one[which] for one in told], step)
        said.append(f"{hits:.0%}" if step else f"{false:.3f}")
    return f"{said[0]}; {', '.join(said[1:])}"


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


def real(kept: Kept, python: Path, folder: Path, most: int) -> list[str]:
    """The table of published series: as they are, and with a step put into their middle.

    A hit is a point within 5 of the step where the tool tells none of the series as it is.
    """
    plain = [*stretches(folder, LENGTH, most).values()]
    cells = {
        step: [
            [value * (1 + step) if place >= PLACE else value for place, value in enumerate(one)]
            for one in plain
        ]
        for step in STEPS
    }
    ours = {step: kept.get(f"ours real {step}", our_points, cell) for step, cell in cells.items()}
    rate = sum(map(len, ours[0.0])) / len(plain)
    out = ["| tool | told of a series as it is | +1 % found | +2 % found | +5 % found |"]
    out += ["|:--|--:|--:|--:|--:|", real_line("perflint", ours)]
    for tool, settings in SETTINGS.items():
        words = {"tool": tool, "ask": "points", "settings": settings}
        told = {
            step: kept.get(f"{tool} real {step}", ask, python, series=cell, **words)
            for step, cell in cells.items()
        }
        tables = [
            {step: [points[number] for points in told[step]] for step in STEPS}
            for number in range(len(settings))
        ]
        fine = [
            number
            for number, table in enumerate(tables)
            if sum(map(len, table[0.0])) / len(plain) <= rate
        ]
        best = max(fine, key=lambda number: sum(real_hits(tables[number])), default=None)
        if best is None:
            out.append(f"| {tool}: no setting tells so few | | | | |")
        else:
            out.append(real_line(f"{tool} {named(settings[best])}", tables[best]))
    return out


def real_hits(told: dict[float, list[list[int]]]) -> list[float]:
    """The part of series in which each step is found, of those without a point there before."""

    def there(points: list[int]) -> bool:
        return any(abs(point - PLACE) <= NEAR for point in points)

    return [
        sum(there(new) and not there(old) for new, old in zip(told[step], told[0.0], strict=True))
        / len(told[0.0])
        for step in STEPS[1:]
    ]


def real_line(tool: str, told: dict[float, list[list[int]]]) -> str:
    """One row."""
    each = sum(map(len, told[0.0])) / len(told[0.0])
    return f"| {tool} | {each:.2f} | " + " | ".join(f"{hit:.1%}" for hit in real_hits(told)) + " |"


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
    parser.add_argument("--delays", type=int, default=300, help="series asked at every length")
    parser.add_argument("--asv", type=Path)
    parser.add_argument("--real", type=int, default=300, help="benchmarks of asv at most")
    parser.add_argument("--python", type=Path, help="a Python with the peers; made where not given")
    wanted = parser.parse_args()
    python = wanted.python
    if python is None:
        names = [f"{name}=={version}" for name, version in PEERS.items()]
        python = environment(cache_folder() / "change-points", *names) / "python"
    kept = Kept(wanted.file)
    print(*speed(python), "", *simulated(kept, python, wanted.series, wanted.delays), sep="\n")
    print("", *with_one_setting(kept), sep="\n")
    if wanted.asv:
        print("", *real(kept, python, wanted.asv, wanted.real), sep="\n")


if __name__ == "__main__":
    main()
