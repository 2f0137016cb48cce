"""The result of one perf test and of one run of them, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .counters.compiling import Compiling
from .counters.utilization import Utilization
from .profiling.memory import MemoryChange
from .profiling.profile import ProfileChange
from .sample import Environment, PerfTest, Reason, Segment, Side, SyncSite
from .verdict.compare import Comparison, Verdict


@dataclass(frozen=True, slots=True)
class CounterChange:
    """One exact count on both sides; `over_budget`: it grew by more than allowed.

    It is per step or, where steps differ in a rhythm, the sum over `steps` steps. Graph breaks and
    recompilations have their reasons, all that each side has.
    """

    name: str
    base: int
    head: int
    over_budget: bool = False
    sites: tuple[SyncSite, ...] = ()  # where head does it, for host syncs
    steps: int = 1
    base_reasons: tuple[Reason, ...] = ()
    head_reasons: tuple[Reason, ...] = ()

    @property
    def new_reasons(self) -> tuple[Reason, ...]:
        """Why it grew: what head has more often, what base has not at all and has a line first."""
        if self.head <= self.base:
            return ()
        more = [one for one in self.head_reasons if one.count > one.before]
        return tuple(sorted(more, key=lambda one: (one.before > 0, not one.path)))

    @property
    def per(self) -> str:
        """Say of how many steps it is."""
        return "per step" if self.steps == 1 else f"in every {self.steps:,} steps"


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """Peak bytes of a step on each side; `device` is "cpu" or "cuda".

    `base` and `head` are what tensors held on the device, exactly. Reserved is the most that its
    caching allocator took, None on a CPU, which has none. Host is the largest resident set of the
    process while it stepped; it is not exact, and None where the system does not tell.
    """

    device: str
    base: int
    head: int
    base_reserved: int | None = None
    head_reserved: int | None = None
    base_host: int | None = None
    head_host: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a side did not run: one line for people, and the end of pytest's report."""

    summary: str
    details: str
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class TestResult:
    """All that is known about one perf test.

    `comparison` is None where nothing was timed; `reason` then says why in one sentence.
    `counters` holds every stable counter, changed or not. `utilization` is None where a step's
    floating-point work is none or not known, `compiling` where `torch.compile` did nothing, and
    `memory` where no more is held or saved.

    Where the change edits the perf test or a conftest above it, both versions of the test are run
    against both sides. `version` then says whose version this result is of, and `other` is what
    the other one says; the graver of the two holds the other. `harness` is a hash of the test's
    file and the conftests above it, as they were run.
    """

    __test__ = False  # pytest: this is no test class

    test: PerfTest
    verdict: Verdict
    reason: str = ""
    comparison: Comparison | None = None
    segments: tuple[Segment, ...] = ()
    counters: tuple[CounterChange, ...] = ()
    unstable: tuple[str, ...] = ()
    peak: PeakMemory | None = None
    profile: ProfileChange | None = None
    base_failure: Failure | None = None
    head_failure: Failure | None = None
    notes: tuple[str, ...] = ()
    version: Side = Side.HEAD
    other: "TestResult | None" = None
    harness: str = ""
    utilization: Utilization | None = None
    compiling: Compiling | None = None
    memory: MemoryChange | None = None

    @property
    def over_budget(self) -> tuple[CounterChange, ...]:
        """The counters that grew by more than the configuration allows."""
        return tuple(counter for counter in self.counters if counter.over_budget)

    @property
    def is_regression(self) -> bool:
        """Whether the change made it slower, made it fail, or made it count more than allowed."""
        return self.verdict in (Verdict.SLOWER, Verdict.FAILED) or bool(self.over_budget)


@dataclass(frozen=True, slots=True)
class FileReason:
    """A changed file and what uses it: "not code", "no perf test", or the perf tests' names."""

    path: str
    used_by: str


@dataclass(frozen=True, slots=True)
class TestChoice:
    """Why the perf tests of one file run or not.

    `file` is the changed file that decides ("" for none), `chain` leads to it from what pytest
    imports: each file imports the next.
    """

    __test__ = False  # pytest: this is no test class

    path: str
    tests: tuple[str, ...]
    runs: bool
    why: str
    file: str = ""
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which perf tests the change can affect: counts, and the reasons by changed file and test."""

    found: int
    affected: int
    files: tuple[FileReason, ...] = ()
    tests: tuple[TestChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class DependencyChange:
    """An installed distribution whose version differs between the sides; None: not installed.

    A version from version control or a URL has the commit or hash behind it.
    """

    name: str
    base: str | None
    head: str | None


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run of the affected perf tests on both sides.

    `dependencies` are what differs between the sides' own environments; empty where both ran in
    one.
    """

    selection: Selection
    tests: tuple[TestResult, ...]
    environment: Environment | None
    seed: int
    notes: tuple[str, ...] = ()
    refused: str | None = None  # why the two sides are not comparable
    interrupted: bool = False  # the user stopped it: what is here was measured before
    unmeasured: tuple[str, ...] = ()  # ids of the perf tests that a stopped run did not come to
    verdicts: int = 0  # how many share the run's error rate (0: not recorded)
    budgets: Mapping[str, int] = field(default_factory=dict)  # by how much counters might grow
    dependencies: tuple[DependencyChange, ...] = ()
    unread: tuple[str, ...] = ()  # changed test files that Python cannot read
