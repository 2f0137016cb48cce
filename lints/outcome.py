"""What a form of output is made from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .finding import Finding, Severity
from .sources import SourceOf

if TYPE_CHECKING:
    from .check import CheckResult
    from .config import LintConfig


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that is not to be looked at, where that is said (here or in a file), and why."""

    finding: Finding
    in_source: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a check, the folder that its paths are relative to, and the lines of a path.

    `suppressed` are findings that are not part of the result, for those forms that tell of them;
    `config` says which rules there are besides ours.
    """

    result: "CheckResult"
    root: Path
    source_of: SourceOf
    coloured: bool = False
    suppressed: tuple[Suppressed, ...] = ()
    config: "LintConfig | None" = None


def from_the_top(outcome: Outcome) -> Outcome:
    """Tell the paths from the top of the repository, where services that show findings start.

    Whoever checks a part of a repository from within it would have them look in the wrong place.
    """
    top = top_of(outcome.root)
    if top == outcome.root.absolute():
        return outcome
    below = outcome.root.absolute().relative_to(top).as_posix()
    origins: dict[str, str] = {}

    def moved(finding: Finding) -> Finding:
        path = _joined(below, finding.path)
        origins[path] = finding.path
        return replace(finding, path=path)

    return replace(
        outcome,
        result=replace(outcome.result, findings=tuple(map(moved, outcome.result.findings))),
        root=top,
        source_of=lambda path: outcome.source_of(origins[path]),
        suppressed=tuple(replace(s, finding=moved(s.finding)) for s in outcome.suppressed),
    )


def top_of(root: Path) -> Path:
    """Return the folder of the git repository around `root`, or `root` where there is none."""
    root = root.absolute()
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def sentence(finding: Finding, *, with_cell: bool = False) -> str:
    """Say what is wrong and why it matters there; where only the file is shown, in which cell."""
    cell = f"cell {finding.cell.number}: " if with_cell and finding.cell is not None else ""
    why = f" ({finding.why})" if finding.why else ""
    return f"{cell}{finding.message}{why}"


def summary(result: "CheckResult") -> str:
    """Say in one line what was found."""
    files = counted(result.files, "file")
    if not result.findings:
        said = f"no findings in {files}"
    else:
        counts = Counter(finding.severity for finding in result.findings)
        kinds = ", ".join(_kind(s, counts[s]) for s in reversed(Severity) if counts[s])
        said = f"{counted(len(result.findings), 'finding')} ({kinds}) in {files}"
    if fixable := fixes(result.findings):
        said += f"; fixable: {fixable}"
    if result.problems:
        said += f"; {counted(len(result.problems), 'problem')} kept files from being checked"
    return said


def fixes(findings: Iterable[Finding]) -> str:
    """Say how many of the findings which option would fix."""
    safe = Counter(finding.fix.safe for finding in findings if finding.fix is not None)
    options = ((True, "--fix"), (False, "--unsafe-fixes"))
    return ", ".join(
        f"{safe[is_safe]} with {option}" for is_safe, option in options if safe[is_safe]
    )


def counted(number: int, noun: str) -> str:
    """Put a number before its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _kind(severity: Severity, number: int) -> str:
    return f"{number} info" if severity is Severity.INFO else counted(number, severity.value)


def _joined(below: str, path: str) -> str:
    parts = below.split("/")
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
