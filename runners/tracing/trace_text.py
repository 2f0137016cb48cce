"""What a trace says to people. Pure text."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..text.layout import wrap
from ..text.numbers import plural
from .findings import StaticFinding, codes_at
from .rhythm import OverBudget, Rhythm, rhythm, waits_by_step
from .sites import INSTALLED
from .trace import SHADOW, Frame, Kind, Sync, Trace

_KINDS = {
    Kind.WAIT: "waits",
    Kind.H2D: "copies to the GPU",
    Kind.D2H: "copies from the GPU",
    Kind.STAGED: "copies without pinned memory",
    Kind.ASYNC: "copies without waiting",
    Kind.NONE: "no copy and no wait",
}
_CHAIN = 4


@dataclass(frozen=True, slots=True)
class Page:
    """How a trace is told: paths below `root` from there, lines of `width` columns.

    `everything`: with what happens outside of steady steps. `findings` are the linter's, None where
    nobody asked whether it has found the same.
    """

    root: str
    width: int
    everything: bool = False
    findings: Sequence[StaticFinding] | None = None


def as_text(trace: Trace, page: Page) -> str:
    """Write a trace for a terminal."""
    return "\n".join(_lines(trace, page))


def over_text(over: OverBudget, budget: int, root: str) -> str:
    """Say which step is over the budget, and by what."""
    more = over.steps_over - 1
    others = f" (and {plural(more, 'other step')} more than {budget})" if more else ""
    often = plural(over.waits, "time")
    lines = [f"over budget: step {over.step} waits {often}, {budget} allowed{others}"]
    for sync in over.syncs:
        times = sync.counts.steady[over.step]
        lines.append(f"  {times:>5}  {place(sync.place, root)}  {sync.operation}")
    return "\n".join(lines)


def place(frame: Frame, root: str) -> str:
    """`train.py:88 (main)`."""
    path = frame.path
    if path.startswith(os.path.join(root, "")):
        path = os.path.relpath(path, root)
    for folder in INSTALLED:
        path = path.rpartition(f"{os.sep}{folder}{os.sep}")[2]
    return f"{path}:{frame.line} ({frame.function})"


def times(beat: Rhythm) -> str:
    """How often, in steady steps: `2 per step`, `1 to 3 per step`, `1 every 5th step`."""
    often = str(beat.most) if beat.least == beat.most else f"{beat.least} to {beat.most}"
    if beat.is_in_every_step:
        return f"{often} per step"
    if beat.every:
        return f"{often} every {_nth(beat.every)} step"
    return f"{often} in {beat.steps} of {plural(beat.among, 'step')}"


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number % 100 in (11, 12, 13) else f"{number}{ending}"


def _lines(trace: Trace, page: Page) -> Iterator[str]:
    yield _headline(trace)
    blocking = [sync for sync in trace.syncs if sync.kind.blocks]
    beats = {id(sync): rhythm(sync.counts, trace.steady) for sync in trace.syncs}
    always = [sync for sync in blocking if beats[id(sync)].is_in_every_step]
    at_times = [s for s in blocking if beats[id(s)].steps and not beats[id(s)].is_in_every_step]
    yield from _section("in every step", always, beats, page)
    yield from _section("in some steps", at_times, beats, page)
    parts: list[tuple[str, list[tuple[int, Sync]]]] = [
        ("in set-up", [(s.counts.set_up, s) for s in blocking if s.counts.set_up]),
        ("in the first step", [(s.counts.first, s) for s in blocking if s.counts.first]),
        ("after the last step", [(s.counts.after, s) for s in blocking if s.counts.after]),
    ]
    for title, rows in parts:
        # What every step does is no news of the first, nor of what comes before its forward pass.
        rows = [(n, s) for n, s in rows if title == "after the last step" or s not in always]
        if rows:
            yield from _once(title, rows, page)
    copies = (Kind.STAGED, Kind.ASYNC)
    free = [s for s in trace.syncs if s.kind in copies and beats[id(s)].steps]
    if free:
        yield ""
        yield "not waits:"
        for sync in free:
            yield f"  {times(beats[id(sync)])}: {_KINDS[sync.kind]}, {place(sync.place, page.root)}"
    yield from _differences(trace, page.root)
    for notice in trace.notices:
        yield ""
        yield wrap(f"note: {notice}", page.width)


def _headline(trace: Trace) -> str:
    where = "a shadow device: no GPU here" if trace.device == SHADOW else trace.device
    start = f"{plural(trace.steps, 'step')} on {where}, torch {trace.torch}"
    if not trace.steps:
        return f"{start}: no optimizer of torch.optim made one, so that no step can be told"
    waits = sorted(waits_by_step(trace.syncs, trace.steady).values())
    if not waits:
        return f"{start}: too few to tell steady ones from the first"
    usual, most = waits[len(waits) // 2], waits[-1]
    often = f"a step waits {plural(usual, 'time')} for the GPU"
    return f"{start}: {often}" + (f", at most {most}" if most > usual else "")


def _section(
    title: str, syncs: Sequence[Sync], beats: dict[int, Rhythm], page: Page
) -> Iterator[str]:
    if not syncs:
        return
    yield ""
    yield f"{title}:"
    for sync in syncs:
        often = times(beats[id(sync)])
        yield f"  {often}: {sync.operation}, {place(sync.place, page.root)}{_found(sync, page)}"
        yield wrap(f"{_KINDS[sync.kind]}: {sync.why}", page.width, indent=6)
        for frame in _shown(sync.chain[1:], sync.own):
            yield f"      from {place(frame, page.root)}"


def _found(sync: Sync, page: Page) -> str:
    if page.findings is None:
        return ""
    codes = codes_at(sync, page.findings)
    return f"  [{', '.join(codes)}]" if codes else "  [only at run time]"


def _shown(chain: Sequence[Frame], own: Frame | None) -> Iterable[Frame]:
    """Show the nearest callers, and the user's own line however far out it is."""
    near = [*chain[:_CHAIN]]
    return near if own is None or own in near or own not in chain else [*near, own]


def _once(title: str, rows: list[tuple[int, Sync]], page: Page) -> Iterator[str]:
    total = sum(count for count, _ in rows)
    yield ""
    yield f"{title}: {plural(total, 'wait')} at {plural(len(rows), 'place')}" + (
        "" if page.everything else " (--all lists them)"
    )
    if page.everything:
        for count, sync in sorted(rows, key=lambda row: -row[0]):
            yield f"  {count:>5}  {sync.operation}, {place(sync.place, page.root)}"


def _differences(trace: Trace, root: str) -> Iterator[str]:
    """Tell apart what CUDA saw and what our table expects, on a real device."""
    if trace.device == SHADOW:
        return
    expected, seen = _by_place(trace.syncs), _by_place(trace.seen_by_cuda)
    for words, one, other in (
        ("seen by CUDA, not in perflint's table", seen, expected),
        ("in perflint's table, not seen by CUDA", expected, seen),
    ):
        missing = [frame for frame in one if one[frame] > other.get(frame, 0)]
        if missing:
            yield ""
            yield f"{words}:"
            for frame in missing:
                yield f"  {one[frame]} against {other.get(frame, 0)}: {place(frame, root)}"


def _by_place(syncs: Iterable[Sync]) -> dict[Frame, int]:
    found: dict[Frame, int] = {}
    for sync in syncs:
        if sync.kind.blocks:
            count = sum(sync.counts.steady.values())
            found[sync.place] = found.get(sync.place, 0) + count
    return {frame: count for frame, count in found.items() if count}
