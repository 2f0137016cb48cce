"""Runs each side in a process of its own that does one thing at a time, and outlives no one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ..result import Failure
from ..sample import Side
from ..sides.provenance import FirstParty
from .channel import VARIABLE, Channel, Closed, Message, TooSlow
from .ports import free_port
from .pulse import ALIVE
from .strays import end_strays

# Whatever lets a process act on GitHub or on the CI job: a perf test is a stranger's code. And what
# would add coverage or parallel workers to the measurement.
_KEPT_FROM_TESTS = (
    *("GITHUB_", "GH_", "ACTIONS_", "INPUT_", "RUNNER_"),
    *("PYTEST_ADDOPTS", "PYTEST_TIMEOUT", "PYTEST_XDIST_", "COV_CORE_", "COVERAGE_PROCESS_"),
)

# By default glibc gives large blocks back to the system and takes them anew, step by step, or not,
# as the heap happens to lie: the same convolution took 21 ms with and 30 to 39 ms without these.
STEADY_MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
}

_MARK = "TORCHINDUCTOR_CACHE_DIR"
_START_SECONDS = 120.0
_LOG_LINES = 40


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What both workers of a run have in common.

    `files` are the perf-test files, relative to the worktree; `keyword` is pytest's `-k`.
    `environments` are the sides' own virtual environments; without any, both use perflint's.
    """

    repository: Path
    scratch: Path
    files: tuple[str, ...]
    keyword: str
    pytest_args: tuple[str, ...]
    threads: int
    timeout: float
    min_effect: float
    own: FirstParty
    environments: Mapping[Side, Path] = field(default_factory=dict)


class SideFailed(Exception):
    """A side could not do what it was told; `failure` says why."""

    def __init__(self, side: Side, failure: Failure) -> None:
        super().__init__(f"{side.value}: {failure.summary}")
        self.side, self.failure = side, failure


class Worker:
    """The coordinator's end of one worker process. Use it in a `with` block."""

    def __init__(
        self, plan: WorkerPlan, side: Side, root: Path, launch: int, hash_seed: int
    ) -> None:
        self._plan, self.side = plan, side
        self._log = plan.scratch / f"{side.value}-{launch}.log"
        self._channel, theirs = _line()
        setup = plan.scratch / f"{side.value}-{launch}.json"
        setup.write_text(json.dumps(_setup(plan, root, theirs)), encoding="utf-8")
        env = worker_environment(os.environ, plan, side, hash_seed) | {VARIABLE: str(setup)}
        # No other run has this folder, nor the other side, so it marks what the worker starts.
        self._mark = f"{_MARK}={env[_MARK]}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                _command(plan, side),
                cwd=root,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=theirs,
                start_new_session=True,
            )
        for descriptor in theirs:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop(at_once=kind is not None)

    @property
    def pid(self) -> int:
        """The number of the worker's process."""
        return self._process.pid

    def collected(self) -> Message:
        """Wait for the tests that pytest found. Raises SideFailed."""
        return self._receive(max(_START_SECONDS, self._plan.timeout))

    def ask(self, order: Message) -> Message:
        """Give an order and wait for its answer. Raises SideFailed where none comes in time."""
        try:
            self._channel.send(order)
        except Closed:
            raise SideFailed(self.side, self._died()) from None
        return self._receive(self._plan.timeout)

    def stop(self, *, at_once: bool = False) -> None:
        """End the process and everything that it started; `at_once` does not let it say goodbye."""
        try:
            if self._process.poll() is None and not at_once:
                self._channel.send({"do": "stop"})
                self._process.wait(timeout=5)
        except (Closed, subprocess.TimeoutExpired):
            pass  # it hangs or is in the middle of a test: the next line ends it
        finally:
            # Also where Ctrl-C comes meanwhile: what the worker has started must not outlive us.
            self._kill()

    def _kill(self) -> None:
        # Also what the test started: data-loader workers, servers.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        end_strays(self._mark)
        self._process.wait()
        self._channel.close()

    def _receive(self, seconds: float) -> Message:
        try:
            while (message := self._channel.receive(seconds, self._has_ended)) == ALIVE:
                pass
            return message
        except TooSlow:
            summary = f"no answer within {seconds:.0f} s (the time limit is `timeout`)"
            failure = Failure(summary, self._tail(), timed_out=True)
            raise SideFailed(self.side, failure) from None
        except Closed:
            raise SideFailed(self.side, self._died()) from None

    def _has_ended(self) -> bool:
        return self._process.poll() is not None

    def _died(self) -> Failure:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Failure("closed its line to perflint", self._tail())
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return Failure(f"the process ended {how}", self._tail())

    def _tail(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_LOG_LINES:])


