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
DELAYS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 100, 150)
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


def named(setting: list[Any]) -> str:
    """A setting of a peer in few words."""
    return " ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in setting)
