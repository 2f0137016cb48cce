"""What a run on the GPU has seen: places that torch's own tools name, held against the findings."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from .. import PerflintError
from .finding import Confidence, Finding

# What `torch.cuda.set_sync_debug_mode("warn")` prints, by Python's warnings or a logger.
_SYNC = re.compile(r"([^\s:\"']+\.py):(\d+):? .*synchronizing (CUDA|XPU|accelerator) operation")

# For the name of a file, the paths under which it was seen, each with its lines.
Seen = dict[str, dict[tuple[str, ...], set[int]]]


def read_seen(paths: Iterable[Path]) -> Seen:
    """Read reports of TorchTidy (JSON) and logs with torch's warnings of synchronizations.

    Raises PerflintError where a file cannot be read, or says nothing of either sort.
    """
    seen: Seen = defaultdict(lambda: defaultdict(set))
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise PerflintError(f"{path} cannot be read: {error.strerror}") from error
        places = _of_torchtidy(text) if text.lstrip()[:1] == "{" else _of_log(text)
        if not places:
            raise PerflintError(
                f"{path} names no place: it has to be the torchtidy_report.json of torch.profiler, "
                'or a log of a run with torch.cuda.set_sync_debug_mode("warn")'
            )
        for file, line in places:
            parts = PurePosixPath(file.replace("\\", "/")).parts
            seen[parts[-1]][parts].add(line)
    return seen


def confirmed(findings: Iterable[Finding], seen: Seen) -> tuple[Finding, ...]:
    """Return the findings; those whose lines were seen at run time are proven, and say so."""
    return tuple(
        replace(finding, confidence=Confidence.PROVEN, why=_and_seen(finding.why))
        if _is_seen(finding, seen)
        else finding
        for finding in findings
    )


def _is_seen(finding: Finding, seen: Seen) -> bool:
    parts = PurePosixPath(finding.path).parts
    lines = range(finding.span.line, finding.span.end_line + 1)
    for path, at in seen.get(parts[-1], {}).items():
        # A run names files by other roots than a check: the shorter path has to end the longer.
        shared = min(len(path), len(parts))
        if path[-shared:] == parts[-shared:] and not at.isdisjoint(lines):
            return True
    return False


def _and_seen(why: str | None) -> str:
    return f"{why}; seen at run time" if why else "seen at run time"


def _of_log(text: str) -> list[tuple[str, int]]:
    return [(file, int(line)) for file, line, _ in _SYNC.findall(text)]


def _of_torchtidy(text: str) -> list[tuple[str, int]]:
    try:
        report = json.loads(text)
        return [
            (file, int(pattern["line_number"]))
            for file, patterns in report.items()
            for pattern in patterns
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
