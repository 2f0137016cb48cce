"""JSON for github-action-benchmark's `customBiggerIsBetter` and `customSmallerIsBetter`.

https://github.com/benchmark-action/github-action-benchmark#examples
"""

from collections.abc import Iterable, Iterator

from ... import PerflintError
from ..record import Entry
from .words import as_json, finite, one_of_each, test_of, told_apart

TOOLS = {"bigger": "customBiggerIsBetter", "smaller": "customSmallerIsBetter"}


def text(entries: Iterable[Entry], better: str = "") -> str:
    """Write a list of values of which all are better when bigger, or all when smaller.

    `better` chooses; without it there may be one kind only. Raises PerflintError for both: the
    action takes a file for what its `tool` says of it.
    """
    kept = one_of_each(finite(entries))
    kinds = {"bigger" if one.series.higher_is_better else "smaller" for one in kept}
    if not better and len(kinds) > 1:
        raise PerflintError(
            "github-action-benchmark reads a file as bigger or as smaller is better, and both "
            f"kinds are here: write a file with --better bigger (tool: {TOOLS['bigger']}) and one "
            f"with --better smaller (tool: {TOOLS['smaller']}), or choose with --metric"
        )
    if better and better not in kinds:
        raise PerflintError(f"no value here is better when {better}")
    bigger = (better or next(iter(kinds), "")) == "bigger"
    return as_json([dict(_pairs(one)) for one in kept if one.series.higher_is_better == bigger])


def _pairs(entry: Entry) -> Iterator[tuple[str, object]]:
    of, at = entry.series, entry.value
    yield "name", _quiet(f"{test_of(of)} - {of.metric} ({of.unit})")
    yield "unit", _quiet(of.unit)
    yield "value", at.value
    if at.low is not None and at.high is not None:
        yield "range", f"± {(at.high - at.low) / 2:.4g}"
    machine = [of.hardware, f"PyTorch {of.torch}" if of.torch else "", of.driver]
    lines = [f"commit {at.head}", f"measured {at.created}", ", ".join(filter(None, machine))]
    yield "extra", "\n".join(_quiet(line) for line in lines if line)


def _quiet(text: str) -> str:
    """Take from a name what ends a cell or a code span: the action comments in Markdown."""
    return told_apart(text.replace("`", "'").replace("|", "¦"), text)
