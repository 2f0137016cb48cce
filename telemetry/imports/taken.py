"""What an import makes of a file, and how words of strangers are made to fit the store."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from ..record import StoredRun

# How long the store's columns are.
LONGEST = {"test": 500, "unit": 100, "commit": 64, "tool": 40, "hardware": 200}


@dataclass(frozen=True, slots=True)
class Taken:
    """The run of a file; `left` counts values that cannot be kept, by the reason in words."""

    run: StoredRun
    left: dict[str, int]


def fitting(text: object, longest: int) -> str:
    """Return text that the store takes; what is too long ends in digits that tell it apart."""
    whole = str(text).encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if len(whole) <= longest:
        return whole
    end = f"…{sha256(whole.encode()).hexdigest()[:12]}"
    return whole[: longest - len(end)] + end


def words(value: object) -> str:
    """Return what has to be text and not empty. Raises ValueError for anything else."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} stands where a name belongs")
    return value


def number(value: object) -> float | None:
    """Return a finite number; None for NaN, which says that a test was left out, and the rest."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def moment_of(milliseconds: float) -> str:
    """Write milliseconds since 1970 as ISO 8601 in UTC. Raises ValueError beyond all calendars."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError) as error:
        raise ValueError(f"{milliseconds} is no moment") from error


def moment_in(text: str) -> str:
    """Write a moment anew as ISO 8601 in UTC; without a zone it is taken for UTC."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="seconds")
