"""What the history keeps of a report, as plain data."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from hashlib import sha256

from ..runners.sample import Environment, Pair, Segment
from ..runners.verdict.compare import Verdict

# What stands behind the commit of a working tree with changes: it is no commit of any branch.
UNCOMMITTED = "-dirty"


class Source(Enum):
    """Where a run comes from."""

    CI = "ci"  # a report of `perflint ci`
    BACKFILL = "backfill"  # a commit of the past, measured later
    IMPORT = "import"  # another tool's results


@dataclass(frozen=True, slots=True)
class StoredCount:
    """One exact count per step on both sides."""

    name: str
    base: int
    head: int
    over_budget: bool


@dataclass(frozen=True, slots=True)
class StoredTime:
    """The change of throughput with its 95 % interval, and median seconds per step."""

    change: float
    low: float
    high: float
    base_seconds: float
    head_seconds: float


@dataclass(frozen=True, slots=True)
class StoredPeak:
    """Peak bytes allocated on `device`."""

    device: str
    base: int
    head: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one metric of a perf test is on head, with its 95 % interval where one is known.

    `samples` is how many independent ones the interval comes from: builds of the test's state.
    """

    metric: str
    unit: str
    higher_is_better: bool
    value: float
    low: float | None = None
    high: float | None = None
    samples: int = 1


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """One perf test of a run; `time` is None where nothing was timed, `segments` hold raw times.

    `more` are readings that neither times nor counts nor the peak give: MFU, seconds to compile.
    """

    test: str
    verdict: Verdict
    items: float
    unit: str
    time: StoredTime | None = None
    peak: StoredPeak | None = None
    counts: tuple[StoredCount, ...] = ()
    segments: tuple[Segment, ...] = ()
    more: tuple[Reading, ...] = ()

    @property
    def name(self) -> str:
        """What people call the test: the node id without its file."""
        return self.test.split("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One report: `base` and `head` are commit hashes, `created` is ISO 8601 in UTC.

    `repository` is OWNER/NAME, or what the checkout's folder is called; `link` is the page of the
    CI run, empty where there is none. `kept_as` is the key under which it is stored: a part of a
    run has another content.
    """

    base: str
    head: str
    created: str
    perflint: str
    status: int
    environment: Environment | None
    points: tuple[StoredPoint, ...]
    repository: str = ""
    link: str = ""
    source: Source = Source.CI
    kept_as: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """What makes a run the same run: its content. Adding a report twice stores it once.

        Two machines can end in the same second with the same commits, and are two runs.
        """
        if self.kept_as:
            return self.kept_as
        told = (self.base, self.head, self.created, self.perflint, self.status)
        environment = None if self.environment is None else asdict(self.environment)
        # Raw times as they are stored: a run that is read back has the same key.
        points = [
            {**asdict(replace(point, segments=())), "segments": pack(point.segments)}
            for point in self.points
        ]
        text = json.dumps([told, environment, points], sort_keys=True, default=_plain)
        return sha256(text.encode()).hexdigest()

    @property
    def first_key(self) -> str:
        """The key that the first version of the schema gave it."""
        return sha256("\n".join((self.base, self.head, self.created)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a main branch: `position` counts its first parents from the root, from 1."""

    sha: str
    position: int
    at: str  # ISO 8601
    subject: str


@dataclass(frozen=True, slots=True)
class Series:
    """What has to be equal for values to be compared over time.

    `test` is the node id without `parameters`, which are "" or "[...]". `hardware` is the class of
    the machine, not the machine.
    """

    repository: str
    test: str
    parameters: str
    metric: str
    unit: str
    higher_is_better: bool
    hardware: str
    torch: str
    driver: str

    @property
    def key(self) -> str:
        """A hash of all of it."""
        parts = [str(getattr(self, one.name)) for one in fields(self)]
        return sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Value:
    """A point of a series: `position` is its commit's, 0 where that is not on the main branch."""

    position: int
    head: str
    created: str
    value: float
    low: float | None = None
    high: float | None = None
    samples: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A value with its series and with what is known of the run that it comes from."""

    series: Series
    value: Value
    link: str = ""
    environment: Environment | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which values are asked for; "" asks for all. `commit` is a whole hash."""

    test: str = ""
    metric: str = ""
    hardware: str = ""
    repository: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Stock:
    """How much is stored, and the bytes of the file, None where it is none of ours."""

    runs: int
    series: int
    values: int
    raw: int  # runs that still have their raw times
    size: int | None = None


def pack(segments: tuple[Segment, ...]) -> str:
    """Write raw times as JSON: a list of [launch, [[base, head], ...]]."""
    return json.dumps(
        [[part.launch, [[pair.base, pair.head] for pair in part.pairs]] for part in segments],
        separators=(",", ":"),
    )


def unpack(text: str) -> tuple[Segment, ...]:
    """Read what `pack` wrote."""
    return tuple(
        Segment(launch, tuple(Pair(base, head) for base, head in pairs))
        for launch, pairs in json.loads(text)
    )


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} has no JSON form")
