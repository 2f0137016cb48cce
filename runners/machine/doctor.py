"""Says what about a machine makes its measurements doubtful, and what to do about it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .machine_state import MachineState

GIB = 1 << 30

# Shares of time that the hypervisor took: above the first, say so; above the second, the numbers
# of a shared machine are known to swing by tens of per cent.
_STOLEN_DOUBTFUL, _STOLEN_BAD = 0.01, 0.05
# Processors' worth of work by others that starts to disturb one that measures.
_BUSY_DOUBTFUL = 0.2
# Two workers with PyTorch loaded take about 0.5 GiB each before they hold a model.
_MEMORY_BAD, _MEMORY_DOUBTFUL = 1 * GIB, 4 * GIB
# A slowdown that the machine has to be able to catch: two and five times the default of
# `min_effect`, 2 %.
_DETECTABLE_DOUBTFUL, _DETECTABLE_BAD = 0.04, 0.10


class Level(Enum):
    """How much a condition spoils measurements; UNKNOWN is not FINE."""

    BAD = "bad"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition: what was found, what it does to measurements, what to do about it."""

    name: str
    level: Level
    found: str
    effect: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class SelfComparison:
    """A step compared with itself: relative change of throughput with its 95 % interval.

    `detectable` is the smallest slowdown that a run like this calls slower in 95 of 100 cases;
    `verdict` is what perflint would have said of it, with its `warnings`. `seconds` is how long it
    took. Where the step was told apart from itself, `again` is what a second comparison said.
    """

    verdict: str
    change: float
    low: float
    high: float
    detectable: float
    base_seconds: float
    pairs: int
    launches: int
    min_effect: float
    seconds: float
    warnings: tuple[str, ...] = ()
    again: "SelfComparison | None" = None

    @property
    def is_told_apart(self) -> bool:
        """Whether the same code was called slower or faster than itself."""
        return self.verdict in ("slower", "faster")


def diagnose(state: MachineState) -> tuple[Check, ...]:
    """Check everything that is read without measuring and without a GPU."""
    return (
        _other_work(state),
        _steal(state),
        _governor(state),
        _boost(state),
        _heat(state),
        _quota(state),
        _memory(state),
        _swap(state),
        _threads(state),
    )


def _other_work(state: MachineState) -> Check:
    busy = state.waiting.busy
    load = "" if state.load is None else f"; load average {state.load:.2f}"
    if busy is None:
        found = f"/proc/stat does not tell how busy the processors are{load}"
        return Check("other work", Level.UNKNOWN, found)
    found = (
        f"{busy:.1f} of {state.usable} processors busy while perflint waited "
        f"{state.waiting.seconds:.0f} s{load}"
    )
    effect = "Other work takes processor time, caches and clock from the steps: intervals widen."
    remedy = "Stop it, or give perflint a machine of its own while it measures."
    if state.usable - busy < state.threads and busy > _BUSY_DOUBTFUL:
        effect = "No processor is left for the worker that measures, so its steps wait for others."
        return Check("other work", Level.BAD, found, effect, remedy)
    if busy > _BUSY_DOUBTFUL:
        return Check("other work", Level.DOUBTFUL, found, effect, remedy)
    return Check("other work", Level.FINE, found)


def _steal(state: MachineState) -> Check:
    spans = [span for span in (state.waiting, state.measuring) if span is not None]
    shares = [span.stolen for span in spans if span.stolen is not None]
    if not shares:
        return Check("steal", Level.UNKNOWN, "/proc/stat does not tell of stolen time")
    worst = max(shares)
    found = f"{worst:.1%} of processor time taken by the hypervisor"
    if worst <= _STOLEN_DOUBTFUL:
        if state.clock.virtual and not state.steal_told:
            words = (
                "this virtual machine is told of no stolen time: none was taken, or none is told"
            )
            return Check("steal", Level.UNKNOWN, words)
        return Check("steal", Level.FINE, found)
    return Check(
        "steal",
        Level.BAD if worst > _STOLEN_BAD else Level.DOUBTFUL,
        found,
        "Steps stop while other machines on the same host run: some turns are long by chance.",
        "Use an instance with processors of its own (dedicated, not burstable).",
    )


