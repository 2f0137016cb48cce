"""A baseline: findings that a project knows of and does not want to hear about again.

It only shrinks: what is fixed leaves it, and nothing new gets in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .. import PerflintError
from .finding import Confidence, Finding, Severity, Span

# What each version changed:
# 1: the first.
VERSION = 1
STALE = ("PFL905", "stale-baseline-entry")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A known finding: where, of which rule, and its fingerprint, which moves with its statement.

    `path` is relative to the folder of the baseline. `message` is for people who read the file.
    """

    path: str
    code: str
    fingerprint: str
    message: str = ""
    severity: str = Severity.WARNING.value
    confidence: str = Confidence.LIKELY.value


@dataclass(frozen=True, slots=True)
class Baseline:
    """The known findings, sorted."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, named: Mapping[Finding, str]) -> "Baseline":
        """Make a baseline of findings and their fingerprints."""
        return cls(tuple(sorted({_entry(finding, name) for finding, name in named.items()})))

    def without(self, entries: Iterable[Entry]) -> "Baseline":
        """Return what is left without some entries."""
        gone = set(entries)
        return Baseline(tuple(entry for entry in self.entries if entry not in gone))

    def known(self, named: Mapping[Finding, str]) -> set[Finding]:
        """Return those of the findings that the baseline holds."""
        held = {entry.fingerprint for entry in self.entries}
        return {finding for finding, name in named.items() if name in held}

    def missing(self, named: Mapping[Finding, str]) -> tuple[Entry, ...]:
        """Return the entries that none of the findings stands for."""
        found = set(named.values())
        return tuple(entry for entry in self.entries if entry.fingerprint not in found)


def parse_baseline(text: str) -> Baseline:
    """Read a baseline. Raises PerflintError for what was not written by us."""
    import json  # every check comes by here, and few have a baseline

    try:
        document = json.loads(text)
        if not isinstance(document, dict) or "version" not in document:
            raise ValueError("there is no version in it")
        if document["version"] != VERSION:
            raise ValueError(f"it has version {document['version']!r}, and we read {VERSION}")
        entries = [_read(entry) for entry in document["findings"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise PerflintError(f"is no baseline of perflint: {reason}") from error
    return Baseline(tuple(sorted(entries)))


def render_baseline(baseline: Baseline) -> str:
    """Write a baseline with one finding to a line, so that two branches seldom collide."""
    import json

    lines = [json.dumps(_plain(entry), ensure_ascii=False) for entry in baseline.entries]
    body = ",\n  ".join(lines)
    return (
        f'{{"version": {VERSION}, "findings": [\n  {body}\n]}}\n'
        if lines
        else (f'{{"version": {VERSION}, "findings": []}}\n')
    )


def stale_finding(entry: Entry, path: str, text: str) -> Finding:
    """Say at its line of the baseline that nothing is found any more for an entry."""
    lines = text.split("\n")
    number = next((n for n, line in enumerate(lines, 1) if entry.fingerprint in line), 1)
    span = Span(number, 0, number, len(lines[number - 1]))
    message = f"{entry.code} is no longer found in {entry.path}"
    return Finding(path, span, *STALE, message, Severity.INFO, Confidence.PROVEN)


def rebased(finding: Finding, path: str) -> Finding:
    """Return a finding as the baseline sees it, with the path from the baseline's folder."""
    return replace(finding, path=path)


def _entry(finding: Finding, fingerprint: str) -> Entry:
    return Entry(
        finding.path,
        finding.code,
        fingerprint,
        finding.message,
        finding.severity.value,
        finding.confidence.value,
    )


def _plain(entry: Entry) -> dict[str, str]:
    return {
        "path": entry.path,
        "code": entry.code,
        "fingerprint": entry.fingerprint,
        "severity": entry.severity,
        "confidence": entry.confidence,
        "message": entry.message,
    }


def _read(entry: object) -> Entry:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise ValueError(f"{entry!r} is no entry")
    Severity(entry.get("severity", Severity.WARNING.value))
    Confidence(entry.get("confidence", Confidence.LIKELY.value))
    required = {key: entry[key] for key in ("path", "code", "fingerprint")}
    given = {key: entry[key] for key in ("message", "severity", "confidence") if key in entry}
    return Entry(**required, **given)
