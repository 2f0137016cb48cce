"""What a traced run did: where its host waited for the GPU, and in which steps. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

# What a device is called that is none.
SHADOW = "shadow"
# The notice of a run that no budget can be held against.
NOT_ON_GPU = (
    "nothing was ever on the GPU, the optimizer's weights neither, so that waits are missing: does "
    "the script need an option to use it, such as --device cuda?"
)


class Kind(Enum):
    """What an operation costs the host."""

    WAIT = "wait"  # it waits for all that the GPU has been given
    H2D = "h2d"  # a blocking copy to the GPU
    D2H = "d2h"  # a blocking copy from the GPU
    STAGED = "staged"  # `non_blocking`, but from or to memory that is not pinned
    ASYNC = "async"  # a copy that costs the host nothing
    NONE = "none"  # a read or move of a tensor that is where it is wanted: nothing

    @property
    def blocks(self) -> bool:
        """Whether the host waits: what a budget counts."""
        return self in (Kind.WAIT, Kind.H2D, Kind.D2H)


@dataclass(frozen=True, slots=True)
class Frame:
    """A line that was running, in the file `path` (absolute)."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something happened, by part of the run.

    `steady` has the steps after the first in which it happened at all, by number from 2.
    """

    set_up: int = 0
    first: int = 0
    steady: Mapping[int, int] = field(default_factory=dict)
    after: int = 0


@dataclass(frozen=True, slots=True)
class Sync:
    """One operation at one place. `chain` holds what ran, from that place out to the script.

    The place is the innermost line that is neither PyTorch's nor perflint's. `own` is the innermost
    line of the user's own files, None where there is none.
    """

    kind: Kind
    operation: str
    why: str
    chain: tuple[Frame, ...]
    own: Frame | None
    counts: Counts

    @property
    def place(self) -> Frame:
        """Where it happened."""
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class Trace:
    """One traced process. `steps` is the number of steps that its optimizer made.

    `files` are those of the user's own whose code was loaded.
    `device` is "shadow" where tensors only counted as on the GPU, and the GPU's name otherwise;
    `seen_by_cuda` then has the waits that PyTorch's own check told of.
    """

    command: tuple[str, ...]
    device: str
    torch: str
    steps: int
    syncs: tuple[Sync, ...]
    seen_by_cuda: tuple[Sync, ...] = ()
    notices: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def steady(self) -> range:
        """The numbers of the steps after the first."""
        return range(2, self.steps + 1)
