"""How the profiles of two sides differ, and which differences are more than noise. Pure."""

import difflib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..verdict.stats import t_quantile
from .module_table import folded
from .profile import (
    LineChange,
    LineCost,
    LineTime,
    ModuleChange,
    ModuleTime,
    OperatorChange,
    OperatorTime,
    PartChange,
    PartTime,
    ProfileChange,
    ProfileSummary,
)

# Differences below this share of all operator time are noise of the profile.
_SMALLEST_SHARE = 0.005
# Lines below this share of a step cost nothing that anybody would mend, and so many are enough.
_CHEAPEST, _MOST_COSTS = 0.001, 300
_MOST_CALLING = 3
# How often all that is told of one kind together may be wrong.
_ERROR = 0.05


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
        if _is_worth(change, worth) or change.base_calls != change.head_calls
    ]
    lines = [
        change
        for change, total_within in _line_changes(base, head, source)
        if _is_worth(change, worth) or _calls_more(change, max(worth, total_within))
    ]
    modules = [change for change in _module_changes(base, head) if _is_worth(change, worth)]
    modules.sort(key=lambda c: c.base_ms - c.head_ms)
    operators.sort(key=lambda c: abs(c.head_ms - c.base_ms), reverse=True)
    lines.sort(key=lambda c: c.base_ms - c.head_ms)
    # A line that calls what takes longer takes little itself, and may be the one to name.
    calling = sorted(
        (c for c in lines if c.touched), key=lambda c: c.base_total_ms - c.head_total_ms
    )
    told = {id(change) for change in (*lines[:most], *calling[:_MOST_CALLING])}
    lines = [change for change in lines if id(change) in told]
    return ProfileChange(
        tuple(operators[:most]),
        tuple(lines),
        tuple(_part_changes(base, head)),
        _costs(head),
        head.step_ms,
        tuple(modules[:most]),
    )


def _costs(head: ProfileSummary) -> tuple[LineCost, ...]:
    matter = [line for line in head.lines if line.milliseconds >= _CHEAPEST * head.step_ms > 0]
    matter.sort(key=lambda line: -line.milliseconds)
    return tuple(LineCost(line.path, line.line, line.milliseconds) for line in matter[:_MOST_COSTS])


def _is_worth(change: OperatorChange | LineChange | ModuleChange, worth: float) -> bool:
    """Whether the times differ by more than nothing, and by more than they err."""
    return abs(change.head_ms - change.base_ms) >= max(worth, change.within_ms or 0.0)


def _calls_more(change: LineChange, worth: float) -> bool:
    """Whether a line of the change has more time spent in what it calls."""
    return change.touched and change.head_total_ms - change.base_total_ms >= worth