def _governor(state: MachineState) -> Check:
    governors = state.clock.governors
    if governors is None:
        why = "the host of this virtual machine decides" if state.clock.virtual else "no cpufreq"
        return Check("governor", Level.UNKNOWN, f"the clock's governor is not shown here ({why})")
    if governors == ("performance",):
        return Check("governor", Level.FINE, "performance")
    return Check(
        "governor",
        Level.DOUBTFUL,
        ", ".join(governors),
        "The clock follows the load, so a turn that starts after a pause starts slowly.",
        "As root: cpupower frequency-set -g performance",
    )


def _boost(state: MachineState) -> Check:
    match state.clock.boost:
        case None:
            return Check("turbo", Level.UNKNOWN, "whether the clock is boosted is not shown here")
        case False:
            return Check("turbo", Level.FINE, "off")
    return Check(
        "turbo",
        Level.DOUBTFUL,
        "on",
        "The clock depends on heat and on how many cores work, and drifts while base and head "
        "take turns: intervals widen.",
        "As root: echo 0 > /sys/devices/system/cpu/cpufreq/boost "
        "(intel_pstate: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo)",
    )


def _heat(state: MachineState) -> Check:
    spans = [span for span in (state.waiting, state.measuring) if span is not None]
    events = [span.heat_events for span in spans if span.heat_events is not None]
    if not events:
        return Check("throttling", Level.UNKNOWN, "no count of slow-downs for heat is shown here")
    if not any(events):
        return Check("throttling", Level.FINE, "no core slowed down for heat")
    return Check(
        "throttling",
        Level.BAD,
        f"cores slowed down for heat {sum(events)} times within "
        f"{sum(span.seconds for span in spans):.0f} s",
        "The same step takes longer when the processor is hot, whichever side runs it.",
        "Mend the cooling, or lower the load and the turbo clock.",
    )


def _quota(state: MachineState) -> Check:
    cores = state.quota.cores
    if cores is None:
        return Check("quota", Level.UNKNOWN, "the control group's processor quota cannot be read")
    if math.isinf(cores):
        return Check("quota", Level.FINE, "no processor quota")
    spans = [span for span in (state.waiting, state.measuring) if span is not None]
    stops = sum(span.stops or 0 for span in spans)
    found = f"{cores:g} processors' worth of time is allowed"
    if stops:
        found += f"; stopped {stops} times just now"
    if stops or cores < state.threads:
        return Check(
            "quota",
            Level.BAD,
            found,
            "A worker that has used its share up is stopped for the rest of the period (mostly "
            "100 ms), in the middle of steps.",
            "Raise the quota (docker: --cpus; Kubernetes: limits.cpu), or lower `threads`.",
        )
    if cores < state.threads + 1:
        return Check(
            "quota",
            Level.DOUBTFUL,
            found,
            "There is little beyond what a worker itself uses: data loaders or the coordinator "
            "can use the share up, and steps are stopped then.",
            "Allow one processor more than `threads`.",
        )
    return Check("quota", Level.FINE, found)


def _memory(state: MachineState) -> Check:
    machine, limit = state.memory.available, state.memory_limit
    if machine is None:
        return Check("memory", Level.UNKNOWN, "/proc/meminfo cannot be read")
    free = float(machine)
    where = ""
    if limit.limit is None:
        where = " (whether the control group limits it cannot be read)"
    elif not math.isinf(limit.limit):
        free = min(free, limit.limit - (limit.used or 0))
        where = f" (the control group's limit is {limit.limit / GIB:.1f} GiB)"
    found = f"{max(0.0, free) / GIB:.1f} GiB available{where}"
    if free >= _MEMORY_DOUBTFUL:
        return Check("memory", Level.UNKNOWN if limit.limit is None else Level.FINE, found)
    return Check(
        "memory",
        Level.BAD if free < _MEMORY_BAD else Level.DOUBTFUL,
        found,
        "Base and head stay in memory side by side; where it gets short, the system swaps or ends "
        "a worker, and that side fails.",
        "Free memory, or raise the limit.",
    )


