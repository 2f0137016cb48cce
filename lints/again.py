"""Says again what an unchanged run has said, before more than `os` and `marshal` is awake.

A record holds what a run printed, its status, and the state of all that it looked at: folders,
files, settings, and perflint itself. `record.py` writes it.
"""

import marshal
import os
import sys
import zlib

from .. import __version__

FOLDER = ".perflint_cache"
# What the names of all records begin with.
NAMED = "again-"
# Increase it where a record changes its shape.
_SHAPE = 1
_SUM_BYTES = 4
# Some file systems count the time in steps of two seconds: what changed no longer ago may change
# again and look the same.
_SETTLED_AFTER_NS = 2_000_000_000

# (modification time in ns, time of any change in ns, size, inode); None for what is not there.
State = tuple[int, int, int, int] | None
# What a run depends on beside the files: how, where and by what it is called.
Situation = tuple[int | str | tuple[int | str | None, ...], ...]


def recall(words: list[str]) -> int | None:
    """Print what `check` with these words said, and return its status, if all is as it was."""
    try:
        situation = situation_of(words)
    except FileNotFoundError:
        return None  # the folder that perflint is called in is gone
    try:
        with open(place_of(words, situation), "rb") as file:
            known, paths, states, text, status = _unpacked(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None  # none yet, or one that somebody else wrote: all is worked out anew
    # The checksum in its name may be that of two situations.
    if known != situation or not all(map(_is_as_it_was, paths, states)):
        return None
    say(text)
    return status


def situation_of(words: list[str]) -> Situation:
    """Return the situation of a run of `check` with these words, here and now."""
    environment = [os.environ.get(name) for name in ("NO_COLOR", "FORCE_COLOR", "TERM")]
    return (
        _SHAPE,
        __version__,
        sys.version,
        tuple(sys.path),
        os.getcwd(),
        tuple(words),
        (sys.stdout.isatty(), *environment),
    )


def place_of(words: list[str], situation: Situation) -> str:
    """Return where the record of a run is, or would be."""
    folder = FOLDER
    for number, word in enumerate(words):
        if word == "--cache-dir":
            folder = "".join(words[number + 1 : number + 2])
        elif word.startswith("--cache-dir="):
            folder = word.partition("=")[2]
    return os.path.join(folder, f"{NAMED}{zlib.crc32(repr(situation).encode()):08x}")


def packed(situation: Situation, seen: dict[str, State], text: str, status: int) -> bytes:
    """Return what a record's file holds. It is marshal behind a checksum, as in `cache.py`."""
    payload = marshal.dumps((situation, tuple(seen), tuple(seen.values()), text, status))
    return zlib.crc32(payload).to_bytes(_SUM_BYTES, "big") + payload


def state_of(path: str) -> State:
    """Return what changes whenever a file does, or what lies in a folder."""
    try:
        return in_short(os.stat(path))
    except OSError:
        return None


def in_short(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return the state that the file system tells."""
    # The time of any change cannot be set back, as the other one can.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def is_settled(state: State, at_ns: int) -> bool:
    """Whether a state at a time would differ from that after another change."""
    return state is None or max(state[:2]) <= at_ns - _SETTLED_AFTER_NS


def say(text: str) -> None:
    """Print what the terminal's encoding has, and codes for the rest."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _unpacked(raw: bytes) -> tuple[Situation, list[str], list[State], str, int]:
    payload = raw[_SUM_BYTES:]
    if zlib.crc32(payload) != int.from_bytes(raw[:_SUM_BYTES], "big"):
        raise ValueError("damaged")
    known, paths, states, text, status = marshal.loads(payload)
    return known, paths, states, text, status


def _is_as_it_was(path: str, state: State) -> bool:
    return state_of(path) == state
