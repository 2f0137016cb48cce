"""What this machine is, as far as a reader of the numbers has to know."""

import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..sample import Environment
from ..text.words import some
from .machine_cpu import read
from .machine_state import usable_processors

_ROOT = Path("/")


def environment(worker: dict[str, Any]) -> Environment:
    """Join what a worker said of PyTorch with what the operating system says of the machine."""
    return Environment(
        python=platform.python_version(),
        torch=worker["torch"],
        platform=platform.platform(terse=True),
        cpu=cpu_name(),
        cores=len(worker["processors"]),
        threads=worker["threads"],
        device=worker["device"],
        gpu=worker["gpu"],
        driver=worker.get("driver") or (driver_version() if worker["gpu"] else None),
        cuda=worker["cuda"],
        gpu_uuid=worker["gpu_uuid"],
    )


def driver_version(root: Path = _ROOT) -> str | None:
    """Return the version of NVIDIA's driver, as its kernel module tells; None without one."""
    text = read(root / "proc/driver/nvidia/version") or ""
    found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", text)
    return found[1] if found else None


def why_unequal(base: dict[str, Any], head: dict[str, Any]) -> str | None:
    """Say why what two workers said of the machine makes them incomparable; None where it does not.

    Both inherit perflint's processors; only a test or a conftest that pins itself changes that.
    """
    ours, theirs = base["processors"], head["processors"]
    if ours == theirs:
        return None
    return (
        f"base ran on the processors {some(ours, 8)} and head on {some(theirs, 8)}: something in "
        "the perf tests pins its process, and both sides have to run on the same ones"
    )


def thread_notes(base: dict[str, Any], head: dict[str, Any]) -> list[str]:
    """Say where the sides compute with another number of threads, which their own code has set."""
    if base["threads"] == head["threads"]:
        return []
    return [f"PyTorch had {base['threads']} threads on base and {head['threads']} on head"]


def where_it_ran() -> dict[str, Any]:
    """Return the numbers of the processors that this process may run on, for `why_unequal`."""
    return {"processors": sorted(usable_processors())}


def cpu_name(root: Path = _ROOT) -> str:
    """What the processor calls itself; on ARM, which has no names, its kinds of core by number."""
    text = read(root / "proc/cpuinfo")
    if text is None:
        return platform.processor() or platform.machine()
    rows = [[part.strip() for part in row.split(":", 1)] for row in text.splitlines() if ":" in row]
    names = [value for key, value in rows if key == "model name"]
    if names:
        return names[0]
    cores = {
        " ".join(value for _, value in core)
        for core in _cores(rows)
        if {key for key, _ in core} >= {"CPU implementer", "CPU part"}
    }
    kinds = f" (cores {', '.join(sorted(cores))})" if cores else ""
    return f"{platform.machine()}{kinds}"


def _cores(rows: list[list[str]]) -> Iterator[list[list[str]]]:
    """Yield of each core what says of which kind it is: implementer, variant, part, revision."""
    core: list[list[str]] = []
    for row in rows:
        if row[0] == "processor":
            yield core
            core = []
        elif row[0] in ("CPU implementer", "CPU variant", "CPU part", "CPU revision"):
            core.append(row)
    yield core
