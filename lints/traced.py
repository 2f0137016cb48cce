"""What `perflint trace` has seen, read from its JSON: lines that waited, and lines that did not."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .. import PerflintError

_TOOL = "perflint trace"
# The first step is unlike the others.
_FEWEST_STEPS = 2


@dataclass(slots=True)
class Lines:
    """What a run says of one file: `waits` by line, in words, and lines that ran without a wait.

    `is_traced`: the run would have seen every wait in this file, so that silence says something.
    """

    waits: dict[int, str] = field(default_factory=dict)
    free: set[int] = field(default_factory=set)
    is_traced: bool = False


def read_trace(text: str) -> dict[str, Lines] | None:
    """Return what a trace says of each file, by path; None for a text that is no trace.

    Raises PerflintError for a trace that has no step to speak of.
    """
    try:
        document = json.loads(text)
        if document["tool"] != _TOOL:
            return None
        if document["steps"] < _FEWEST_STEPS:
            raise PerflintError(
                f"this trace has {document['steps']} steps, and says nothing of what steps do: let "
                "the script make some ten of them"
            )
        return _read(document)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _read(document: Mapping[str, Any]) -> dict[str, Lines]:
    found: dict[str, Lines] = defaultdict(Lines)
    for path in document["files"]:
        found[path].is_traced = True
    waits: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for sync in document["syncs"]:
        for place in _places(sync):
            found[place[0]].is_traced = True
            if sync["blocks"]:
                waits[place].append(sync)
            else:
                found[place[0]].free.add(place[1])
    for (path, line), syncs in waits.items():
        found[path].waits[line] = f"confirmed, {_often(syncs, document['steps'])}"
    return dict(found)


def _places(sync: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Where it happened, and the line of the user's own that led there."""
    frames = [sync, *filter(None, [sync["own"]])]
    return {(frame["path"], frame["line"]) for frame in frames}


def _often(syncs: Iterable[Mapping[str, Any]], steps: int) -> str:
    """`2 per step`, `1 in 3 of 13 steps`, `outside of steady steps`."""
    total: Counter[int] = Counter()
    for sync in syncs:
        total.update({int(step): count for step, count in sync["steady"].items()})
    if not total:
        return "outside of steady steps"
    usual = f"{median(total.values()):g}"
    steady = steps - 1
    return (
        f"{usual} per step"
        if len(total) == steady
        else f"{usual} in {len(total)} of {steady} steps"
    )
