"""Finds the likely cause of a change: joins profile, exact counts and lint findings on one line.

Nothing is said that the data cannot support: a count never becomes time, and a small share of the
time that was added is no cause.
"""

import re
from dataclasses import dataclass

from ..lints.finding import Finding
from ..runners.counters.counts import words
from ..runners.profiling.parts import Part
from ..runners.profiling.profile import (
    UNEXPLAINED,
    LineChange,
    OperatorChange,
    PartChange,
    ProfileChange,
)
from ..runners.result import CounterChange, TestResult
from ..runners.sample import Reason
from .memory_cause import MemoryCause, cause_of_memory
from .placed import Placed

# Below this share of the time that a step gained, a line or an operator explains too little.
EXPLAINS = 0.25
# A further line is worth counting from this share on.
WORTH_COUNTING = 0.05

# Lines that take by more than so many times longer than the whole step, and by such a share of it,
# have taken over what other code did before, as code does that moves into a file of its own. Less
# than that share, the clock may err by.
TAKES_OVER, TAKEN_OVER_SHARE = 3.0, 0.25

# The profile's own resolution, in milliseconds per step.
SMALLEST_MS = 0.005

# Parts that say less than the name of an operator.
_UNSPECIFIC = (Part.COMPUTE.value, Part.HOST.value)

HOST_SYNCS = "host syncs"
OPERATORS = "operators"


@dataclass(frozen=True, slots=True)
class LineCause:
    """Lines that this change added or edited and that take longer than what they replace.

    `others` of them stand behind the one that is named. Together they took `base_ms` of a step and
    take `head_ms`; other lines of this change take `saved_ms` less. `gained` is by how much the
    whole step grew, by the clock and not the profile. `with_calls` says that the times are those of
    a line with all that it calls, none of which explains as much.
    """

    line: LineChange
    others: int
    base_ms: float
    head_ms: float
    saved_ms: float
    gained: float
    finding: Finding | None
    operator: OperatorChange | None
    with_calls: bool = False

    @property
    def exceeds(self) -> bool:
        """Whether the profile gives the change clearly more than the clock gives the whole step."""
        return self.head_ms - self.base_ms - self.saved_ms > (1 + WORTH_COUNTING) * self.gained


@dataclass(frozen=True, slots=True)
class OperatorCause:
    """An operator whose time changed, and the line where most of it is.

    A line of this change is one that calls the operator, as far as its text tells, or the one that
    grew most.
    """

    operator: OperatorChange
    line: LineChange | None


