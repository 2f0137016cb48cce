"""What this machine is, as far as a reader of the numbers has to know."""

import os
import platform
import re
from pathlib import Path
from typing import Any

from .sample import Environment


def environment(worker: dict[str, Any]) -> Environment:
    """Join what a worker said of PyTorch with what the operating system says of the machine."""
    return Environment(
        python=platform.python_version(),
        torch=worker["torch"],
        platform=platform.platform(terse=True),
        cpu=cpu_name(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        threads=worker["threads"],
        device=worker["device"],
        gpu=worker["gpu"],
        driver=worker.get("driver") or (driver_version() if worker["gpu"] else None),
        cuda=worker["cuda"],
        gpu_uuid=worker["gpu_uuid"],
    )


def driver_version() -> str | None:
    """Return the version of NVIDIA's driver, as its kernel module tells; None without one."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", text)
    return found[1] if found else None


def _cores() -> int:
    return os.cpu_count() or 1


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [row.split(":", 1)[1].strip() for row in rows if row.startswith("model name")]
    return names[0] if names else platform.machine()
