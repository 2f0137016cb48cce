"""Finds in a row of commits the one that brought a change, with few measurements. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ...runners.result import TestResult
from ...runners.verdict.compare import Verdict

# Of a commit whose side of the middle is in doubt, so many measurements in all.
_MOST_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Effect:
    """What a commit is against the first one: a relative change, or a count and its exact value."""

    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Target:
    """What is looked for: the time of a step, or the count of that name."""

    counter: str = ""

    def effect(self, result: TestResult | None) -> Effect | None:
        """What a result says of it; None where it says nothing, as of a commit that is broken."""
        if result is None:
            return None
        if self.counter:
            found = next((one for one in result.counters if one.name == self.counter), None)
            if found is None:
                return None
            grown = float(found.head - found.base)
            return Effect(grown, grown, grown)
        if result.comparison is None or result.comparison.spoiled:
            # Nothing was timed where both sides run the same code.
            return Effect(0.0, 0.0, 0.0) if result.verdict is Verdict.SAME else None
        at = result.comparison
        return Effect(at.change, at.low, at.high)


@dataclass(frozen=True, slots=True)
class Found:
    """Where the change lies: after commit `before`, at `at`.

    `skipped` lie between and could not be measured. `total` is what the last commit is against the
    first one. `doubtful` are commits whose side was decided by a point estimate alone.
    """

    before: int
    at: int
    total: Effect
    skipped: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()


@dataclass(slots=True)
class _Looks:
    """Measurements of commits against the first one."""

    measure: Callable[[int, int], Effect | None]
    seen: dict[int, list[Effect | None]] = field(default_factory=dict)

    def at(self, place: int, looks: int = 1) -> Effect | None:
        known = self.seen.setdefault(place, [])
        while len(known) < looks:
            known.append(self.measure(place, len(known)))
        told = [one for one in known if one is not None]
        if not told:
            return None
        share = 1 / len(told)
        return Effect(
            sum(one.change for one in told) * share,
            sum(one.low for one in told) * share,
            sum(one.high for one in told) * share,
        )


def search(last: int, total: Effect, measure: Callable[[int, int], Effect | None]) -> Found:
    """Find between commit 0 and commit `last` the one at which half of `total` is passed.

    `measure` says what a commit is against commit 0, and which look at it that is, from 0. Each
    commit costs one look, and a second one where its interval holds the half. One that cannot be
    measured is passed over for its neighbours, as `git bisect skip` does.
    """
    looks, half = _Looks(measure), total.change / 2
    before, after = 0, last
    skipped: set[int] = set()
    doubtful: set[int] = set()
    while place := _next(before, after, skipped):
        effect = looks.at(place)
        if effect is not None and effect.low <= half <= effect.high:
            effect = looks.at(place, _MOST_LOOKS)
            if effect is not None and effect.low <= half <= effect.high:
                doubtful.add(place)
        if effect is None:
            skipped.add(place)
        elif (effect.change - half) * total.change > 0:
            after = place
        else:
            before = place
    between = tuple(sorted(one for one in skipped if before < one < after))
    return Found(before, after, total, between, tuple(sorted(doubtful)))


def _next(before: int, after: int, skipped: set[int]) -> int | None:
    """The commit nearest to the middle that can be measured; None where there is none."""
    left = [one for one in range(before + 1, after) if one not in skipped]
    return min(left, key=lambda one: abs(2 * one - before - after), default=None)


def target_of(result: TestResult) -> Target | None:
    """Say what of a result is worth a search: its time, or the first count over its budget."""
    if result.verdict in (Verdict.SLOWER, Verdict.FASTER):
        return Target()
    over = [one.name for one in result.over_budget]
    return Target(over[0]) if over else None
