"""Holds the findings of a check against the baselines of their projects."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import PerflintError
from .baseline import (
    STALE,
    Baseline,
    Entry,
    parse_baseline,
    rebased,
    render_baseline,
    stale_finding,
)
from .changed import ChangedLines
from .check import CheckResult, check_paths
from .config import LintConfig
from .files import SourceFile
from .finding import Confidence, Finding, Severity, Span
from .settings import Settings, visible
from .sources import lines_below
from .survey import NOTHING_ELSE
from .whole import write_whole
from .work import ALONE_AT_WORK, Effort

USUAL_NAME = "perflint-baseline.json"


@dataclass(frozen=True, slots=True)
class Stale:
    """A baseline whose entries stand for nothing any more, and what it should be."""

    path: Path
    text: str
    entries: tuple[Entry, ...]
    rest: Baseline


@dataclass(frozen=True, slots=True)
class Held:
    """The result without what is known, what is known, and the baselines that are out of date.

    `baselines` are the files that were read for it.
    """

    result: CheckResult
    known: tuple[Finding, ...] = ()
    stale: tuple[Stale, ...] = ()
    baselines: tuple[Path, ...] = ()


def check_held(
    root: Path,
    paths: Sequence[Path],
    config: LintConfig,
    changed: ChangedLines | None = None,
    effort: Effort = ALONE_AT_WORK,
    now: Mapping[str, SourceFile] = NOTHING_ELSE,
) -> Held:
    """Check paths as `check_paths` does, and leave out what their baselines know.

    Raises PerflintError for a baseline that is missing or broken.
    """
    # Equal statements are told apart by their order, so all of a file's findings are needed.
    whole = (
        ChangedLines(dict.fromkeys(changed.ranges))
        if changed is not None and config.baseline
        else changed
    )
    result = check_paths(root, paths, config, whole, effort, now)
    texts = {}
    for name in {finding.path for finding in result.findings} if now else ():
        source = now.get(os.path.realpath(root / name))
        if source is not None:
            texts[name] = source.text
    held = hold(result, root, paths, config, changed, texts)
    if changed is None or not config.baseline:
        return held
    touched = [f for f in held.result.findings if changed.touches(f.path, *f.file_lines)]
    return replace(held, result=replace(held.result, findings=tuple(touched)))


def hold(
    result: CheckResult,
    root: Path,
    paths: Sequence[Path],
    config: LintConfig,
    changed: ChangedLines | None = None,
    given: Mapping[str, str] | None = None,
) -> Held:
    """Take out of a result what the baselines know; say which entries are out of date.

    `given` are the texts of paths that are not to be read from the disk.
    """
    settings = Settings(config)
    by_baseline: defaultdict[Path, list[Finding]] = defaultdict(list)
    if config.baseline:
        by_baseline[place(config)] = []
    for finding in result.findings:
        of_file = settings.for_file(root / finding.path)
        if of_file.baseline:
            by_baseline[place(of_file)].append(finding)
    known: set[Finding] = set()
    stale: list[Stale] = []
    for path, findings in by_baseline.items():
        text = _read(path)
        baseline = _parsed(path, text)
        named = _named(findings, root, path.parent, given or {})
        held = baseline.known(dict(named.values()))
        known |= {finding for finding, (seen, _) in named.items() if seen in held}
        if changed is None and not result.problems:
            missing = baseline.missing(dict(named.values()))
            gone = tuple(e for e in missing if _is_judged(e, path.parent, root, paths, settings))
            if gone:
                stale.append(Stale(path, text, gone, baseline.without(gone)))
    new = [finding for finding in result.findings if finding not in known]
    new += _stale_findings(stale, root, settings)
    return Held(
        replace(result, findings=tuple(new)),
        tuple(finding for finding in result.findings if finding in known),
        tuple(stale),
        tuple(by_baseline),
    )


def place(config: LintConfig) -> Path:
    """Return where the baseline of a project is, or would be."""
    return config.root.absolute() / (config.baseline or USUAL_NAME)


def write_baseline(path: Path, findings: Iterable[Finding], root: Path) -> int:
    """Write a new baseline of findings; return their number.

    Raises PerflintError where there is one already: a baseline only shrinks.
    """
    if path.exists():
        raise PerflintError(
            f"{path} exists already, and a baseline only shrinks: --update-baseline takes out what "
            "is no longer found; to start anew, delete it first"
        )
    baseline = Baseline.of(dict(_named(findings, root, path.parent, {}).values()))
    write_whole(path, render_baseline(baseline))
    return len(baseline.entries)


def update_baselines(stale: Iterable[Stale]) -> int:
    """Take out of the baselines what is no longer found; return the number of entries."""
    count = 0
    for each in stale:
        write_whole(each.path, render_baseline(each.rest))
        count += len(each.entries)
    return count


def _named(
    findings: Iterable[Finding], root: Path, folder: Path, given: Mapping[str, str]
) -> dict[Finding, tuple[Finding, str]]:
    """Return for each finding how it looks from the baseline's folder, and its fingerprint."""
    from .fingerprint import fingerprints

    seen = {f: rebased(f, _from(folder, root / f.path)) for f in findings}
    texts = {_from(folder, root / path): text for path, text in given.items()}
    names = fingerprints(seen.values(), lines_below(folder, texts))
    return {finding: (moved, names[moved]) for finding, moved in seen.items()}


def _is_judged(
    entry: Entry, folder: Path, root: Path, paths: Sequence[Path], settings: Settings
) -> bool:
    """Whether this check would have found what an entry stands for, were it still there."""
    file = folder / entry.path
    given = [os.path.abspath(root / path) for path in paths]
    text = os.path.abspath(file)
    if not any(text == path or text.startswith(path.rstrip(os.sep) + os.sep) for path in given):
        return False
    if not file.is_file():
        return True
    config = settings.for_file(file)
    severity, confidence = Severity(entry.severity), Confidence(entry.confidence)
    like = Finding(entry.path, Span(1, 0, 1, 0), entry.code, "", "", severity, confidence)
    if settings.excludes(file) or not visible([like], config):
        return False
    return entry.code in _codes(config)


def _stale_findings(stale: Iterable[Stale], root: Path, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    for each in stale:
        config = settings.for_file(each.path)
        path = _from(root.absolute(), each.path)
        notes = [stale_finding(entry, path, each.text) for entry in each.entries]
        shown = visible(notes, config)
        found += shown if shown and STALE[0] in _codes(config) else []
    return found


def _codes(config: LintConfig) -> set[str]:
    from .registry import rules_for

    return {rule.code for rule in rules_for(config).rules}


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise PerflintError(
            f"there is no baseline {path}: `perflint check --write-baseline` makes it"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read the baseline {path}: {error}") from error


def _parsed(path: Path, text: str) -> Baseline:
    try:
        return parse_baseline(text)
    except PerflintError as error:
        raise PerflintError(f"{path} {error}; take it from your version control again") from error


def _from(folder: Path, file: Path) -> str:
    return Path(os.path.relpath(os.path.abspath(file), folder)).as_posix()
