"""Says what head does at which line of code and base does not: waits, breaks of graphs. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .counters.periods import side_by_side
from .profiling.difference import match_lines
from .sample import Reason, SyncSite

# Returns the base and head text of a file, "" where it is missing.
Source = Callable[[str], tuple[str, str]]


def new_sites(
    base: Sequence[SyncSite], head: Sequence[SyncSite], source: Source
) -> tuple[SyncSite, ...]:
    """Return head's waits that base does not have on the same line of code."""
    before = {(s.path, s.line, s.operator): s for s in base}
    found = []
    for site in head:
        origin = match_lines(*source(site.path)).get(site.line, 0)
        old = before.get((site.path, origin, site.operator), replace(site, count=0))
        was, now, _ = side_by_side(old.count, old.steps, site.count, site.steps)
        if now > was:
            found.append(site)
    return tuple(found)


def with_base(base: Sequence[Reason], head: Sequence[Reason], source: Source) -> tuple[Reason, ...]:
    """Return head's reasons with how often base has each on the same line of code."""
    before = {(one.path, one.line, one.words): one.count for one in base}
    paths = {one.path for one in head if one.path}
    same: Mapping[str, Mapping[int, int]] = {path: match_lines(*source(path)) for path in paths}

    def was(one: Reason) -> int:
        line = same[one.path].get(one.line, -1) if one.path else one.line
        return before.get((one.path, line, one.words), 0)

    return tuple(replace(one, before=was(one)) for one in head)
