"""What the counts of steps say: every step, every fifth, or now and then; and a budget. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from .trace import Counts, Sync, Trace


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often something happens in steady steps.

    `least` and `most` are over the steps in which it happens at all, `steps` of `among`. `every` is
    the distance between those steps, None where it is not always the same.
    """

    least: int
    most: int
    typical: int
    steps: int
    among: int
    every: int | None

    @property
    def is_in_every_step(self) -> bool:
        """Whether no steady step is without it."""
        return 0 < self.among == self.steps


def rhythm(counts: Counts, among: Sequence[int]) -> Rhythm:
    """Read the counts of the steady steps whose numbers are `among`."""
    hit = sorted(step for step in counts.steady if step in among)
    times = [counts.steady[step] for step in hit]
    gaps = {later - earlier for earlier, later in pairwise(hit)}
    return Rhythm(
        least=min(times, default=0),
        most=max(times, default=0),
        typical=int(median(times)) if times else 0,
        steps=len(hit),
        among=len(among),
        every=gaps.pop() if len(gaps) == 1 else None,
    )


def waits_by_step(syncs: Iterable[Sync], among: Iterable[int]) -> dict[int, int]:
    """How often each of these steps makes the host wait."""
    total: Counter[int] = Counter()
    for sync in syncs:
        if sync.kind.blocks:
            total.update(sync.counts.steady)
    return {step: total[step] for step in among}


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The worst steady step: how often it waits, and where."""

    step: int
    waits: int
    steps_over: int
    syncs: tuple[Sync, ...]


def over_budget(trace: Trace, budget: int, *, skip: int = 1) -> OverBudget | None:
    """Return the worst step that waits more than `budget` times, the first `skip` left out."""
    waits = waits_by_step(trace.syncs, range(max(2, skip + 1), trace.steps + 1))
    over = [step for step, count in waits.items() if count > budget]
    if not over:
        return None
    worst = max(over, key=lambda step: waits[step])
    there = [s for s in trace.syncs if s.kind.blocks and s.counts.steady.get(worst)]
    there.sort(key=lambda s: -s.counts.steady[worst])
    return OverBudget(worst, waits[worst], len(over), tuple(there))
