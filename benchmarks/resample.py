"""Tries the verdict on recorded step times of identical code, again and again.

Each trial draws launches of one workload from the recordings of `record_rounds.py`, shuffles the
builds of each, swaps base and head at random, makes head slower by a known share, and lets the
sequential rule of a run decide (`runners/verdict/sequence.py`). Printed is how often each verdict
comes, and after how many seconds of steps, those that are dropped at the start of each turn
included. The last line of a workload tries the slowdown that "same" was said to have caught, in
the middle of those verdicts.
"""

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch_perflint.runners.verdict.compare import Verdict
from torch_perflint.runners.verdict.judge import Thresholds
from torch_perflint.runners.verdict.sequence import Budget, replay

# How much may be measured, and which slowdowns to try: as much as a run may, as little as is enough
# on a quiet machine, and with more launches on a loaded one.
PLANS = {
    "run": (Budget(), (0.0, 0.03, 0.05, 0.10)),
    "quiet": (Budget(seconds=8.0, launches=2), (0.0, 0.03, 0.05)),
    "loaded": (Budget(seconds=55.0, launches=9), (0.0, 0.05, 0.10)),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of the trials with one slowdown."""

    slowdown: float
    verdicts: Counter[str]
    seconds: tuple[float, ...]
    detectable: tuple[float, ...]  # of those that ended as "same"

    def share(self, verdict: str) -> float:
        """How many of all trials ended so."""
        return self.verdicts[verdict] / len(self.seconds)


def draw(rng: np.random.Generator, pool: Sequence[Any], count: int, slowdown: float) -> list[Any]:
    """Make the launches of one trial: lists of builds, arrays of shape (rounds, 2) in seconds."""
    # Whichever side was called head, the code is the same; what a side keeps for good, it keeps.
    turned = -1 if rng.random() < 0.5 else 1
    launches = []
    for index in rng.choice(len(pool), min(count, len(pool)), replace=False):
        builds = [np.asarray(build, dtype=float) for build in pool[index]]
        order = rng.permutation(len(builds))
        launches.append([builds[n][:, ::turned] * (1.0, 1.0 + slowdown) for n in order])
    return launches


def resample(
    pool: Sequence[Any], slowdown: float, budget: Budget, trials: int, steps: int, seed: int = 1
) -> Tried:
    """Judge `trials` draws from the launches in `pool`; a turn took `steps` steps."""
    rng = np.random.default_rng(seed)
    done = [
        replay(draw(rng, pool, budget.launches, slowdown), Thresholds(), budget, steps=steps)
        for _ in range(trials)
    ]
    return Tried(
        slowdown,
        Counter(one.verdict.value for one in done),
        tuple(one.seconds for one in done),
        tuple(one.comparison.detectable for one in done if one.verdict is Verdict.SAME),
    )


def read(file: Path, workload: str, *, rebuilt: bool) -> tuple[list[Any], int]:
    """Return the launches of a file that were asked for, and the steps of a turn."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    wanted = [one for one in lines if (one["workload"], one["rebuilt"]) == (workload, rebuilt)]
    if not wanted:
        raise SystemExit(f"{file} has no such launch of {workload}")
    # One step of each turn is dropped, and takes its time as well.
    return [one["segments"] for one in wanted], wanted[0]["keep"] + 1


def main() -> int:
    """Print what comes of each slowdown, for each workload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="what record_rounds.py wrote")
    parser.add_argument("--plan", choices=[*PLANS], default="run", help="default: %(default)s")
    parser.add_argument("--kept", action="store_true",
                        help="launches that kept one build of the state")  # fmt: skip
    parser.add_argument("--trials", type=int, default=1000, help="default: %(default)s")
    options = parser.parse_args()
    budget, slowdowns = PLANS[options.plan]
    lines = [json.loads(line) for line in options.file.read_text().splitlines()]
    for workload in dict.fromkeys(line["workload"] for line in lines):
        pool, steps = read(options.file, workload, rebuilt=not options.kept)
        print(f"{workload}: {len(pool)} launches, {options.trials} trials each, "
              f"{budget.seconds:.0f} s and {budget.launches} launches at most")  # fmt: skip
        same = resample(pool, 0.0, budget, options.trials, steps)
        claimed = [statistics.median(same.detectable)] if same.detectable else []
        for slowdown in (*slowdowns, *claimed):
            tried = resample(pool, slowdown, budget, options.trials, steps) if slowdown else same
            told = ", ".join(f"{name} {tried.share(name):.1%}" for name in sorted(tried.verdicts))
            print(f"  +{100 * slowdown:.3g} %: {told}; {np.mean(tried.seconds):.1f} s on average, "
                  f"{max(tried.seconds):.1f} s at most", flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
