"""What counting one perf test on one side gave, as plain data."""

from dataclasses import dataclass, field

from ..processes.channel import Message
from ..result import Failure
from ..sample import Counts, Memory
from ..sides.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Examined:
    """What counting one test on one side gave; `failure` or `skipped` say why it gave nothing.

    `remarks` are what makes its times doubtful, for people to read. `compile_seconds` went into
    compiling its first steps, None where nothing was compiled; `cold`: with empty caches.
    `processes` is how many processes the tests of this side had started by then.
    """

    failure: Failure | None = None
    skipped: str | None = None
    counts: Counts = field(default_factory=Counts)
    memory: Memory = field(default_factory=Memory)
    machine: Message | None = None
    provenance: Provenance = field(default_factory=Provenance)
    remarks: tuple[str, ...] = ()
    compile_seconds: float | None = None
    cold: bool = False
    processes: int = 0