def _swap(state: MachineState) -> Check:
    swapped = state.memory.swapped
    if swapped is None:
        return Check("swap", Level.UNKNOWN, "/proc/meminfo does not tell of swap")
    if swapped < GIB // 16:
        return Check("swap", Level.FINE, "not in use")
    return Check(
        "swap",
        Level.DOUBTFUL,
        f"{swapped / GIB:.1f} GiB swapped out",
        "A step that touches swapped memory waits for the disk.",
        "Free memory, then as root: swapoff -a && swapon -a",
    )


def _threads(state: MachineState) -> Check:
    found = f"{state.threads} per worker, {state.usable} processors usable"
    if state.online is not None and state.online != state.usable:
        found += f" of {state.online}"
    if state.threads > state.usable:
        return Check(
            "threads",
            Level.BAD,
            found,
            "Threads of one step wait for each other's processor, and how long is chance.",
            "Lower `threads` in [tool.perflint.runners], or widen the affinity.",
        )
    if state.usable == 1:
        return Check(
            "threads",
            Level.DOUBTFUL,
            found,
            "The operating system and perflint's coordinator share the processor that measures.",
            "Allow a second processor.",
        )
    told = state.variables.get("OMP_NUM_THREADS")
    if told is not None and told != str(state.threads):
        return Check(
            "threads",
            Level.DOUBTFUL,
            f"{found}; OMP_NUM_THREADS is {told} here",
            "perflint sets its own number, so it measures steps that run otherwise than yours.",
            f"If training runs with {told}, say `threads = {told}` in [tool.perflint.runners].",
        )
    return Check("threads", Level.FINE, found)


def judge_self(result: SelfComparison, worse: Sequence[str] = ()) -> Check:
    """Say what the comparison of a step with itself tells of this machine.

    `worse` names what else was found to be bad or doubtful: mending that comes first.
    """
    found = (
        f"{result.change:+.1%} [{result.low:+.1%}, {result.high:+.1%}] for the same code, called "
        f"{result.verdict}; slowdowns from {result.detectable:.1%} on would be caught; "
        f"{result.pairs} pairs in {result.seconds:.0f} s"
    )
    first = f"Mend {' and '.join(worse)} first, and run" if worse else "Run"
    again = result.again
    if again is not None:
        found += f"; a second time called {again.verdict} ({again.change:+.1%})"
    if result.is_told_apart and (again is None or again.is_told_apart):
        return Check(
            "same code",
            Level.BAD,
            found,
            "The machine makes a difference where there is none: its verdicts cannot be trusted.",
            f"{first} `perflint doctor` again; if it repeats, stop what else runs here or take "
            "another machine.",
        )
    if result.is_told_apart:
        return Check(
            "same code",
            Level.DOUBTFUL,
            found,
            "One run in a hundred may call the same code different by chance, not two in a row.",
            f"{first} `perflint doctor --seed` with another number: it should be called same.",
        )
    if result.detectable > _DETECTABLE_DOUBTFUL or result.verdict != "same":
        why = "".join(f" {words[:1].upper()}{words[1:]}." for words in result.warnings)
        return Check(
            "same code",
            Level.BAD if result.detectable > _DETECTABLE_BAD else Level.DOUBTFUL,
            found,
            f"Smaller slowdowns end as unsure or same here.{why}",
            f"{first} `perflint doctor` again with less beside it, raise `max_seconds`, or say a "
            "larger `min_effect`.",
        )
    return Check("same code", Level.FINE, found)
