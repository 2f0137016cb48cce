"""Ours and the peers' ways to tell change points, asked in one form; what they said is kept."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from change_series import PLACE
from torch_perflint import PerflintError
from torch_perflint.telemetry.changes import Changes, find_changes

PEERS = {"apache-otava": "0.8.0", "ruptures": "1.1.10"}
SCRIPT = Path(__file__).with_name("peers") / "change_points.py"
STEPS = (0.0, 0.01, 0.02, 0.05)
NEAR, MISPLACED = 5, 40
DELAYS = (1, 2, 3, 4, 6, 8, 12, 20, 40, 150)
P_VALUES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
SETTINGS: dict[str, list[list[Any]]] = {
    "otava": [[p, smallest] for p in P_VALUES for smallest in (0, 0.01, 0.02, 0.04)],
    "ruptures": [["linear", c] for c in (3, 4, 6, 8, 12, 20, 30, 60, 120)]
    + [["rbf", c] for c in (0.5, 1, 1.5, 2, 3, 6, 10)],
}


class Kept:
    """What was measured, by name, in a JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name: str, measure: Callable[..., Any], *words: Any, **more: Any) -> Any:
        """The value of this name; measured and written where it is not there."""
        if name not in self.values:
            self.values[name] = measure(*words, **more)
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


def false_points(kept: Kept, tool: str, kind: str, number: int) -> float:
    """How many points one setting of a peer tells of a series of this kind without a step."""
    return count([points[number] for points in kept.values[f"{tool} {kind} 0.0"]], 0)[2]


def found(kept: Kept, tool: str, kind: str, number: int) -> list[float]:
    """Which part of each step one setting of a peer finds."""
    return [
        count([points[number] for points in kept.values[f"{tool} {kind} {step}"]], step)[0]
        for step in STEPS[1:]
    ]


def chosen(kept: Kept, tool: str, kind: str, most: float) -> int:
    """The setting that finds most of those that tell no more than `most` false points.

    Where each tells more: the one that tells fewest.
    """
    numbers = range(len(SETTINGS[tool]))
    false = [false_points(kept, tool, kind, number) for number in numbers]
    fine = [number for number in numbers if false[number] <= most]
    if not fine:
        return min(numbers, key=lambda number: false[number])
    return max(fine, key=lambda number: sum(found(kept, tool, kind, number)))


def one_for_all(kept: Kept, tool: str, limits: dict[str, float]) -> tuple[int, bool]:
    """The setting that finds most over all kinds of noise within `limits` of false points.

    Where none keeps within them, the one that is farthest below the limit it breaks most; and
    whether it keeps within them.
    """
    numbers = range(len(SETTINGS[tool]))
    worst = [
        max(false_points(kept, tool, kind, number) / most for kind, most in limits.items())
        for number in numbers
    ]
    fine = [number for number in numbers if worst[number] <= 1]
    if not fine:
        return min(numbers, key=lambda number: worst[number]), False

    def total(number: int) -> float:
        return sum(sum(found(kept, tool, kind, number)) for kind in limits)

    return max(fine, key=total), True


def named(setting: list[Any]) -> str:
    """A setting of a peer in few words."""
    return " ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in setting)
