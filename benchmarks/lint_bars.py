"""What was measured against what, whether that meets its bar, and the table that says so."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio measured in pairs, one a round, and where it has to lie; no limit: for information.

    `missing` says why nothing was measured.
    """

    what: str
    how: str
    ratios: tuple[float, ...] = ()
    at_most: float | None = None
    at_least: float | None = None
    missing: str = ""

    @property
    def ratio(self) -> float:
        """The median of the pairs."""
        return statistics.median(self.ratios)

    @property
    def verdict(self) -> str:
        """Whether the median meets the bar; `barely` where some of the pairs say otherwise."""
        if not self.ratios:
            return f"not measured: {self.missing}"
        if self.at_most is None and self.at_least is None:
            return ""
        votes = [self._meets(ratio) for ratio in self.ratios]
        word = "pass" if self.met else "FAIL"
        return word if all(votes) or not any(votes) else f"{word}, barely"

    @property
    def met(self) -> bool:
        """Whether the median is within the limits; what was not measured is not met."""
        if self.at_most is None and self.at_least is None:
            return True
        return bool(self.ratios) and self._meets(self.ratio)

    def _meets(self, ratio: float) -> bool:
        if self.at_most is not None and ratio > self.at_most:
            return False
        return self.at_least is None or ratio >= self.at_least


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Each of ours over the one of theirs that was measured beside it."""
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


def scaled(part: float, start: float, *, bytes_part: int, bytes_all: int) -> float:
    """What all of the bytes would take, where the start is paid once and the rest grows."""
    return start + (part - start) * bytes_all / bytes_part


def table(bars: Iterable[Bar]) -> str:
    """All bars as Markdown."""
    head = "| What | How | Ratio | Spread | Bar | |\n|:--|:--|--:|:--|:--|:--|\n"
    return head + "".join(row(bar) + "\n" for bar in bars)


def row(bar: Bar) -> str:
    """One line of the table."""
    middle = spread = ""
    if bar.ratios:
        middle = _number(bar.ratio)
        spread = f"{_number(min(bar.ratios))} to {_number(max(bar.ratios))} ({len(bar.ratios)})"
    limit = ""
    if bar.at_most is not None:
        limit = f"at most {_number(bar.at_most)}"
    if bar.at_least is not None:
        limit = f"at least {_number(bar.at_least)}"
    return f"| {bar.what} | {bar.how} | {middle} | {spread} | {limit} | {bar.verdict} |"


def _number(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.2f}".removesuffix(".00")
