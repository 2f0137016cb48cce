"""The most memory that the process itself had while something ran, as the kernel tells it."""

from collections.abc import Callable
from pathlib import Path

_PROCESS = Path("/proc/self")


def high_water_bytes(step: Callable[[], object], process: Path = _PROCESS) -> int | None:
    """Run the step; return the largest resident set (VmHWM) meanwhile, in bytes.

    It is not exact: the C library keeps memory that is free, and shared libraries count as well.
    None where the kernel keeps no such mark, or does not let us set it back.
    """
    try:
        # 5 sets the mark back to what is resident now; see proc(5).
        (process / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        step()
        return None
    step()
    for line in (process / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
