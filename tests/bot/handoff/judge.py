"""Lets a reader loose on archives, each in a process of its own with little memory and time.

Run as `python judge.py strict|naive FOLDER`; prints a line of JSON for each archive: what came of
it, the seconds of processor time, and the MiB that the process took beyond what it had.
"""

import io
import json
import os
import resource
import sys
import time
import zipfile
from pathlib import Path

MIB = 1 << 20
EXTRA_BYTES, SECONDS = 64 * MIB, 1.0


def naive(archive: bytes) -> object:
    """What one would write first."""
    with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
        return json.loads(unpacked.read(unpacked.namelist()[0]))["run"]["tests"]


def judge(read: object, refusals: tuple[type[Exception], ...], path: Path) -> dict[str, object]:
    """Read one archive: refused, accepted, or an error that no reader should end in."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + EXTRA_BYTES, held + EXTRA_BYTES))
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    said = ""
    try:
        read(path.read_bytes())  # type: ignore[operator]
        outcome = "accepted"
    except refusals as error:
        outcome, said = "refused", str(error)
    except BaseException as error:
        outcome = type(error).__name__
    seconds = time.process_time() - begin
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mib = (after - before) * 1024 / MIB
    return {"name": path.stem, "outcome": outcome, "said": said, "seconds": seconds, "mib": mib}


def main(which: str, folder: str) -> None:
    """Judge all archives of the folder."""
    if which == "strict":
        from torch_perflint.bot.handoff.archive import read_archive
        from torch_perflint.bot.handoff.zipped import ArchiveError

        read, refusals = read_archive, (ArchiveError,)
    else:
        read, refusals = naive, (zipfile.BadZipFile, ValueError, LookupError)  # type: ignore[assignment]
    for path in sorted(Path(folder).iterdir()):
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
            os.write(writing, json.dumps(judge(read, refusals, path)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        print((told or json.dumps({"name": path.stem, "outcome": "killed"}).encode()).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
