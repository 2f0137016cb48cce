"""Keeps what a run has said, with the state of all that it looked at, for `again.py` to say."""

import argparse
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .again import NAMED, State, is_settled, packed, place_of, situation_of, state_of
from .config import LintConfig
from .looked_at import looked_at, settings_above
from .rule_sources import anyone_offers_rules

_RECORDS_KEPT = 8
# The options that change what is found or how it is told, and nothing else.
_PLAIN = {
    *("paths", "select", "ignore", "extend_select", "extend_ignore", "preview"),
    *("min_severity", "min_confidence", "fail_on", "exit_zero", "baseline"),
    *("output_format", "jobs", "cache_dir", "engine"),
}
# Other forms depend on where a git repository begins.
_FORMS = ("text", "concise", "json", "jsonl")


@dataclass(frozen=True, slots=True)
class Beginning:
    """When a run began, on which paths, and the state of the settings above them."""

    at_ns: int
    paths: tuple[Path, ...]
    above: dict[str, State]


def begin(options: argparse.Namespace, root: Path) -> Beginning | None:
    """Return where a run stands before it reads anything; None where it is not worth keeping.

    Whoever checks single files checks others the next time.
    """
    plain = all(name in _PLAIN or value in (None, False) for name, value in vars(options).items())
    paths = tuple(root / path for path in options.paths or [root])
    if not plain or options.output_format not in _FORMS or not any(map(os.path.isdir, paths)):
        return None
    above = {path: state_of(path) for path in settings_above((root, *paths))}
    return Beginning(time.time_ns(), paths, above)


def keep(
    words: list[str],
    beginning: Beginning,
    config: LintConfig,
    baselines: Iterable[Path],
    said: tuple[str, int],
) -> None:
    """Write a record of what was printed and of the status.

    Nothing is kept where something that the run looked at is younger than its beginning, or nearly
    so: nobody can say then which state of it the run has seen.
    """
    situation = situation_of(words)
    place = place_of(words, situation)
    # Installed rules may depend on anything.
    if not os.path.isdir(os.path.dirname(place)) or anyone_offers_rules():
        return
    here = os.path.join(os.getcwd(), "")
    seen: dict[str, State] = {}
    others = looked_at(beginning.paths, config)
    for path in chain(beginning.above, map(str, baselines), others):
        state = beginning.above[path] if path in beginning.above else state_of(path)
        if not is_settled(state, beginning.at_ns):
            return
        # A short path is found sooner.
        seen[path.removeprefix(here)] = state
    _write(place, packed(situation, seen, *said))


def _write(place: str, record: bytes) -> None:
    """Write a record in one move, and forget the oldest. A full disk is no reason to stop."""
    half = f"{place}.{os.getpid()}"
    try:
        with open(half, "wb") as file:
            file.write(record)
        os.replace(half, place)
        records = [e for e in os.scandir(os.path.dirname(place)) if e.name.startswith(NAMED)]
        records.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        for entry in records[_RECORDS_KEPT:]:
            os.unlink(entry.path)
    except OSError:
        return