class _Within:
    """Half the width of intervals of differences, which hold together: Bonferroni's.

    Each is Student's, with the degrees of freedom of the side with fewer rounds (Yuen 1974).
    """

    def __init__(self, base: ProfileSummary, head: ProfileSummary, number: int) -> None:
        rounds = min(base.rounds, head.rounds)
        freedom = rounds - 2 * (rounds // 5) - 1
        self._width = t_quantile(1 - _ERROR / 2 / max(number, 1), freedom) if freedom > 0 else None

    def of(self, *errors: float | None) -> float | None:
        """Return it for values with these standard errors; None where one is not known."""
        known = [error for error in errors if error is not None]
        if self._width is None or len(known) < len(errors):
            return None
        return self._width * math.hypot(*known)


def _operator_changes(base: ProfileSummary, head: ProfileSummary) -> list[OperatorChange]:
    before = {op.name: op for op in base.operators}
    after = {op.name: op for op in head.operators}
    names = sorted(before.keys() | after.keys())
    within = _Within(base, head, len(names))
    nothing = OperatorTime("", 0.0, 0.0, 0.0)
    changes = []
    for name in names:
        old, new = before.get(name, nothing), after.get(name, nothing)
        width = within.of(old.error, new.error)
        changes.append(
            OperatorChange(name, old.milliseconds, new.milliseconds, old.calls, new.calls, width)
        )
    return changes


def _part_changes(base: ProfileSummary, head: ProfileSummary) -> Iterator[PartChange]:
    before, after = ({one.part: one for one in side.parts} for side in (base, head))
    within = _Within(base, head, len(before.keys() | after.keys()))
    for name in dict.fromkeys([*before, *after]):
        old, new = (side.get(name, PartTime(name, 0.0, 0.0)) for side in (before, after))
        yield PartChange(name, old.milliseconds, new.milliseconds, within.of(old.error, new.error))


def _module_changes(base: ProfileSummary, head: ProfileSummary) -> Iterator[ModuleChange]:
    before = {(row.time.name, row.time.kind): row for row in folded(base.modules, head.modules)}
    after = {(row.time.name, row.time.kind): row for row in folded(head.modules, base.modules)}
    within = _Within(base, head, len(before.keys() | after.keys()))
    for name, kind in dict.fromkeys([*after, *before]):
        rows = before.get((name, kind)), after.get((name, kind))
        nothing = ModuleTime(name, kind, 0.0, error=0.0)
        old, new = (row.time if row else nothing for row in rows)
        yield ModuleChange(
            name,
            kind,
            old.own,
            new.own,
            old.total,
            new.total,
            rows[1].count if rows[1] else 0,
            within.of(old.error, new.error),
        )


def _line_changes(
    base: ProfileSummary, head: ProfileSummary, source: Callable[[str], tuple[str, str]]
) -> Iterator[tuple[LineChange, float]]:
    """Yield each line of head with the error of its time with all that it calls."""
    was = {(line.path, line.line): line for line in base.lines}
    now = {(line.path, line.line): line for line in head.lines}
    own: dict[tuple[str, int], Origin] = {}
    whole: dict[tuple[str, int], Origin] = {}
    texts: dict[str, list[str]] = {}
    files = {line.path: source(line.path) for line in (*base.lines, *head.lines)}
    gone = _gone(files)
    for path in sorted({line.path for line in head.lines}):
        old, new = files[path]
        texts[path] = _rows(new)
        lines = [one for one in head.lines if one.path == path]
        times = origins(old, new, {one.line: one.milliseconds for one in lines}, gone)
        totals = origins(old, new, {one.line: one.total for one in lines}, gone)
        own |= {(path, number): origin for number, origin in times.items()}
        whole |= {(path, number): origin for number, origin in totals.items()}
    edited = sum(own[key].edited for key in now if key in own)
    within = {True: _Within(base, head, edited), False: _Within(base, head, len(now) - edited)}
    for (path, number), line in now.items():
        origin = own.get((path, number), Origin(block=(number,)))
        of_all = whole.get((path, number), Origin(block=(number,)))
        before, width = _was(path, origin, was, now, within, lambda one: one.error)
        all_before, of_total = _was(path, of_all, was, now, within, lambda one: one.total_error)
        rows = texts[path]
        change = LineChange(
            path,
            number,
            rows[number - 1].strip() if number <= len(rows) else "",
            origin.share * sum(one.milliseconds for one in before),
            line.milliseconds,
            origin.edited,
            width,
            of_all.share * sum(one.total for one in all_before),
            line.total,
        )
        yield change, of_total or 0.0


def _was(
    path: str,
    origin: "Origin",
    was: Mapping[tuple[str, int], LineTime],
    now: Mapping[tuple[str, int], LineTime],
    within: Mapping[bool, _Within],
    error: Callable[[LineTime], float | None],
) -> tuple[list[LineTime], float | None]:
    """The lines that a line of head was, and by how much the difference may err.

    Of a block whose lines share what those took that they replace, only the whole is known.
    """
    home = origin.path or path
    before = [was[home, one] for one in origin.lines if (home, one) in was]
    block = [now[path, one] for one in origin.block if (path, one) in now]
    width = within[origin.edited].of(*(error(one) for one in (*before, *block)))
    return before, None if width is None else origin.share * width


@dataclass(frozen=True, slots=True)
class Origin:
    """What a line of head was on base: its `share` of these `lines`, none where it is new.

    They are lines of the same file, unless `path` names another one.

    `edited`: the change has added or edited it. `block` are the lines of head that replace these
    together, itself included.
    """

    lines: tuple[int, ...] = ()
    share: float = 1.0
    edited: bool = True
    block: tuple[int, ...] = ()
    path: str = ""


def carried(
    base: str, head: str, before: Mapping[int, float], after: Mapping[int, float]
) -> dict[int, float]:
    """Bring what is known of a file's lines on base, by their numbers, to the lines of head.

    `before` is of base's lines and `after` of head's: what replaced lines had is shared out among
    those in their place, in proportion to what these have.
    """
    return {
        number: origin.share * sum(before.get(one, 0.0) for one in origin.lines)
        for number, origin in origins(base, head, after).items()
    }


def _gone(files: Mapping[str, tuple[str, str]]) -> dict[str, list[tuple[str, int]]]:
    """The lines of base that are not in head's file of that name any more, by their text."""
    found: dict[str, list[tuple[str, int]]] = {}
    for path, (base, head) in files.items():
        rows = _rows(base)
        left = Counter(row.strip() for row in _rows(head))
        for number, row in enumerate(rows, 1):
            if left[row.strip()]:
                left[row.strip()] -= 1
            elif row.strip():
                found.setdefault(row.strip(), []).append((path, number))
    return found


def origins(
    base: str,
    head: str,
    after: Mapping[int, float],
    gone: Mapping[str, Sequence[tuple[str, int]]] | None = None,
) -> dict[int, Origin]:
    """Say what each line of head was on base, by its number; `after` is what those of head take.

    A line that only moved or was only indented is found again by its text, and so is one that came
    from another file, where `gone` has the lines that are no longer in theirs. What is left of a
    replaced block is shared out in proportion to what its lines take on head.
    """
    old, new = _rows(base), _rows(head)
    same = match_lines(base, head)
    found = {
        number: Origin((before,), edited=False, block=(number,)) for number, before in same.items()
    }
    opcodes = difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    edits = [edit for edit in opcodes if edit[0] != "equal"]
    left: dict[str, list[int]] = {}
    for _, start, end, _, _ in edits:
        for number in range(start + 1, end + 1):
            left.setdefault(old[number - 1].strip(), []).append(number)
    for _, _, _, start, end in edits:
        for number in range(start + 1, end + 1):
            twins = left.get(new[number - 1].strip())
            if twins and new[number - 1].strip():
                found[number] = Origin((twins.pop(0),), block=(number,))
            elif number not in found and (places := (gone or {}).get(new[number - 1].strip())):
                path, place = places[0]
                found[number] = Origin((place,), block=(number,), path=path)
    unclaimed = {number for numbers in left.values() for number in numbers}
    for _, start, end, head_start, head_end in edits:
        spent = tuple(n for n in range(start + 1, end + 1) if n in unclaimed)
        fresh = tuple(n for n in range(head_start + 1, head_end + 1) if n not in found)
        total = sum(after.get(number, 0.0) for number in fresh)
        for number in fresh:
            share = after.get(number, 0.0) / total if total else 0.0
            found[number] = Origin(spent, share, block=fresh) if spent else Origin(block=(number,))
    return found


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
