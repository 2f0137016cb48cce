"""What is seen of a GPU before, while and after turns run, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One reading through NVML; a field is None where the card or its driver does not tell.

    `mhz` is the clock of the multiprocessors, `reasons` say what holds it down (see `clocks.py`),
    `tenants` counts the processes on the card that are not perflint's.
    """

    mhz: int | None = None
    reasons: tuple[str, ...] | None = None
    celsius: int | None = None
    watts: float | None = None
    tenants: int | None = None


@dataclass(frozen=True, slots=True)
class GpuTurn:
    """The card right before and right after one turn; None without NVML.

    `device_seconds` is the median time between the CUDA events around each timed step.
    """

    before: GpuSample | None = None
    after: GpuSample | None = None
    device_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class GpuPair:
    """What was seen around the two turns of one pair."""

    base: GpuTurn
    head: GpuTurn


@dataclass(frozen=True, slots=True)
class GpuRecord:
    """What was seen of the GPU in one segment: `pairs` are in the order of the segment's own.

    The kernels are those of one step at the segment's end, by name, with how often they ran.
    """

    pairs: tuple[GpuPair, ...] = ()
    base_kernels: Mapping[str, int] = field(default_factory=dict)
    head_kernels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MigSlice:
    """A part of a card that MIG cut off: its own UUID ("MIG-...") and profile ("1g.10gb")."""

    uuid: str
    profile: str


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU, or with `mig` a slice of one, as NVML describes it; None where it does not tell.

    `uuid` is that of the whole card ("GPU-..."). `persistent`: the driver stays loaded between
    programs. `max_mhz` is the highest clock of the multiprocessors, `mps_clients` the number of
    processes that run through the Multi-Process Service.
    """

    name: str
    uuid: str
    driver: str
    mig: MigSlice | None = None
    persistent: bool | None = None
    max_mhz: int | None = None
    mps_clients: int | None = None
    now: GpuSample = field(default_factory=GpuSample)
