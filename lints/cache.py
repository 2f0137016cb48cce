"""What earlier runs found out about files, so that an unchanged file is not even read again.

One file, written whole or not at all. Its content is marshal behind a checksum: of plain values
only, so that a cache from elsewhere can hold no code. Whatever is wrong with it, it is left aside.
"""

import marshal
import os
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

from .. import __version__
from .again import State

# Increase it where what is kept changes its shape.
_SHAPE = 3
# Results under other settings that are kept beside the newest.
_SETTINGS_KEPT = 3
_RUNS_KEPT = 8
_IGNORE = "# Made by perflint; nothing here is worth keeping.\n*\n"

# (mentions a framework, may be hot, trains, does so on an accelerator, makes an optimizer, speaks
# of devices)
Flags = tuple[bool, bool, bool, bool, bool, bool]
_FLAGS = 6


class Cache:
    """Facts and results by absolute path. With no folder it forgets everything."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._changed = False
        self._files: dict[str, list[Any]] = {}
        # Runs of which every result is kept, by all that they depend on. A result that makes room
        # for another takes them along: which of them it belonged to is not known.
        self._whole: list[bytes] = []
        if folder is not None:
            self._files, self._whole = _load(_file(folder))

    def facts_of(self, path: str, state: State) -> tuple[bytes, Flags] | None:
        """Return digest and flags of a file that has not changed since."""
        entry = self._files.get(path)
        if entry is None or entry[0] != state or len(entry[2]) != _FLAGS:
            return None
        return entry[1], entry[2]

    def keep_facts(self, path: str, state: State, digest: bytes, flags: Flags) -> None:
        """Remember a file; results stay where only its time changed.

        Without a state, what is in it has to be looked at again the next time.
        """
        entry = self._files.get(path)
        results = {}
        if entry is not None and entry[1] == digest:
            results = entry[3]
        elif entry is not None:
            self._whole.clear()
        self._files[path] = [state, digest, flags, results]
        self._changed = True

    def result_of(self, path: str, settings: bytes) -> Any:
        """Return the plain result that was kept for a file under these settings; None without."""
        entry = self._files.get(path)
        return None if entry is None else entry[3].get(settings)

    def keep_result(self, path: str, settings: bytes, result: Any) -> None:
        """Remember a plain result."""
        entry = self._files.get(path)
        if entry is None:
            return
        results = entry[3]
        if results.pop(settings, result) != result:
            self._whole.clear()
        results[settings] = result
        while len(results) > _SETTINGS_KEPT:
            del results[next(iter(results))]
            self._whole.clear()
        self._changed = True

    def is_whole(self, run: bytes) -> bool:
        """Whether all results of just this run are kept."""
        return run in self._whole

    def keep_whole(self, run: bytes) -> None:
        """Remember that all results of a run are kept."""
        self._whole = [*(known for known in self._whole if known != run), run][-_RUNS_KEPT:]
        self._changed = True

    def save(self) -> None:
        """Write what changed. A folder that cannot be written to is no reason to stop."""
        if self._folder is None or not self._changed:
            return
        for path in [path for path in self._files if not os.path.exists(path)]:
            # Runs with this file are of no use until it is back, and then it is another one.
            del self._files[path]
            self._whole.clear()
        payload = marshal.dumps((_SHAPE, self._files, self._whole))
        half = self._folder / f"half.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            ignore = self._folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text(_IGNORE, encoding="utf-8")
            half.write_bytes(_sum(payload) + payload)
            os.replace(half, _file(self._folder))
        except OSError:
            half.unlink(missing_ok=True)
        self._changed = False


def fingerprint_of(parts: object) -> bytes:
    """Return a digest of anything whose repr says all about it."""
    return blake2b(repr(parts).encode("utf-8", "surrogateescape"), digest_size=16).digest()


def own_version() -> tuple[object, ...]:
    """Return what tells this perflint, and what is installed beside it, from another one."""
    here = Path(__file__).parent
    own = sorted(
        (entry.name, entry.stat().st_mtime_ns)
        for folder in (here, here / "rules")
        for entry in os.scandir(folder)
        if entry.name.endswith(".py")
    )
    return (__version__, sys.version, tuple(own))


def _file(folder: Path) -> Path:
    # marshal may differ from one Python to the next.
    return folder / f"lints-{__version__}-{sys.implementation.cache_tag}"


def _sum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16).digest()


def _load(file: Path) -> tuple[dict[str, list[Any]], list[bytes]]:
    try:
        raw = file.read_bytes()
        if raw[:16] == _sum(raw[16:]):
            shape, files, whole = marshal.loads(raw[16:])
            if shape == _SHAPE:
                return files, whole
    except (OSError, ValueError, EOFError, TypeError):
        pass  # none yet, or one that somebody else wrote: all is worked out anew
    return {}, []
