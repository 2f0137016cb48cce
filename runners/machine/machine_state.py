"""The state of a machine as far as measurements depend on it, read once or over a span of time."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .machine_cgroup import MemoryLimit, Quota, read_memory_limit, read_quota
from .machine_cpu import (
    ClockRules,
    Memory,
    Ticks,
    read_clock_rules,
    read_heat_events,
    read_load,
    read_memory,
    read_ticks,
)

# What a user may have set that changes how steps run, by name.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Counters:
    """What only grows since the machine or the group began; None where it cannot be read."""

    seconds: float  # of a monotonic clock
    ticks: Mapping[int, Ticks] | None
    heat_events: int | None
    quota: Quota


@dataclass(frozen=True, slots=True)
class Span:
    """What happened on the usable processors between two readings; None where it is unknown.

    `busy` is processors' worth of work done, `stolen` the share of time that the hypervisor took,
    `stops` how often the group's quota stopped it, `heat_events` how often heat slowed a core.
    """

    seconds: float
    busy: float | None
    stolen: float | None
    stops: int | None
    heat_events: int | None


@dataclass(frozen=True, slots=True)
class MachineState:
    """What was read of the machine. `threads` is what perflint gives each worker.

    `online` are all processors of the machine, `usable` those that this process may run on.
    `steal_told` says that the hypervisor has told of stolen time at least once since the start.
    `waiting` is the span in which perflint itself did nothing, `measuring` that of a measurement.
    """

    system: str
    cpu: str
    online: int | None
    usable: int
    threads: int
    load: float | None
    clock: ClockRules
    quota: Quota
    memory: Memory
    memory_limit: MemoryLimit
    waiting: Span
    steal_told: bool = False
    measuring: Span | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def read_counters(root: Path, usable: frozenset[int]) -> Counters:
    """Read what only grows."""
    return Counters(
        time.monotonic(), read_ticks(root), read_heat_events(root, usable), read_quota(root)
    )


def between(before: Counters, after: Counters, usable: frozenset[int]) -> Span:
    """Return what happened on the usable processors from one reading to the other. Pure."""
    busy = stolen = None
    deltas = _deltas(before.ticks, after.ticks, usable)
    total = sum(sum(delta) for delta in deltas)
    if total > 0:
        busy = len(deltas) * sum(delta[0] for delta in deltas) / total
        stolen = sum(delta[2] for delta in deltas) / total
    stops = _grown(before.quota.stopped, after.quota.stopped)
    heat = _grown(before.heat_events, after.heat_events)
    return Span(after.seconds - before.seconds, busy, stolen, stops, heat)


def _deltas(
    before: Mapping[int, Ticks] | None, after: Mapping[int, Ticks] | None, usable: frozenset[int]
) -> list[tuple[int, int, int]]:
    if before is None or after is None:
        return []
    numbers = sorted(before.keys() & after.keys() & usable)
    # Idle and stolen time may run backwards by a tick.
    return [
        (
            max(0, after[number].busy - before[number].busy),
            max(0, after[number].idle - before[number].idle),
            max(0, after[number].stolen - before[number].stolen),
        )
        for number in numbers
    ]


def _grown(before: int | None, after: int | None) -> int | None:
    return after - before if before is not None and after is not None else None


def usable_processors() -> frozenset[int]:
    """Return the numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def set_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the user has set of the variables that change how steps run."""
    return {name: environment[name] for name in _VARIABLES if environment.get(name)}


def read_state(
    root: Path, usable: frozenset[int], threads: int, waiting: Span, *, system: str, cpu: str
) -> MachineState:
    """Read the rest of the state; `root` is "/" but in tests."""
    ticks = read_ticks(root)
    return MachineState(
        system=system,
        cpu=cpu,
        online=len(ticks) if ticks else None,
        usable=len(usable),
        threads=threads,
        load=read_load(root),
        clock=read_clock_rules(root, usable),
        quota=read_quota(root),
        memory=read_memory(root),
        memory_limit=read_memory_limit(root),
        waiting=waiting,
        steal_told=any(one.stolen for one in (ticks or {}).values()),
        variables=set_variables(os.environ),
    )