def _line() -> tuple[Channel, tuple[int, int]]:
    """Open two pipes: our end as a channel, theirs as file descriptors to read and to write."""
    their_reads, our_writes = os.pipe()
    our_reads, their_writes = os.pipe()
    return Channel(our_reads, our_writes), (their_reads, their_writes)


def _setup(plan: WorkerPlan, root: Path, line: tuple[int, int]) -> Message:
    return {
        "root": str(root),
        "repository": str(plan.repository),
        "reads": line[0],
        "writes": line[1],
        "regular": sorted(plan.own.regular),
        "exact": sorted(plan.own.exact),
        "loose": dict(plan.own.loose),
        "within": dict(plan.own.within),
        "min_effect": plan.min_effect,
        # What a side's own environment lies over.
        "inherited": sys.prefix,
    }


def _command(plan: WorkerPlan, side: Side) -> list[str]:
    # -P: the worker sets its path itself. Caches, coverage and parallel runs of the project's own
    # settings would spoil the measurement, hence no addopts.
    python = sys.executable
    if side in plan.environments:
        python = str(interpreter(plan.environments[side]))
    words = [python, "-P", "-m", "pytest", "-p", "torch_perflint.runners.processes.pytest_worker"]
    words += ["-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", ".", "--tb=short"]
    if not any("randomly" in word for word in plan.pytest_args):
        # By itself pytest-randomly seeds each process otherwise, after us: the sides would differ.
        words += ["-p", "no:randomly"]
    words += ["--continue-on-collection-errors", *plan.pytest_args]
    if plan.keyword:
        words += ["-k", plan.keyword]
    return [*words, *plan.files]


def variables(folder: Path, ours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process that runs in the environment, as if it were activated."""
    path = f"{folder / 'bin'}{os.pathsep}{ours.get('PATH', os.defpath)}"
    return {"VIRTUAL_ENV": str(folder), "PATH": path}


def interpreter(folder: Path) -> Path:
    """Return the environment's Python."""
    return folder / "bin" / "python"


def without_secrets(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a stranger's code may see."""
    return {name: value for name, value in ours.items() if not name.startswith(_KEPT_FROM_TESTS)}


def worker_environment(
    ours: Mapping[str, str], plan: WorkerPlan, side: Side, hash_seed: int
) -> dict[str, str]:
    """Return a worker's variables: the same on both sides but for compile caches and `MASTER_PORT`.

    And, where each side has a virtual environment of its own, for that.
    """
    env = without_secrets(ours)
    if side in plan.environments:
        env |= variables(plan.environments[side], ours)
    threads = str(plan.threads)
    caches = plan.scratch / "caches" / side.value
    # What the user has set of these holds.
    return (
        STEADY_MALLOC
        | env
        | {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "PYTHONHASHSEED": str(hash_seed),
            "PYTHONUNBUFFERED": "1",
            # Shared caches would let one side profit from what the other compiled.
            _MARK: str(caches / "inductor"),
            "TRITON_CACHE_DIR": str(caches / "triton"),
            # Both sides' process groups live at once, and one port serves one of them.
            "MASTER_PORT": str(free_port()),
        }
    )
