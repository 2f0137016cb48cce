"""Report: all that a pull request is told, as data; the only reader and writer of report.json."""

import math
from dataclasses import astuple, dataclass
from pathlib import Path

import msgspec

from .. import PerflintError
from ..lints.finding import Finding
from ..runners.result import RunResult, TestResult
from .disk import write_whole

# What each version changed:
# 1: the first.
# 2: tests have `version`, `other` and `harness`, perf tests `reads`, the selection has `tests`,
#    segments have `seconds`, `gpu`, `seed`, `build_seconds`, `order`, `processor`, `keep` and
#    `drop`, comparisons have `spoiled`, a run has `interrupted`, `unmeasured`, `verdicts`,
#    `budgets`, `dependencies` and `unread`, the environment has `cuda` and `gpu_uuid`, peaks have
#    what was reserved and the host's, tests have `utilization` and `compiling`, counters and their
#    sites `steps`, counters `base_reasons` and `head_reasons`, tests `memory`, profiles `parts`,
#    `costs`, `head_ms` and `modules`, and their changes `within_ms`, the report has `only`.
#    Reports of version 1 are read: they lack these.
SCHEMA_VERSION = 2
_READABLE = (1, 2)

# As shells have it for Ctrl-C.
STOPPED_BY_USER = 130

# Two hundred times what a run of ten perf tests needs; a larger file is no report of ours.
LARGEST_REPORT_BYTES = 64 * 1024 * 1024

# Wider than any step of training; beyond it the logarithms and exponents of the verdict overflow.
_SHORTEST_STEP, _LONGEST_STEP = 1e-12, 1e9
# A thousand times all computers together, in 2025.
_MOST_FLOPS = 1e25


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
    """All that one run of `perflint ci` found out.

    `only` is what the names of perf tests had to fit (pytest's -k); empty where all were meant.
    """

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
    only: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def exit_status(self) -> int:
        """What the process of `perflint ci` ends with: `status`, unless the user stopped it."""
        return STOPPED_BY_USER if self.run.interrupted else self.status


def write_report(report: Report, path: Path) -> None:
    """Write report.json; an existing file is replaced as a whole or not at all."""
    write_whole(path, as_json(report))


def as_json(value: object) -> bytes:
    """Write dataclasses as JSON for people and scripts to read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def read_report(path: Path) -> Report:
    """Read and check report.json, or that of a folder which `perflint ci --out` has written.

    Raises PerflintError that says what is wrong with the file.
    """
    if path.is_dir():
        path = path / "report.json"
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
        if version not in _READABLE:
            raise PerflintError(
                f"{name} has schema version {version}, this perflint reads "
                f"{' and '.join(map(str, _READABLE))}: "
                "write and read reports with the same version of perflint"
            )
        report = msgspec.json.decode(raw, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PerflintError(f"{name} is no report of perflint: {error}") from error
    others = [result.other for result in report.run.tests if result.other is not None]
    for result in (*report.run.tests, *others):
        if result.other is not None and result.other.other is not None:
            raise PerflintError(f"{name} is no report of perflint: a test has two versions at most")
        if problem := _out_of_range(result):
            # Quoted: a strange report's line end must not reach the log of the job that reads it.
            raise PerflintError(f"{name} is no report of perflint: {result.test.id!r}: {problem}")
    return report


def _out_of_range(result: TestResult) -> str | None:
    """Say which number no measurement can have led to; None where there is none."""
    test = result.test
    if not 0 < test.min_effect < 1:
        return f"min_effect is {test.min_effect}, and has to be between 0 and 1"
    if not 0 < test.items < math.inf:
        return f"items is {test.items}, and has to be above 0"
    for pair in (pair for segment in result.segments for pair in segment.pairs):
        for seconds in (pair.base, pair.head):
            if not _SHORTEST_STEP <= seconds <= _LONGEST_STEP:
                return f"a step time is {seconds} seconds, and no step takes that long"
    seconds_compiled = astuple(result.compiling) if result.compiling else ()
    if not all(one is None or 0 <= one <= _LONGEST_STEP for one in seconds_compiled):
        return "a time to compile is no time at all"
    used = result.utilization
    for side in (used.base, used.head) if used else ():
        if not (0 <= side.flops_per_second <= _MOST_FLOPS and 0 <= (side.mfu or 0) <= _MOST_FLOPS):
            return f"a side achieves {side.flops_per_second} FLOP/s, and no device does that"
    for segment in result.segments:
        if segment.gpu is not None and len(segment.gpu.pairs) != len(segment.pairs):
            return "a segment tells of the GPU for another number of pairs than it has"
    return None


def report_schema() -> dict[str, object]:
    """Return the JSON schema of report.json, made from the dataclasses."""
    return msgspec.json.schema(Report)


class _Versioned(msgspec.Struct):
    schema_version: int
