"""Which lint finding lies on a line: worked out once for a report, however many lines ask."""

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..lints.finding import Finding


@dataclass(slots=True)
class _File:
    """The findings of one file; from `starts[n]` on, `best[n]` is the one to name."""

    findings: list[Finding] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    best: list[Finding | None] = field(default_factory=list)


class Placed:
    """The findings of a report by their place. Ten thousand are sorted once, and then looked up."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._files: defaultdict[str, _File] = defaultdict(_File)
        for finding in findings:
            self._files[finding.path].findings.append(finding)

    def at(self, path: str, line: int) -> Finding | None:
        """Return the finding on this line that says most about it."""
        if path not in self._files:
            return None
        file = self._files[path]
        if not file.starts:
            _sweep(file)
        place = bisect_right(file.starts, line) - 1
        return file.best[place] if place >= 0 else None


def _sweep(file: _File) -> None:
    """Go through the file from its top and note where another finding becomes the one to name.

    One that spans many lines says less about each than one that starts there.
    """
    begins: defaultdict[int, list[tuple[int, str, int]]] = defaultdict(list)
    edges: set[int] = set()
    for number, finding in enumerate(file.findings):
        first, last = finding.span.line, finding.span.end_line
        begins[first].append((last - first, finding.code, number))
        edges |= {first, last + 1}
    standing: list[tuple[int, str, int]] = []
    for edge in sorted(edges):
        for one in begins.get(edge, ()):
            heapq.heappush(standing, one)
        while standing and file.findings[standing[0][2]].span.end_line < edge:
            heapq.heappop(standing)
        file.starts.append(edge)
        file.best.append(file.findings[standing[0][2]] if standing else None)
