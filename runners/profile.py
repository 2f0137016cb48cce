"""What a profile says, as plain data, and how the profiles of two sides differ."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """Self time of one operator, in milliseconds per step, and its calls per step."""

    name: str
    milliseconds: float
    calls: float


@dataclass(frozen=True, slots=True)
class LineTime:
    """Operator time that one line of the repository causes, backward included, in ms per step."""

    path: str
    line: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One side's profile of `steps` steps."""

    steps: int
    operators: tuple[OperatorTime, ...]
    lines: tuple[LineTime, ...]


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """How one operator differs, per step: self time in milliseconds and number of calls."""

    name: str
    base_ms: float
    head_ms: float
    base_calls: float
    head_calls: float


@dataclass(frozen=True, slots=True)
class LineChange:
    """How the time of one line differs, in milliseconds per step.

    `line` counts in head's file; `touched` says whether the change added or edited that line.
    """

    path: str
    line: int
    source: str
    base_ms: float
    head_ms: float
    touched: bool


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What the profiler saw change, the largest differences first."""

    operators: tuple[OperatorChange, ...]
    lines: tuple[LineChange, ...]


# Differences below this share of all operator time are noise of the profile.
_SMALLEST_SHARE = 0.005


def diff_profiles(
    base: ProfileSummary,
    head: ProfileSummary,
    source: Callable[[str], tuple[str, str]],
    *,
    most: int = 10,
) -> ProfileChange:
    """Compare two profiles; `source` returns the base and head text of a file ("" where missing).

    Lines are matched by content, so that a line that only moved is not a change. The largest growth
    comes first, then what shrank.
    """
    total = sum(op.milliseconds for op in (*base.operators, *head.operators)) / 2
    worth = total * _SMALLEST_SHARE
    operators = [
        change
        for change in _operator_changes(base, head)
        if abs(change.head_ms - change.base_ms) >= worth or change.base_calls != change.head_calls
    ]
    lines = [
        change
        for change in _line_changes(base, head, source)
        if abs(change.head_ms - change.base_ms) >= worth
    ]
    operators.sort(key=lambda c: abs(c.head_ms - c.base_ms), reverse=True)
    lines.sort(key=lambda c: c.base_ms - c.head_ms)
    return ProfileChange(tuple(operators[:most]), tuple(lines[:most]))


def _operator_changes(base: ProfileSummary, head: ProfileSummary) -> list[OperatorChange]:
    before = {op.name: op for op in base.operators}
    after = {op.name: op for op in head.operators}
    nothing = OperatorTime("", 0.0, 0.0)
    changes = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, nothing), after.get(name, nothing)
        changes.append(
            OperatorChange(name, old.milliseconds, new.milliseconds, old.calls, new.calls)
        )
    return changes


def _line_changes(
    base: ProfileSummary, head: ProfileSummary, source: Callable[[str], tuple[str, str]]
) -> list[LineChange]:
    before = {(line.path, line.line): line.milliseconds for line in base.lines}
    texts = {line.path: source(line.path) for line in head.lines}
    origins = {path: match_lines(old, new) for path, (old, new) in texts.items()}
    changes = []
    for line in head.lines:
        origin = origins[line.path].get(line.line)
        old = before.get((line.path, origin), 0.0) if origin is not None else 0.0
        rows = _rows(texts[line.path][1])
        text = rows[line.line - 1].strip() if line.line <= len(rows) else ""
        changes.append(
            LineChange(line.path, line.line, text, old, line.milliseconds, origin is None)
        )
    return changes


def match_lines(base: str, head: str) -> Mapping[int, int]:
    """Map line numbers of head to those of base where the text is the same (both count from 1)."""
    matcher = difflib.SequenceMatcher(a=_rows(base), b=_rows(head), autojunk=False)
    return {
        block.b + offset + 1: block.a + offset + 1
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }


def _rows(text: str) -> list[str]:
    # Not splitlines(): that also breaks at form feeds, which end no line of Python.
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return rows if rows[-1] else rows[:-1]
