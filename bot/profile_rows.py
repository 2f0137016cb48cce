"""Prepares the tables of a profile: what differs by more than the profile's own noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..runners.profiling.module_table import OTHER
from ..runners.profiling.parts import Part
from ..runners.profiling.profile import (
    UNEXPLAINED,
    LineChange,
    ModuleChange,
    OperatorChange,
    PartChange,
)
from ..runners.result import TestResult
from . import numbers
from .links import Links
from .markdown import cell, code
from .rows import NAME_LIMIT

MOST_OPERATORS, MOST_LINES, MOST_MODULES = 10, 5, 5
# Of what a step gained or lost, less than this share is no news.
WORTH_A_ROW = 0.05
# Rounded to two digits after the point, less is shown as nothing.
_ROUNDS_TO_ZERO = 0.005
# Before the names of backward nodes; it only makes the table wider.
_AUTOGRAD = "autograd::engine::evaluate_function: "

_PARTS = {*(part.value for part in Part), UNEXPLAINED}

Change = TypeVar("Change", OperatorChange, LineChange, ModuleChange)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one profile that are worth showing, and how many are not."""

    operators: tuple[OperatorChange, ...]
    lines: tuple[LineChange, ...]
    hidden: int
    parts: tuple[PartChange, ...] = ()
    modules: tuple[ModuleChange, ...] = ()


def worth_showing(result: TestResult) -> Rows:
    """Keep what differs by more than the noise, and by something at all; and all parts of a step.

    What the change does not touch (an operator called as often, a line that is the same) and that
    moved against the whole step shows how much the profile errs: of what is untouched, all that
    moved no further than that is left out, and what is a small share of the whole difference.
    """
    if result.profile is None:
        return Rows((), (), 0)
    at, profile = result.comparison, result.profile
    gained = (at.head_seconds - at.base_seconds) * 1000 if at else 0.0
    operators = _kept(profile.operators, gained, lambda one: one.base_calls == one.head_calls)
    lines = _kept(profile.lines, gained, lambda one: not one.touched)
    modules = _kept(profile.modules, gained, lambda one: True)
    hidden = len(profile.operators) + len(profile.lines) - len(operators) - len(lines)
    hidden += len(profile.modules) - len(modules)
    parts = tuple(
        part for part in profile.parts if max(part.base_ms, part.head_ms) >= _ROUNDS_TO_ZERO
    )
    return Rows(
        operators[:MOST_OPERATORS], lines[:MOST_LINES], hidden, parts, modules[:MOST_MODULES]
    )


def profile_view(result: TestResult, label: str, links: Links) -> dict[str, object]:
    """The tables of one test's profile."""
    rows = worth_showing(result)
    return {
        "test": code(label, NAME_LIMIT),
        "parts": [_part_row(part) for part in rows.parts],
        "operators": [_operator_row(operator) for operator in rows.operators],
        "lines": [_line_row(line, links) for line in rows.lines],
        "modules": [_module_row(module) for module in rows.modules],
        "hidden": numbers.plural(rows.hidden, "row") if rows.hidden else None,
    }


def _kept(
    changes: Sequence[Change], gained: float, is_untouched: Callable[[Change], bool]
) -> tuple[Change, ...]:
    against = [_growth(one) for one in changes if is_untouched(one) and _growth(one) * gained < 0]
    noise = max(map(abs, against), default=0.0)
    noise = max(noise, WORTH_A_ROW * abs(gained))
    return tuple(
        one
        for one in changes
        if abs(_growth(one)) > (noise if is_untouched(one) else 0.0)
        and abs(_growth(one)) >= _ROUNDS_TO_ZERO
    )


def _growth(change: LineChange | ModuleChange | OperatorChange | PartChange) -> float:
    return change.head_ms - change.base_ms


def _part_row(part: PartChange) -> list[str]:
    times = [numbers.milliseconds(ms) for ms in (part.base_ms, part.head_ms)]
    return [numbers.signed(_growth(part), 2), part_name(part, in_table=True), *times]


def part_name(part: PartChange, *, in_table: bool = False) -> str:
    """Our own word for a part of a step; what a stranger's report calls so is code."""
    return part.part if part.part in _PARTS else code(part.part, 40, in_table=in_table)


def _operator_row(operator: OperatorChange) -> list[str]:
    times = [numbers.milliseconds(ms) for ms in (operator.base_ms, operator.head_ms)]
    before, after = numbers.calls(operator.base_calls), numbers.calls(operator.head_calls)
    calls = before if before == after else f"{before} → {after}"
    change = numbers.signed(_growth(operator), 2)
    name = operator.name.removeprefix(_AUTOGRAD)
    return [change, code(name, 40, in_table=True), *times, cell(calls)]


def _module_row(module: ModuleChange) -> list[str]:
    times = [numbers.milliseconds(ms) for ms in (module.base_ms, module.head_ms)]
    name = f"{module.name} x{module.count}" if module.count > 1 else module.name
    told = code(name, NAME_LIMIT, in_table=True) if module.name else OTHER
    kind = code(module.kind, 40, in_table=True) if module.kind else ""
    return [numbers.signed(_growth(module), 2), told, kind, *times]


def _line_row(line: LineChange, links: Links) -> list[str]:
    place = links.place(line.path, line.line, limit=NAME_LIMIT, in_table=True)
    source = code(line.source, 40, in_table=True)
    mark = "edited" if line.touched else ""
    times = [numbers.milliseconds(ms) for ms in (line.base_ms, line.head_ms)]
    return [numbers.signed(_growth(line), 2), place, mark, *times, source]
