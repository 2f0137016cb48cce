"""OpenMetrics text, which Prometheus and most agents read.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..record import Entry, Series
from .words import digest, finite, measure_words, seconds_at, unit_words

_LABELS = ("repository", "test", "parameters", "hardware", "torch", "driver")
_MEASURED = "perflint_measured_timestamp_seconds"


@dataclass(slots=True)
class _Family:
    """A metric with its unit as the last part of its name, and its lines."""

    unit: str
    about: str
    samples: dict[str, str] = field(default_factory=dict)


def text(entries: Iterable[Entry]) -> str:
    """Write gauges, one per metric and unit, another two for its interval, and when that was.

    Commits are no labels: each would begin a series of its own.
    """
    families: dict[str, _Family] = {}
    names: dict[tuple[str, ...], str] = {}
    moments: dict[str, float] = {}
    for entry in sorted(finite(entries), key=_order):
        of, at = entry.series, entry.value
        labels = _labels(of)
        for end, what, number in (
            ("", "", at.value),
            ("_low", ", lower end of its 95 % interval", at.low),
            ("_high", ", upper end of its 95 % interval", at.high),
        ):
            if number is not None:
                about = f"{of.metric} in {of.unit}{what}; {_better(of)} is better"
                name = _name(names, of.metric + end, of.unit, about)
                family = families.setdefault(name, _Family(unit_words(of.unit), about))
                family.samples[labels] = repr(number)
        moment = seconds_at(at.created)
        moments[labels] = max(moment, moments.get(labels, moment))
    families[_MEASURED] = _Family("seconds", "when the newest of these values was measured")
    families[_MEASURED].samples = {labels: repr(moment) for labels, moment in moments.items()}
    return "\n".join([*_lines(families), "# EOF\n"])


def _lines(families: dict[str, _Family]) -> Iterator[str]:
    for name, family in sorted(families.items()):
        yield f"# TYPE {name} gauge"
        if family.unit:
            yield f"# UNIT {name} {family.unit}"
        yield f"# HELP {name} {_escaped(family.about)}"
        for labels, number in family.samples.items():
            yield f"{name}{{{labels}}} {number}"


def _name(names: dict[tuple[str, ...], str], metric: str, unit: str, about: str) -> str:
    """Name a family; what would have the name of another one gets digits of its own."""
    key = (metric, unit, about)
    if key not in names:
        name = f"perflint_{measure_words(metric, unit)}"
        if name in names.values() or name == _MEASURED:
            name = f"perflint_{measure_words(f'{metric}_{digest(repr(key))}', unit)}"
        names[key] = name
    return names[key]


def _labels(of: Series) -> str:
    # An empty label is as good as none.
    told = ((name, getattr(of, name)) for name in _LABELS)
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in told if value)


def _escaped(value: str) -> str:
    """Escape what the specification names; a NUL would end the text for Prometheus."""
    value = value.replace("\0", "\ufffd")
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _better(of: Series) -> str:
    return "higher" if of.higher_is_better else "lower"


def _order(entry: Entry) -> tuple[str, ...]:
    of = entry.series
    return (of.metric, of.unit, _better(of), *(getattr(of, name) for name in _LABELS))
