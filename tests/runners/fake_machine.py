"""Writes trees of /proc and /sys as the kernel shows them, so that a test can make any machine."""

from pathlib import Path

CPU = "sys/devices/system/cpu"
V2_MOUNT = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = (
    "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {top} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def stat(*ticks: tuple[int, int, int], guest: int = 0) -> str:
    """A /proc/stat of processors that were so long busy, idle, stolen (user time is busy time)."""
    rows = [
        f"cpu{number} {busy} 0 0 {idle} 0 0 0 {stolen} {guest} 0"
        for number, (busy, idle, stolen) in enumerate(ticks)
    ]
    return "\n".join(["cpu  1 0 0 1 0 0 0 0 0 0", *rows, "intr 1 2 3", "ctxt 5", ""])


def cgroup_v2(root: Path, path: str, files: dict[str, str]) -> Path:
    """A unified hierarchy in which this process is in group `path`; files are below the mount."""
    controllers = {"cgroup.controllers": "cpuset cpu io memory pids\n"}
    below = {f"sys/fs/cgroup/{name}": text for name, text in {**controllers, **files}.items()}
    proc = {"proc/self/cgroup": f"0::{path}\n", "proc/self/mountinfo": f"{V2_MOUNT}\n"}
    return write(root, {**proc, **below})


def cgroup_v1(root: Path, path: str, files: dict[str, str], top: str = "/") -> Path:
    """Hierarchies of version 1; `top` is the group that is mounted, as in a container."""
    proc = {
        "proc/self/cgroup": f"9:name=systemd:/\n4:memory:{path}\n2:cpu,cpuacct:{path}\n0::/\n",
        "proc/self/mountinfo": V1_MOUNTS.format(top=top),
        "sys/fs/cgroup/unified/cgroup.controllers": "\n",
    }
    below = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    return write(root, {**proc, **below})
