"""Spans of time: joined, cut, and taken from each other. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from .recording import Span


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same moments as spans that neither touch nor overlap, in order."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif end > begin:
            found.append((begin, end))
    return found


def overlaps(spans: Sequence[Span], begin: int, end: int) -> Iterator[Span]:
    """What of these joined spans lies between two moments."""
    index = max(bisect_right(spans, begin, key=itemgetter(0)) - 1, 0)
    while index < len(spans) and spans[index][0] < end:
        if spans[index][1] > begin:
            yield max(spans[index][0], begin), min(spans[index][1], end)
        index += 1


def cut(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """What of any spans lies between two moments."""
    return [(max(a, start), min(b, end)) for a, b in spans if b > start and a < end]


def without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What of these spans lies outside of those that are taken; both are joined."""
    left: list[Span] = []
    for begin, end in spans:
        at = begin
        for since, to in overlaps(taken, begin, end):
            if since > at:
                left.append((at, since))
            at = to
        if at < end:
            left.append((at, end))
    return left


def length(spans: Iterable[Span]) -> int:
    """How long these spans are together."""
    return sum(end - begin for begin, end in spans)


def is_in(moment: int, spans: Sequence[Span]) -> bool:
    """Whether one of these joined spans has the moment."""
    index = bisect_right(spans, moment, key=itemgetter(0)) - 1
    return index >= 0 and moment < spans[index][1]
