"""Data as scripts: a page that is opened from a file may not read other files. Pure."""

import json
import math
from collections.abc import Sequence

# Beyond it a double is no exact whole number.
_EXACT = 2.0**53


def call(name: str, *values: object) -> str:
    """Write a script that hands values to `perflint.data.NAME`; no text can end it."""
    return f"perflint.data.{name}({','.join(map(as_json, values))});\n"


def as_json(value: object) -> str:
    """Write JSON that stays text wherever it stands in a script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def words(values: Sequence[float | None], digits: int = 7) -> list[str]:
    """Write numbers as JSON: whole ones exactly, others with so many digits, `null` where none is.

    Formatting all at once is several times as fast as one by one.
    """
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not math.isfinite(sum(known)):
        return [_word(value, digits) for value in values]
    whole = all(map(float.is_integer, map(float, known))) and _small(known)
    form = "%d" if whole else f"%.{digits}g"
    return (",".join([form] * len(known)) % tuple(known)).split(",") if known else []


def _small(known: Sequence[float]) -> bool:
    return not known or max(map(abs, known)) < _EXACT


def _word(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return "null"
    whole = float(value).is_integer() and abs(value) < _EXACT
    return f"{value:.0f}" if whole else f"{value:.{digits}g}"


def steps(numbers: Sequence[int]) -> list[str]:
    """Write growing numbers as the first one and differences, which are short."""
    return [str(here - before) for here, before in zip(numbers, (0, *numbers), strict=False)]
