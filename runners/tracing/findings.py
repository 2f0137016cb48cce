"""Which syncs of a trace the linter has found, too, by its JSON. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from .trace import Frame, Sync


@dataclass(frozen=True, slots=True)
class StaticFinding:
    """A finding of `perflint check`: a rule's code, a file, and lines from `first` to `last`."""

    code: str
    path: tuple[str, ...]
    first: int
    last: int


def read_findings(text: str) -> list[StaticFinding]:
    """Read what `perflint check --output-format json` prints.

    Raises ValueError, TypeError or KeyError for what is something else.
    """
    return [
        StaticFinding(
            given["code"],
            PurePosixPath(given["path"]).parts,
            given["span"]["line"],
            given["span"]["end_line"],
        )
        for given in json.loads(text)["findings"]
    ]


def codes_at(sync: Sync, findings: Iterable[StaticFinding]) -> Sequence[str]:
    """Return the codes of findings on the line where it happened, or the user's own line for it."""
    frames = [sync.place, *([sync.own] if sync.own is not None else [])]
    codes = {f.code for f in findings for frame in frames if _is_at(frame, f)}
    return sorted(codes)


def _is_at(frame: Frame, finding: StaticFinding) -> bool:
    path = PurePosixPath(frame.path).parts
    shared = min(len(path), len(finding.path))
    same = path[-shared:] == finding.path[-shared:]
    return same and finding.first <= frame.line <= finding.last
