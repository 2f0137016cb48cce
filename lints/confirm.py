"""What a run has seen, by `perflint trace` or torch's own tools, held against the findings."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from .. import PerflintError
from .finding import Confidence, Finding
from .traced import Lines, read_trace

# What `torch.cuda.set_sync_debug_mode("warn")` prints, by Python's warnings or a logger.
_SYNC = re.compile(r"([^\s:\"']+\.py):(\d+):? .*synchronizing (CUDA|XPU|accelerator) operation")

# For the name of a file, the paths under which it was seen, each with its lines.
Seen = dict[str, dict[tuple[str, ...], Lines]]

SEEN = "seen at run time"
FREE = "runs, and does not wait"
MISSED = "not reached"


def read_seen(paths: Iterable[Path]) -> Seen:
    """Read traces, reports of TorchTidy (both JSON), and logs with torch's warnings.

    Raises PerflintError where a file cannot be read, or says nothing of these sorts.
    """
    seen: Seen = defaultdict(lambda: defaultdict(Lines))
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise PerflintError(f"{path} cannot be read: {error.strerror}") from error
        for file, lines in _read(path, text).items():
            parts = PurePosixPath(file.replace("\\", "/")).parts
            known = seen[parts[-1]][parts]
            known.waits |= lines.waits
            known.free |= lines.free
            known.is_traced |= lines.is_traced
    return seen


def confirmed(
    findings: Iterable[Finding], seen: Seen, waits: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Return the findings with what a run says of them.

    One whose lines waited is proven. One of a rule about waits and copies (`waits` has the codes)
    is only possible where its lines ran without, and said not to be reached where a traced run
    loaded the file and saw none of its lines.
    """
    return tuple(_judged(finding, seen, waits) for finding in findings)


def _judged(finding: Finding, seen: Seen, waits: Collection[str]) -> Finding:
    known = list(_known(finding, seen))
    at = range(finding.span.line, finding.span.end_line + 1)
    if words := [lines.waits[line] for lines in known for line in at if line in lines.waits]:
        return replace(finding, confidence=Confidence.PROVEN, why=_with(finding.why, words[0]))
    traced = [lines for lines in known if lines.is_traced]
    if not traced or finding.code not in waits:
        return finding
    if all(lines.free.isdisjoint(at) for lines in traced):
        return replace(finding, why=_with(finding.why, MISSED))
    return replace(finding, confidence=Confidence.POSSIBLE, why=_with(finding.why, FREE))


def _known(finding: Finding, seen: Seen) -> Iterator[Lines]:
    parts = PurePosixPath(finding.path).parts
    for path, lines in seen.get(parts[-1], {}).items():
        # A run names files by other roots than a check: the shorter path has to end the longer.
        shared = min(len(path), len(parts))
        if path[-shared:] == parts[-shared:]:
            yield lines


def _with(why: str | None, words: str) -> str:
    return f"{why}; {words}" if why else words


def _read(path: Path, text: str) -> Mapping[str, Lines]:
    is_json = text.lstrip()[:1] == "{"
    try:
        traced = read_trace(text) if is_json else None
    except PerflintError as error:
        raise PerflintError(f"{path}: {error}") from error
    if traced is not None:
        return traced
    found: dict[str, Lines] = defaultdict(Lines)
    for file, line in _of_torchtidy(text) if is_json else _of_log(text):
        found[file].waits[line] = SEEN
    if not found:
        raise PerflintError(
            f"{path} names no place: it has to be what `perflint trace --out` writes, the "
            "torchtidy_report.json of torch.profiler, or a log of a run with "
            'torch.cuda.set_sync_debug_mode("warn")'
        )
    return found


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
