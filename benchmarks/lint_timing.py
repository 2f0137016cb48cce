"""Runs commands in turn, each on the cores that it may use, and says what they took."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from torch_perflint import PerflintError

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True, slots=True)
class Job:
    """A command to measure. `before` runs each time, unmeasured; `ours` sees PYTHONPATH."""

    name: str
    words: tuple[str, ...]
    folder: Path
    all_cores: bool = False
    ours: bool = False
    reads: Path | None = None
    before: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took, and what it said."""

    wall_s: float
    cpu_s: float
    said: str
    aside: str


def run(job: Job) -> Run:
    """Run it once. A status other than 0 and 1 is no work done."""
    if job.before:
        job.before()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _input(job) as text:
        with _pinned(all_cores=job.all_cores):
            begin = time.perf_counter()
            process = subprocess.Popen(
                job.words, cwd=job.folder, stdin=text, stdout=out, stderr=err, env=_environ(job)
            )
        # wait4 counts what the command's own processes used, too.
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said, aside = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode not in (0, 1):
        command = " ".join(job.words)
        raise PerflintError(f"{command} ended with status {process.returncode}:\n{aside[-2000:]}")
    return Run(wall_s, used.ru_utime + used.ru_stime, said, aside)


def in_turns(
    jobs: Sequence[Job], rounds: int, *, warm_up: bool = True
) -> dict[str, tuple[Run, ...]]:
    """Run all of them again and again, there and back, so that none always comes after the same.

    An unmeasured round goes first: it compiles, and fills the caches of those who have one. Who
    says something else than the time before did not do the same work.
    """
    runs: dict[str, list[Run]] = {job.name: [] for job in jobs}
    first = {job.name: run(job).said for job in jobs} if warm_up else {}
    for number in range(rounds):
        for job in jobs if number % 2 else reversed(jobs):
            done = run(job)
            if first.setdefault(job.name, done.said) != done.said:
                raise PerflintError(f"{job.name} says something else the second time")
            runs[job.name].append(done)
    return {name: tuple(of_job) for name, of_job in runs.items()}


@contextmanager
def _input(job: Job) -> Iterator[IO[bytes]]:
    with open(job.reads or os.devnull, "rb") as text:
        yield text


@contextmanager
def _pinned(*, all_cores: bool) -> Iterator[None]:
    """What starts here inherits its cores; the last one is rarely that of the interrupts."""
    if not CORES:
        yield
        return
    os.sched_setaffinity(0, CORES if all_cores else CORES[-1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def _environ(job: Job) -> dict[str, str]:
    """Nobody is slower for not being allowed to keep bytecode, and peers see none of our code."""
    hidden = {"PYTHONDONTWRITEBYTECODE"} | (set() if job.ours else {"PYTHONPATH"})
    return {name: value for name, value in os.environ.items() if name not in hidden}
