"""Reads what /proc and /sys say of the processors and the memory; what they do not say is None."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ticks:
    """What one processor has done since the machine started, in clock ticks (proc(5), /proc/stat).

    `idle` includes waiting for disks; `stolen` is what the hypervisor gave to other machines.
    """

    busy: int
    idle: int
    stolen: int


@dataclass(frozen=True, slots=True)
class ClockRules:
    """What decides the processors' clock.

    `governors` are those of the usable processors (cpufreq); `boost` says whether they may run
    above their nominal clock; `virtual` that this is a virtual machine, whose host decides.
    """

    governors: tuple[str, ...] | None
    boost: bool | None
    virtual: bool | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the whole machine (/proc/meminfo): what programs can still get, and swapped out."""

    total: int | None
    available: int | None
    swapped: int | None


def read(file: Path) -> str | None:
    """Return the file's text without the white space around it; None where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def whole(text: str | None) -> int | None:
    """Return the number that the text is; None for anything else."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def read_ticks(root: Path) -> Mapping[int, Ticks] | None:
    """Return the ticks of each processor by its number."""
    text = read(root / "proc/stat")
    if text is None:
        return None
    found = {}
    for line in text.splitlines():
        name, *fields = line.split()
        number = whole(name.removeprefix("cpu")) if name.startswith("cpu") else None
        if number is None or len(fields) < 4 or not all(field.isdigit() for field in fields):
            continue
        # A guest's time is in that of the user already, so the fields after `steal` are left out.
        user, nice, system, idle, wait, irq, softirq, steal = [*map(int, fields), 0, 0, 0, 0][:8]
        found[number] = Ticks(user + nice + system + irq + softirq, idle + wait, steal)
    return found or None


def read_clock_rules(root: Path, usable: Iterable[int]) -> ClockRules:
    """Return what decides the clock of the `usable` processors."""
    cpus = root / "sys/devices/system/cpu"
    governors = {read(cpus / f"cpu{number}/cpufreq/scaling_governor") for number in usable}
    known = tuple(sorted(one for one in governors if one))
    return ClockRules(known or None, _boost(cpus), _virtual(read(root / "proc/cpuinfo")))


def _boost(cpus: Path) -> bool | None:
    no_turbo = read(cpus / "intel_pstate/no_turbo")
    if no_turbo in ("0", "1"):
        return no_turbo == "0"
    boost = read(cpus / "cpufreq/boost")
    return boost == "1" if boost in ("0", "1") else None


def _virtual(cpuinfo: str | None) -> bool | None:
    # x86 only: a processor that lists its flags sets `hypervisor` inside a virtual machine.
    rows = [line for line in (cpuinfo or "").splitlines() if line.startswith("flags")]
    return "hypervisor" in rows[0].split() if rows else None


def read_heat_events(root: Path, usable: Iterable[int]) -> int | None:
    """Return how often the usable processors' cores have slowed down for their heat (Intel)."""
    cpus = root / "sys/devices/system/cpu"
    counts = [
        whole(read(cpus / f"cpu{number}/thermal_throttle/core_throttle_count")) for number in usable
    ]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def read_load(root: Path) -> float | None:
    """Return the average number of running or waiting tasks over the last minute."""
    words = (read(root / "proc/loadavg") or "").split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def read_memory(root: Path) -> Memory:
    """Return the machine's memory."""
    rows = {}
    for line in (read(root / "proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        kibibytes = whole(rest.split()[0]) if rest.split() else None
        if kibibytes is not None:
            rows[name] = kibibytes * 1024
    swap = rows.get("SwapTotal"), rows.get("SwapFree")
    swapped = swap[0] - swap[1] if swap[0] is not None and swap[1] is not None else None
    return Memory(rows.get("MemTotal"), rows.get("MemAvailable"), swapped)
