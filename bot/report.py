"""Report: all that a pull request is told, as data; the only reader and writer of report.json."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from .. import PerflintError
from ..lints.finding import Finding
from ..runners.result import RunResult

# What each version changed:
# 1: the first.
SCHEMA_VERSION = 1

# Two hundred times what a run of ten perf tests needs; a larger file is no report of ours.
LARGEST_REPORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Revision:
    """One side of the comparison.

    `sha` is the full commit hash. `name` is what the user called it. `snapshot` says that this is
    the working tree, whose `sha` then is the commit it stands on.
    """

    sha: str
    name: str
    snapshot: bool = False

    @property
    def short(self) -> str:
        """What people read: seven digits, or that it is the working tree."""
        return "working tree" if self.snapshot else self.sha[:7]


@dataclass(frozen=True, slots=True)
class RunLink:
    """The CI run that made the report, on GitHub (or a server like it).

    `server` is "https://github.com", `repository` is "owner/name".
    """

    server: str
    repository: str
    run_id: int
    attempt: int = 1
    pull_request: int | None = None


@dataclass(frozen=True, slots=True)
class LintResult:
    """What the linter said about head.

    `findings` are those on lines that the change added or edited (all of them where `everything`
    is set); `problems` are files that could not be read or parsed.
    """

    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    files: int = 0
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of `perflint ci` found out."""

    perflint: str
    base: Revision
    head: Revision
    created: str  # ISO 8601, UTC
    seconds: float
    lint: LintResult
    run: RunResult
    status: int = 0
    status_reasons: tuple[str, ...] = ()
    link: RunLink | None = None
    schema_version: int = SCHEMA_VERSION


def write_report(report: Report, path: Path) -> None:
    """Write report.json; an existing file is replaced as a whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(report), indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_bytes(text)
    half.replace(path)


def read_report(path: Path) -> Report:
    """Read and check report.json. Raises PerflintError that says what is wrong with the file."""
    try:
        if path.stat().st_size > LARGEST_REPORT_BYTES:
            raise PerflintError(f"{path} is larger than any report that perflint writes")
        raw = path.read_bytes()
    except OSError as error:
        raise PerflintError(f"cannot read the report {path}: {error.strerror}") from error
    return decode_report(raw, str(path))


def decode_report(raw: bytes, name: str) -> Report:
    """Check JSON text against the schema; `name` is how error messages call it."""
    try:
        version = msgspec.json.decode(raw, type=_Versioned).schema_version
        if version != SCHEMA_VERSION:
            raise PerflintError(
                f"{name} has schema version {version}, this perflint reads {SCHEMA_VERSION}: "
                "write and read reports with the same version of perflint"
            )
        return msgspec.json.decode(raw, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PerflintError(f"{name} is no report of perflint: {error}") from error


def report_schema() -> dict[str, object]:
    """Return the JSON schema of report.json, made from the dataclasses."""
    return msgspec.json.schema(Report)


class _Versioned(msgspec.Struct):
    schema_version: int
