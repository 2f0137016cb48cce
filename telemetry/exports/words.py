"""What formats need in common: units in words, names that are theirs, one value of each."""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256

from ... import PerflintError
from ...runners.text.words import inert
from ..record import Entry, Series

_UNITS = {"s": "seconds", "share": "ratio"}
_LONGEST_NAME = 1000


def unit_words(unit: str) -> str:
    """Write a unit in lower case with underscores: "tokens/s" is tokens_per_second, "s" seconds."""
    over, slash, under = unit.partition("/")
    if slash:
        under = "second" if under == "s" else _word(under)
        return "_per_".join(part for part in (_word(over), under) if part)
    return _UNITS.get(unit) or _word(unit)


def measure_words(metric: str, unit: str) -> str:
    """Name a metric with its unit as the last words, as in throughput_tokens_per_second."""
    name, last = _word(metric) or "metric", unit_words(unit)
    if not last or name == last or name.endswith(f"_{last}"):
        return name
    return f"{name}_{last}"


def test_of(series: Series) -> str:
    """Name a series' perf test with its parameters."""
    return one_line(series.test + series.parameters)


def one_line(name: str) -> str:
    """Write a name in one line that steers no terminal.

    Where that changes it, some digits tell it from others that would look the same.
    """
    return told_apart(inert(name, _LONGEST_NAME), name)


def told_apart(shown: str, original: str) -> str:
    """Add to a name that had to be changed what makes it one of its own."""
    return shown if shown == original else f"{shown} #{digest(original)}"


def digest(text: str) -> str:
    """Eight hexadecimal digits of a hash."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def finite(entries: Iterable[Entry]) -> list[Entry]:
    """Leave out what is no number, for which JSON has no word."""
    return [entry for entry in entries if math.isfinite(entry.value.value)]


def one_of_each(entries: Iterable[Entry]) -> list[Entry]:
    """Keep the newest where series differ in PyTorch and driver alone: there a trend goes on.

    For formats whose values have a name and no labels. Raises PerflintError where the same name
    would stand for several machines or repositories.
    """
    kept: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        of = entry.series
        key = (of.test, of.parameters, of.metric, of.unit, of.higher_is_better)
        known = kept.setdefault(key, entry)
        for word in ("hardware", "repository"):
            one, other = getattr(known.series, word), getattr(of, word)
            if one != other:
                raise PerflintError(
                    f"this format has one value of each test, and {word} is both {one!r} and "
                    f"{other!r}: choose with --{word}"
                )
        if _age(entry) > _age(known):
            kept[key] = entry
    return list(kept.values())


def seconds_at(created: str) -> float:
    """Return a moment as seconds since 1970. Raises PerflintError where it is none."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError as error:
        raise PerflintError(f"{created!r} is no moment that a run can be from") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def as_json(data: object) -> str:
    """Write JSON that is plain ASCII: no character of a stranger's name does anything."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def _age(entry: Entry) -> tuple[int, str]:
    return entry.value.position, entry.value.created


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
