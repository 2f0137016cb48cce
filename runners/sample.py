"""What was measured, as plain data: perf tests, paired step times, counts, memory, the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .gpu.gpu import GpuRecord


class Side(Enum):
    """The two versions of the code that are compared."""

    BASE = "base"
    HEAD = "head"

    @property
    def other(self) -> "Side":
        """The side that this one is compared with."""
        return Side.HEAD if self is Side.BASE else Side.BASE


@dataclass(frozen=True, slots=True)
class PerfTest:
    """One perf test as pytest collected it.

    `id` is pytest's node id, `path` the file relative to the repository's root; `line` counts
    from 1. One step processes `items` things called `unit`. `min_effect` is the smallest relative
    slowdown that matters to its authors. `reads` are globs of the data and configuration that it
    reads, None where it does not say.
    """

    id: str
    path: str
    line: int
    items: float = 1.0
    unit: str = "steps"
    min_effect: float = 0.02
    reads: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What people call it: the node id without its file."""
        return self.id.split("::", 1)[-1]


@dataclass(frozen=True, slots=True)
class Pair:
    """The mean step times, in seconds, of two neighbouring turns, one of each side."""

    base: float
    head: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Pairs measured on one build of the test's state; a launch is one life of both processes.

    `seconds` went into its turns, the steps that do not count included. `gpu` is what was seen of
    the card meanwhile; None where the steps do not run on one. Building and warming up both sides
    took `build_seconds`, with this `seed`; `order` tells who went first in each pair, "b" or "h".
    Turns were held on one `processor`, or on none (None). `apart`: the sides did not take turns,
    but lived one after the other. Each turn timed `keep` steps, whose mean a pair holds, after
    `drop` that do not count or, where steps differ without a rhythm, some more; 0 and 0 where that
    was not recorded.
    """

    launch: int
    pairs: tuple[Pair, ...]
    seconds: float = 0.0
    gpu: GpuRecord | None = None
    seed: int = 0
    build_seconds: float = 0.0
    order: str = ""
    processor: int | None = None
    apart: bool = False
    keep: int = 0
    drop: int = 0


@dataclass(frozen=True, slots=True)
class SyncSite:
    """A line of the repository that makes the host wait, `count` times in every `steps` steps."""

    path: str
    line: int
    operator: str
    count: int
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """Why `torch.compile` broke a graph or compiled once more, in a sentence, `count` times.

    `counter` is the counter that it is a part of. `path` and `line` are the innermost line of the
    repository that PyTorch names for it, "" and 0 where it names none. Of head's, `before` is
    how often base has it on the same line of code.
    """

    counter: str
    path: str
    line: int
    words: str
    count: int = 1
    before: int = 0


@dataclass(frozen=True, slots=True)
class Products:
    """Floating-point operations of one step that one device does in one type.

    `device` is "cpu", "cuda", or "cuda:1" for a GPU that is not the current one. `type` is what the
    products may be computed in: that of their inputs, or "tfloat32" for float32 where that is
    allowed.
    """

    device: str
    type: str
    flops: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What one step does, counted exactly.

    `values` maps a counter's name to its value in one step or, where steps differ in a rhythm (with
    gradient accumulation, for instance), to the sum over as many steps as `steps` says; of the peak
    of memory, to the most in any step. A counter that differs without a rhythm is left out of
    `values` and is in `unstable` with the least and the most of one step. `products` add up to the
    counter `flops`, as a mean per step; there are none where that is not known.

    Steps come round every `period` steps, as far as `counted` steps in a row show. `late` are the
    counters that were left out since the time was up. `reasons` are those of `graph_breaks` and
    `recompiles`, as far as PyTorch gives them.
    """

    values: Mapping[str, int] = field(default_factory=dict)
    unstable: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    syncs: tuple[SyncSite, ...] = ()
    products: tuple[Products, ...] = ()
    steps: Mapping[str, int] = field(default_factory=dict)
    period: int = 1
    counted: int = 0
    late: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What one step needs, in bytes.

    `allocated` is the peak that tensors hold (None where there was no time to count it), `reserved`
    the most that the device's caching
    allocator took (None without a device). `host` is the largest resident set of the process; it
    is not exact, and None where the system does not tell.
    """

    allocated: int | None = 0
    reserved: int | None = None
    host: int | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the numbers come from; both sides of one run share it.

    All but `host` is the fingerprint: stored runs are only compared where it is the same.
    `platform` holds the kernel's version, `gpu` PyTorch's name of the device with the profile of a
    MIG slice, `gpu_uuid` names the device or slice itself, `cuda` is what PyTorch was built for.
    """

    python: str
    torch: str
    platform: str
    cpu: str
    cores: int
    threads: int
    device: str
    gpu: str | None = None
    driver: str | None = None
    host: str = ""
    cuda: str | None = None
    gpu_uuid: str | None = None
