"""What a run is going to do: told before it measures, while the comment has nothing better."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import PerflintError

# The artifact in which the job that lints hands it over, and the file in it.
OUTLOOK_ARTIFACT, OUTLOOK_NAME = "perflint-outlook", "outlook.json"

# No repository has more, and no comment is made longer by less.
_MOST, _MOST_SECONDS = 1_000_000, 1e7


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many perf tests a run measures (None: not known), and the new findings of the lint.

    `seconds`: timing them takes at most so long; setting up and profiling come on top.
    """

    affected: int | None
    findings: int
    seconds: float


def write_outlook(outlook: Outlook, path: Path) -> None:
    """Write it as JSON. Raises PerflintError where the disk does not take it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(outlook)) + "\n", encoding="utf-8")
    except OSError as error:
        raise PerflintError(f"cannot write {path}: {error.strerror}") from error


def decode_outlook(raw: bytes) -> Outlook:
    """Read what `write_outlook` wrote. Raises PerflintError where it is something else."""
    try:
        facts = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise PerflintError("it is no JSON") from error
    match facts:
        case {"affected": affected, "findings": findings, "seconds": int() | float() as seconds}:
            counts = (0 if affected is None else affected, findings)
            sound = all(type(count) is int and 0 <= count <= _MOST for count in counts)
            if sound and 0 <= seconds <= _MOST_SECONDS:
                return Outlook(affected, findings, float(seconds))
    raise PerflintError("it has not the three numbers that make it up")
