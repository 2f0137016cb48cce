"""Reads what the control groups of this process allow it (cgroups(7)), of version 1 and 2."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .machine_cpu import read, whole

# Version 1 writes "no limit" as the largest number of pages that fits; no machine has so much.
_NO_LIMIT_BYTES = 1 << 60


@dataclass(frozen=True, slots=True)
class Quota:
    """How much processor time is allowed: `cores` processors' worth, infinite where no limit is.

    `cores` is None where it cannot be read. `periods` are those in which the group ran, `stopped`
    those in which it used its share up and was stopped until the next one, both since it began.
    """

    cores: float | None = None
    periods: int | None = None
    stopped: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """Bytes: the limit (infinite where there is none) and what is used; None where unknown.

    What is used leaves out pages of files that were not touched lately: the kernel gives these up
    where memory gets short, and a group that has read much is at its limit with nothing wrong.
    """

    limit: float | None = None
    used: int | None = None


def read_quota(root: Path) -> Quota:
    """Return the tightest quota of this process's group and of those around it."""
    groups = _groups(root, "cpu")
    if groups is None:
        return Quota()
    version, folders = groups
    pairs = [_quota_v2(folder) if version == 2 else _quota_v1(folder) for folder in folders]
    limits = [cores for cores in pairs if cores is not None]
    stats = [_numbers(read(folder / "cpu.stat")) for folder in folders]
    periods = [one["nr_periods"] for one in stats if "nr_periods" in one]
    stopped = [one["nr_throttled"] for one in stats if "nr_throttled" in one]
    # The group at the root has no file and no limit.
    cores = min(limits) if limits else (math.inf if _is_there(folders, version, "cpu") else None)
    return Quota(cores, max(periods, default=None), sum(stopped) if stopped else None)


def read_memory_limit(root: Path) -> MemoryLimit:
    """Return the limit of memory that leaves least, of this process's group or those around it."""
    groups = _groups(root, "memory")
    if groups is None:
        return MemoryLimit()
    version, folders = groups
    names = ("memory.max", "memory.current")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    found = [MemoryLimit(math.inf if _is_there(folders, version, "memory") else None)]
    for folder in folders:
        limit, used = whole(read(folder / names[0])), whole(read(folder / names[1]))
        if limit is None or limit >= _NO_LIMIT_BYTES:
            continue
        cached = "inactive_file" if version == 2 else "total_inactive_file"
        idle = _numbers(read(folder / "memory.stat")).get(cached, 0)
        found.append(MemoryLimit(limit, None if used is None else max(0, used - idle)))
    return min(found, key=_room)


def _room(one: MemoryLimit) -> float:
    return math.inf if one.limit is None else one.limit - (one.used or 0)


def _quota_v2(folder: Path) -> float | None:
    words = (read(folder / "cpu.max") or "").split()
    if len(words) != 2:
        return None
    limit, period = whole(words[0]), whole(words[1])
    if words[0] == "max":
        return math.inf
    return limit / period if limit and period else None


def _quota_v1(folder: Path) -> float | None:
    limit = whole(read(folder / "cpu.cfs_quota_us"))
    period = whole(read(folder / "cpu.cfs_period_us"))
    if limit is None or not period:
        return None
    return limit / period if limit > 0 else math.inf


def _numbers(text: str | None) -> dict[str, int]:
    rows = (line.split() for line in (text or "").splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _is_there(folders: list[Path], version: int, controller: str) -> bool:
    """Whether the hierarchy can be read at all, so that a file it lacks means no limit."""
    if version == 2:
        return controller in (read(folders[-1] / "cgroup.controllers") or "").split()
    return folders[-1].is_dir() and any(folders[-1].glob(f"{controller}.*"))


def _groups(root: Path, controller: str) -> tuple[int, list[Path]] | None:
    """Return the version, and the folders from this process's group up to the mount; None: unknown.

    A container may see its own group as the root, or a path of the host of which only a part is
    mounted.
    """
    mounts = list(_mounts(root))
    for version, names, path in _memberships(root):
        for mounted_version, mounted_names, top, point in mounts:
            if version != mounted_version or (version == 1 and controller not in names):
                continue
            if version == 1 and controller not in mounted_names:
                continue
            folder = root / point.lstrip("/")
            if version == 2 and controller not in (read(folder / "cgroup.controllers") or ""):
                continue  # a mixed system: version 1 has this controller
            return version, _chain(folder, _below(path, top))
    return None


def _memberships(root: Path) -> Iterator[tuple[int, list[str], str]]:
    """Yield version, controllers and path from /proc/self/cgroup."""
    for line in (read(root / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        yield (2, [], path) if number == "0" and not names else (1, names.split(","), path)


def _mounts(root: Path) -> Iterator[tuple[int, list[str], str, str]]:
    """Yield version, controllers, the group that is mounted, and where (/proc/self/mountinfo)."""
    for line in (read(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        version = 2 if kind[0] == "cgroup2" else 1
        yield version, kind[2].split(","), fields[3], fields[4]


def _below(path: str, top: str) -> tuple[str, ...]:
    """Return the parts of `path` under the mounted group; none where it lies elsewhere."""
    group = PurePosixPath(path)
    if ".." in group.parts or not group.is_relative_to(top):
        return ()
    return group.relative_to(top).parts


def _chain(mount: Path, parts: tuple[str, ...]) -> list[Path]:
    folders = [mount.joinpath(*parts[:length]) for length in range(len(parts), -1, -1)]
    return [folder for folder in folders if folder == mount or folder.is_dir()]
