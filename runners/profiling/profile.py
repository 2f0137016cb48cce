"""What a profile says, as plain data, and how the profiles of two sides differ."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace


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

    `line` counts in head's file; `touched` says whether the change added or edited that line. What
    edited lines took on base is what the lines that they replace took, shared out among them.
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


def scaled(summary: ProfileSummary, step_ms: float) -> ProfileSummary:
    """Bring the times down to a step of `step_ms`, where they add up to more.

    A profiled and traced step takes longer than a timed one, and the machine may have been busier.
    Times that add up to less stay: the rest of the step is Python between the operators.
    """
    total = sum(operator.milliseconds for operator in summary.operators)
    if total <= step_ms or step_ms <= 0:
        return summary
    share = step_ms / total
    return ProfileSummary(
        summary.steps,
        tuple(replace(op, milliseconds=op.milliseconds * share) for op in summary.operators),
        tuple(replace(line, milliseconds=line.milliseconds * share) for line in summary.lines),
    )


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
    changes = []
    for path in sorted({line.path for line in head.lines}):
        old, new = (_rows(text) for text in source(path))
        before = {line.line: line.milliseconds for line in base.lines if line.path == path}
        after = {line.line: line.milliseconds for line in head.lines if line.path == path}
        same = match_lines(*source(path))
        shares = _shares(old, new, before, after)
        for number, milliseconds in after.items():
            text = new[number - 1].strip() if number <= len(new) else ""
            was = before.get(same[number], 0.0) if number in same else shares.get(number, 0.0)
            touched = number not in same
            changes.append(LineChange(path, number, text, was, milliseconds, touched))
    return changes


def _shares(
    old: list[str], new: list[str], before: Mapping[int, float], after: Mapping[int, float]
) -> dict[int, float]:
    """What head's edited lines took on base, by the lines that they replace.

    A line that only moved or was only indented is found again by its text; what is left of a
    replaced block is shared out in proportion to what its lines take on head.
    """
    opcodes = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    edits = [edit for edit in opcodes if edit[0] != "equal"]
    left: dict[str, list[int]] = {}
    for _, start, end, _, _ in edits:
        for number in range(start + 1, end + 1):
            left.setdefault(old[number - 1].strip(), []).append(number)
    shares: dict[int, float] = {}
    for _, _, _, start, end in edits:
        for number in range(start + 1, end + 1):
            twins = left.get(new[number - 1].strip())
            if twins and new[number - 1].strip():
                shares[number] = before.get(twins.pop(0), 0.0)
    unclaimed = {number for numbers in left.values() for number in numbers}
    for _, start, end, head_start, head_end in edits:
        spent = sum(before.get(n, 0.0) for n in range(start + 1, end + 1) if n in unclaimed)
        fresh = [n for n in range(head_start + 1, head_end + 1) if n not in shares]
        total = sum(after.get(number, 0.0) for number in fresh)
        if total:
            shares |= {number: spent * after.get(number, 0.0) / total for number in fresh}
    return shares


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
