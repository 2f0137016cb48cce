"""Bencher Metric Format (BMF) JSON, which `bencher run --adapter json` reads.

https://bencher.dev/docs/reference/bencher-metric-format
"""

from collections.abc import Iterable

from ..record import Entry
from .words import as_json, digest, finite, measure_words, one_of_each, test_of

_LONGEST_SLUG = 64


def text(entries: Iterable[Entry]) -> str:
    """Write an object of tests, of measures, of values with their interval."""
    tests: dict[str, dict[str, dict[str, float]]] = {}
    for entry in one_of_each(finite(entries)):
        measures = tests.setdefault(test_of(entry.series), {})
        metric, unit = entry.series.metric, entry.series.unit
        slug = _slug(metric, unit)
        if slug in measures:
            slug = _shortened(slug, repr((metric, unit, entry.series.higher_is_better)))
        numbers = {
            "value": entry.value.value,
            "lower_value": entry.value.low,
            "upper_value": entry.value.high,
        }
        measures[slug] = {name: number for name, number in numbers.items() if number is not None}
    return as_json(tests)


def _slug(metric: str, unit: str) -> str:
    """Name a measure; it holds the unit, since a measure of Bencher has one for all tests."""
    slug = measure_words(metric, unit).replace("_", "-")
    return slug if len(slug) <= _LONGEST_SLUG else _shortened(slug, repr((metric, unit)))


def _shortened(slug: str, whole: str) -> str:
    end = digest(whole)
    return f"{slug[: _LONGEST_SLUG - len(end) - 1].rstrip('-')}-{end}"
