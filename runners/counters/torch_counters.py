"""Counts what steps do, exactly: a window of them, so that what not every step does is seen."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch

from ..config import COUNTERS
from ..limit import TimeLimit
from ..sample import Counts, Products, Reason, SyncSite
from ..sides.own_code import OwnCode
from . import torch_autograd, torch_compile, torch_launches, torch_memory
from .periods import Agreed, agree, common_period, period_of
from .python_calls import count_calls
from .reasons import reasons_of
from .torch_flops import Kind
from .torch_operators import Seen, Site, count_operators

Counted = Mapping[str, int]
Key = TypeVar("Key", bound=Hashable)

# Of many schedules, gradient accumulation over 2, 4 or 8 steps for one, two rounds are seen at
# once. Where steps differ more are looked at: the first optimizer step of all makes its state.
_WINDOW = 16
_MOST_STEPS = 4 * _WINDOW
# A step of a tenth of a second is counted through the first window in that time.
_WINDOW_SECONDS = 6.0
_PEAKS = ("peak_bytes",)


def count_steps(
    step: Callable[[], object],
    root: Path,
    compiled: torch_compile.Compiled | None = None,
    limit: TimeLimit | None = None,
) -> Counts:
    """Count steps that are past their first ones, and keep what they agree on.

    `root` is the worktree: a wait is put down to the innermost line under it. Without a GPU, a read
    of any tensor counts as a wait, as it would be with that tensor on the device; left out are the
    optimizer's own step counters and data loading, which PyTorch keeps on the CPU anyway.

    Operators are counted in 16 steps that follow each other, or up to 64 where these differ, but
    for steps so long that `limit` or six seconds are over before. The other instruments look at two
    steps, or at two whole rounds of the rhythm that was found; when the time is over they are left
    out.

    `compiled` is what `torch_compile.first_steps` counted. What is compiled is thrown away at the
    end, so that it can be counted a second time. One thing is looked at in one run of the step, so
    that no instrument sees another.
    """
    limit = limit or TimeLimit(_WINDOW_SECONDS * 10)
    with torch_compile.as_written():
        seen = _window(step, root, limit.within(_WINDOW_SECONDS))
    operators = _Operators.of(seen)
    rounds = _Rounds(step, 2 * operators.period, limit)
    parts = [
        operators.agreed,
        agree(rounds.memory(), _PEAKS),
        *map(agree, rounds.called_and_saved(root)),
    ]
    reasons: list[Reason] = []
    if compiled is None:
        compiled = torch_compile.Compiled(
            {} if torch_compile.is_compiled() else torch_compile.NOTHING
        )
    if limit.is_over() and torch_compile.is_compiled():
        rounds.late += compiled.counts
    else:
        twice = torch_compile.compile_again(step, compiled)
        parts.append(agree([one.counts for one in twice]))
        reasons = reasons_of(twice[0].told, OwnCode(root).path, str(root))
    return Counts(
        _known({name: n for part in parts for name, n in part.values.items()}),
        _known({name: both for part in parts for name, both in part.unstable.items()}),
        operators.sites,
        operators.products,
        steps={name: n for part in parts for name, n in part.steps.items()},
        period=operators.period,
        counted=len(seen),
        late=tuple(rounds.late),
        reasons=tuple(reasons),
    )


_Value = TypeVar("_Value")


def _known(found: Mapping[str, _Value]) -> dict[str, _Value]:
    return {name: found[name] for name in COUNTERS if name in found}


def _window(step: Callable[[], object], root: Path, limit: TimeLimit) -> list[Seen]:
    """Count steps until their rhythm is clear; return those to judge by, at least two."""
    seen: list[Seen] = []
    while len(seen) < _MOST_STEPS:
        seen.append(count_operators(step, root))
        if len(seen) >= 2 and limit.is_over():
            break
        if len(seen) == _WINDOW and _rhythms(seen) == {1}:
            break
        whole = len(seen) >= 2 * _WINDOW and len(seen) % _WINDOW == 0
        if whole and None not in _rhythms(seen[-2 * _WINDOW :]):
            break
    return seen[-2 * _WINDOW :]


def _rhythms(seen: Sequence[Seen]) -> set[int | None]:
    """Return the periods of all that was seen, None for what has none."""
    names = seen[0].counts
    return {
        *(period_of([one.counts.get(name) for one in seen]) for name in names),
        *(period_of(series) for series in _series([one.sites for one in seen]).values()),
        *(period_of(series) for series in _series([one.products for one in seen]).values()),
    } or {1}


def _series(rows: Sequence[Counter[Key]]) -> dict[Key, list[int]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: [row[key] for row in rows] for key in keys}


class _Operators(NamedTuple):
    """What the steps of a window agree on; they come round every `period` steps."""

    agreed: Agreed
    sites: tuple[SyncSite, ...]
    products: tuple[Products, ...]
    period: int

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "_Operators":
        return cls(
            agree([one.counts for one in seen]),
            tuple(_agreed_sites([one.sites for one in seen])),
            _agreed_products([one.products for one in seen]),
            common_period(period for period in _rhythms(seen) if period is not None),
        )


def _agreed_sites(rows: Sequence[Counter[Site]]) -> Iterator[SyncSite]:
    for (path, line, operator), series in sorted(_series(rows).items()):
        period = period_of(series)
        if period is not None:
            yield SyncSite(path, line, operator, sum(series[:period]), period)


def _agreed_products(rows: Sequence[Counter[Kind]]) -> tuple[Products, ...]:
    # Where the parts differ without a rhythm there is no telling which step is the one timed.
    found = {kind: (series, period_of(series)) for kind, series in sorted(_series(rows).items())}
    mean = {
        (device, kind): round(sum(series[:period]) / period)
        for (device, kind), (series, period) in found.items()
        if period is not None
    }
    if len(mean) < len(found):
        return ()
    return tuple(Products(device, kind, n) for (device, kind), n in mean.items() if n)


class _Rounds:
    """Lets the other instruments look at as many steps each; `late` are counters left out."""

    def __init__(self, step: Callable[[], object], times: int, limit: TimeLimit) -> None:
        self._step, self._times, self._limit = step, times, limit
        self.late: list[str] = []

    def memory(self) -> list[Counted]:
        """Count memory; no row where the time is over."""
        names = ("allocated_bytes", "peak_bytes")
        if self._limit.is_over():
            return self._without(*names)
        rows: list[Counted] = list(torch_memory.count_memory(self._step, self._times, self._limit))
        return rows if len(rows) == self._times else self._without(*names)

    def called_and_saved(self, root: Path) -> Iterator[list[Counted]]:
        """Count calls, launches and what is saved, each in steps of its own."""
        yield self._each("python_calls", lambda: count_calls(self._step, root))
        if torch.cuda.is_available():
            yield self._each("kernel_launches", lambda: torch_launches.count_launches(self._step))
        if not torch_compile.is_compiled():
            # Hooks would be compiled into the step, which then is another one.
            name = "saved_for_backward_bytes"
            yield self._each(name, lambda: torch_autograd.count_saved(self._step))

    def _each(self, name: str, count: Callable[[], int | None]) -> list[Counted]:
        rows: list[Counted] = []
        for _ in range(self._times):
            if self._limit.is_over():
                return self._without(name)
            found = count()
            if found is None:
                return []
            rows.append({name: found})
        return rows

    def _without(self, *names: str) -> list[Counted]:
        self.late += names
        return []