@dataclass(frozen=True, slots=True)
class PartCause:
    """The part of the step that grew, where neither a line nor an operator explains it."""

    part: PartChange


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A step that takes `gained` milliseconds more or less, and a profile that shows nothing."""

    gained: float


@dataclass(frozen=True, slots=True)
class SyncCause:
    """A line where head makes the host wait for the device."""

    path: str
    line: int
    operator: str
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class CallsCause:
    """The operator whose number of calls grew most, and the line of this change that calls it."""

    operator: OperatorChange
    line: LineChange | None


@dataclass(frozen=True, slots=True)
class CompileCause:
    """Why `torch.compile` breaks a graph or compiles once more on head only, `others` beside it."""

    reason: Reason
    others: int


CauseOfTime = LineCause | OperatorCause | PartCause | Unexplained
CauseOfCount = SyncCause | CallsCause | CompileCause | MemoryCause
Cause = CauseOfTime | CauseOfCount


def cause_of_time(result: TestResult, findings: Placed) -> CauseOfTime | None:
    """Why a timed test changed, as far as its profile knows; None where there is no profile."""
    if result.comparison is None or result.profile is None:
        return None
    at = result.comparison
    gained = (at.head_seconds - at.base_seconds) * 1000
    most = max(TAKES_OVER * abs(gained), TAKEN_OVER_SHARE * at.head_seconds * 1000)
    moved = _has_moved(result.profile, most)
    operator = _operator(result.profile, gained, moved)
    lines = None
    if gained > 0 and not moved:
        lines = _grown_lines(result.profile, gained, findings, operator)
        lines = lines or _calling_line(result.profile, gained, most, findings, operator)
    part = _part(result.profile, gained)
    if part and operator and operator.line is None and part.part.part not in _UNSPECIFIC:
        # "The optimizer" says more than "multiplications, somewhere".
        operator = None
    return lines or operator or part or Unexplained(gained)


def cause_of_count(
    result: TestResult, counter: CounterChange, findings: Placed
) -> CauseOfCount | None:
    """Why a count grew, as far as its places and the profile know; that is no claim about time."""
    sites = [(findings.at(site.path, site.line), site) for site in counter.sites]
    if sites:
        # A place that the linter names as well comes first, then the one that waits most.
        finding, site = min(sites, key=lambda pair: (pair[0] is None, -pair[1].count))
        return SyncCause(site.path, site.line, site.operator, finding)
    if counter.new_reasons:
        return CompileCause(counter.new_reasons[0], len(counter.new_reasons) - 1)
    if result.memory is not None and (holds := cause_of_memory(result.memory, counter)):
        return holds
    if words(counter) == OPERATORS and result.profile is not None:
        return _more_calls(result.profile)
    return None


def _has_moved(profile: ProfileChange, most: float) -> bool:
    """Whether the lines of the change do what lines that are gone did before, of another file."""
    return sum(_growth(line) for line in profile.lines if line.touched) > most


def _grown_lines(
    profile: ProfileChange,
    gained: float,
    findings: Placed,
    operator: OperatorCause | None,
) -> LineCause | None:
    grown = sorted((line for line in profile.lines if line.touched), key=_growth, reverse=True)
    grown = [line for line in grown if _growth(line) >= WORTH_COUNTING * gained]
    total = sum(_growth(line) for line in grown)
    if not grown or total < max(EXPLAINS * gained, SMALLEST_MS):
        return None
    finding = findings.at(grown[0].path, grown[0].line)
    named = operator.operator if operator else None
    before, after = sum(line.base_ms for line in grown), sum(line.head_ms for line in grown)
    edited = [_growth(line) for line in profile.lines if line.touched]
    saved = -sum(one for one in edited if one <= -WORTH_COUNTING * gained)
    return LineCause(grown[0], len(grown) - 1, before, after, saved, gained, finding, named)


def _calling_line(
    profile: ProfileChange,
    gained: float,
    most: float,
    findings: Placed,
    operator: OperatorCause | None,
) -> LineCause | None:
    """The line of this change that has most more time spent in what it calls."""

    def growth(line: LineChange) -> float:
        return line.head_total_ms - line.base_total_ms

    touched = [line for line in profile.lines if line.touched]
    touched = [line for line in touched if growth(line) <= most]
    best = max(touched, key=growth, default=None)
    if best is None or growth(best) < max(EXPLAINS * gained, SMALLEST_MS):
        return None
    return LineCause(
        best,
        0,
        best.base_total_ms,
        best.head_total_ms,
        0.0,
        gained,
        findings.at(best.path, best.line),
        operator.operator if operator else None,
        with_calls=True,
    )


def _operator(profile: ProfileChange, gained: float, moved: bool) -> OperatorCause | None:
    sign = 1 if gained > 0 else -1
    best = max(profile.operators, key=lambda operator: sign * _growth(operator), default=None)
    if best is None or sign * _growth(best) < max(EXPLAINS * abs(gained), SMALLEST_MS):
        return None
    if sign > 0 and not moved and (edited := _edited_line(profile, best)):
        return OperatorCause(best, edited)
    line = max(profile.lines, key=lambda line: sign * _growth(line), default=None)
    if line is not None and (line.touched or sign * _growth(line) < EXPLAINS * abs(gained)):
        line = None
    return OperatorCause(best, line)


def _part(profile: ProfileChange, gained: float) -> PartCause | None:
    """The part that changed most, as the step did, and by more than the profile errs."""
    sign = 1 if gained > 0 else -1
    known = [part for part in profile.parts if part.part != UNEXPLAINED]
    best = max(known, key=lambda part: sign * _growth(part), default=None)
    if best is None or best.within_ms is None:
        return None
    enough = max(EXPLAINS * abs(gained), SMALLEST_MS, best.within_ms)
    return PartCause(best) if sign * _growth(best) >= enough else None


def _edited_line(profile: ProfileChange, operator: OperatorChange) -> LineChange | None:
    """The line of this change that calls the operator by name, else the one that grew most."""
    grown = [line for line in profile.lines if line.touched and _growth(line) >= SMALLEST_MS]
    # `aten::add_` is written as `add_`, `+=` or not at all.
    name = operator.name.split("::")[-1].strip("_")
    named = [line for line in grown if re.search(rf"\b{re.escape(name)}_?\b", line.source)]
    return max(named or grown, key=_growth, default=None)


def _more_calls(profile: ProfileChange) -> CallsCause | None:
    grown = max(profile.operators, key=lambda o: o.head_calls - o.base_calls, default=None)
    if grown is None or grown.head_calls - grown.base_calls < 0.5:
        return None
    return CallsCause(grown, _edited_line(profile, grown))


def _growth(change: LineChange | OperatorChange | PartChange) -> float:
    return change.head_ms - change.base_ms
