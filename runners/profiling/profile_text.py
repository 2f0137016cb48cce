"""A profile as plain text: what a step consists of, its lines and its operators. Pure."""

from collections.abc import Iterator

from ..text import numbers
from ..text.layout import align, wrap
from ..text.words import inert
from .captured import Captured
from .memory import StepMemory
from .module_table import folded, shortened

MOST_LINES, MOST_MODULES, MOST_OPERATORS, MOST_HOLDERS = 12, 8, 8, 8


def as_text(captured: Captured, width: int) -> str:
    """Write a profile for a terminal of so many columns."""
    summary = captured.summary
    facts = captured.environment
    lines = [
        wrap(
            f"{inert(captured.what, 200)}: a step takes {captured.clock_ms:.2f} ms "
            f"({captured.recorded_ms:.2f} while it is profiled; {summary.steps} steps; "
            f"torch {facts['torch']} on {facts['device']}, {facts['threads']} threads)",
            width,
        ),
        "",
        *_parts(captured, width),
        "",
        *_lines(captured, width),
        "",
        *_modules(captured, width),
        *_operators(captured, width),
    ]
    if captured.memory is not None:
        lines += ["", *_memory(captured.memory, width)]
    lines += [wrap(f"note: {inert(note, 400)}", width) for note in captured.notes]
    return "\n".join(lines)


def _parts(captured: Captured, width: int) -> Iterator[str]:
    rows = [
        (f"{one.milliseconds:.2f}", _share(one.milliseconds, captured), one.part)
        for one in captured.summary.parts
        if one.milliseconds >= 0.005
    ]
    yield from align([("ms", "share", "of a step"), *rows], width, shrinks=2, right={0, 1})


def _lines(captured: Captured, width: int) -> Iterator[str]:
    found = sorted(captured.summary.lines, key=lambda line: -line.milliseconds)[:MOST_LINES]
    rows = [
        (
            f"{one.milliseconds:.2f}",
            _share(one.milliseconds, captured),
            inert(f"{one.path}:{one.line}", 80),
            inert(captured.source.get(f"{one.path}:{one.line}", ""), 120),
        )
        for one in found
    ]
    head = ("ms", "share", "line, with the backward that it causes", "")
    yield from align([head, *rows], width, shrinks=3, right={0, 1})
    operators = sum(one.milliseconds for one in captured.summary.operators)
    if operators and captured.summary.unattributed_ms >= 0.01 * operators:
        left = captured.summary.unattributed_ms
        yield f"{left:.2f} ms of operators belong to no line of this repository"


def _modules(captured: Captured, width: int) -> Iterator[str]:
    rows = [
        (
            f"{one.time.own:.2f}",
            _share(one.time.own, captured),
            f"{one.time.backward:.2f}",
            f"{one.time.total:.2f}" if one.time.kind else "",
            inert(one.label, 80),
            inert(one.time.kind, 40),
        )
        for one in shortened(folded(captured.summary.modules), MOST_MODULES)
    ]
    if rows:
        head = ("ms", "share", "backward", "with calls", "module, with its backward", "class")
        yield from align([head, *rows], width, shrinks=4, right={0, 1, 2, 3})
        yield ""


def _operators(captured: Captured, width: int) -> Iterator[str]:
    found = sorted(captured.summary.operators, key=lambda one: -one.milliseconds)[:MOST_OPERATORS]
    rows = [
        (
            f"{one.milliseconds:.2f}",
            _share(one.milliseconds, captured),
            _count(one.calls),
            inert(one.name, 80),
        )
        for one in found
    ]
    head = ("ms", "share", "calls", "operator, without those that it calls")
    yield from align([head, *rows], width, shrinks=3, right={0, 1, 2})


def _memory(memory: StepMemory, width: int) -> Iterator[str]:
    size = numbers.size
    saved = size(sum(one.size for one in memory.saved))
    kinds = ", ".join(f"{size(n)} of {kind}" for kind, n in memory.kept_by_kind().items())
    held = f"memory: {size(memory.before)} before the step"
    held += f" ({kinds})" if kinds else ""
    held += f", {size(memory.peak)} at its peak"
    yield wrap(f"{held}; saved for backward: {saved}", width)
    rows = [
        (size(one.size), inert(one.line, 80) or numbers.NONE, inert(one.module, 60))
        for one in memory.holders[:MOST_HOLDERS]
    ]
    head = ("size", "alive at the peak: taken by line", "in module")
    yield from align([head, *rows], width, shrinks=2, right={0})


def _share(milliseconds: float, captured: Captured) -> str:
    return f"{milliseconds / captured.clock_ms:.0%}" if captured.clock_ms else numbers.NONE


def _count(calls: float) -> str:
    return f"{calls:,.0f}" if calls == int(calls) else f"{calls:,.1f}"
