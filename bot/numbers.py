"""Numbers as the comment has them; `runners/text/numbers.py` has those that `bench` writes as well.

Never seven digits in a row: GitHub would take them for the hash of a commit, and link it.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from ..runners.text.numbers import MINUS as MINUS
from ..runners.text.numbers import NONE as NONE
from ..runners.text.numbers import about as about
from ..runners.text.numbers import byte_change as byte_change
from ..runners.text.numbers import detectable as detectable
from ..runners.text.numbers import interval as interval
from ..runners.text.numbers import peak_bytes as peak_bytes
from ..runners.text.numbers import percent as percent
from ..runners.text.numbers import plural as plural
from ..runners.text.numbers import rate as rate
from ..runners.text.numbers import signed as signed


def size(change: float) -> str:
    """How large a change is, whichever way it goes: `9.6%`."""
    return percent(change).lstrip(f"+{MINUS}")


def milliseconds(value: float) -> str:
    """One digit after the point; two below a tenth, where one would say nothing."""
    if not math.isfinite(value):
        return NONE
    return f"{value:,.2f}" if 0.005 <= abs(value) < 0.1 else f"{value:,.1f}"


def more_often(count: int) -> str:
    """`once more`, `32 more times`, which nobody takes for 32 times as often."""
    return "once more" if count == 1 else f"{count:,} more times"


def calls(value: float) -> str:
    """Calls per step; a whole number unless the steps differ."""
    return f"{value:,.0f}" if abs(value - round(value)) < 0.05 else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """`41 s`, `3 min 5 s`."""
    whole = round(seconds) if math.isfinite(seconds) else 0
    return f"{whole:,} s" if whole < 60 else f"{whole // 60:,} min {whole % 60} s"


def between(values: Sequence[float]) -> str:
    """The one value that all have, or `1 to 2`."""
    low, high = f"{min(values):,}", f"{max(values):,}"
    return low if low == high else f"{low} to {high}"


def moment(created: str) -> str | None:
    """ISO 8601 as people read it, in UTC; None where it is no time at all."""
    try:
        at = datetime.fromisoformat(created)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{at:%Y-%m-%d %H:%M} UTC"
