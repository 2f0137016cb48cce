"""What the history keeps of a report, as plain data."""

import json
from dataclasses import dataclass
from hashlib import sha256

from ..runners.sample import Environment, Pair, Segment
from ..runners.verdict.compare import Verdict


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
class StoredPoint:
    """One perf test of a run; `time` is None where nothing was timed, `segments` hold raw times."""

    test: str
    verdict: Verdict
    items: float
    unit: str
    time: StoredTime | None = None
    peak: StoredPeak | None = None
    counts: tuple[StoredCount, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def name(self) -> str:
        """What people call the test: the node id without its file."""
        return self.test.split("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One report: `base` and `head` are commit hashes, `created` is ISO 8601 in UTC."""

    base: str
    head: str
    created: str
    perflint: str
    status: int
    environment: Environment | None
    points: tuple[StoredPoint, ...]

    @property
    def key(self) -> str:
        """What makes a run the same run: adding a report twice stores it once."""
        return sha256("\n".join((self.base, self.head, self.created)).encode()).hexdigest()


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
