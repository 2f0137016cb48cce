"""Keeps both sides' processes for one launch: starts, orders, and ends them."""

import random
from dataclasses import dataclass
from pathlib import Path

from ..sample import PerfTest, Side
from .channel import Message
from .isolate import SideFailed, Worker, WorkerPlan


@dataclass(slots=True)
class Built:
    """One build of a test's state, and how many steps were ordered on it."""

    seed: int
    steps: int


class Workers:
    """One life of both sides' processes; a side that was ended starts anew when it is needed."""

    def __init__(self, plan: WorkerPlan, roots: dict[Side, Path], number: int, seed: int) -> None:
        self.number, self._seed = number, seed
        self.random = random.Random(f"{seed} {number}")
        self._plan, self._roots = plan, roots
        self._hash_seed = self.random.randrange(1, 2**32)
        self._running: dict[Side, Worker] = {}
        self._collected: dict[Side, Message] = {}
        self._failed: dict[Side, SideFailed] = {}
        # What each side's process was told to do since it started, the last one where it has ended.
        self.built: dict[Side, list[Built]] = {side: [] for side in Side}
        self._starts = 0

    def drop(self, *sides: Side, at_once: bool = False) -> None:
        """End the processes of these sides, or of both; the next order starts fresh ones."""
        for side in sides or tuple(Side):
            self._failed.pop(side, None)
            if side in self._running:
                self._running.pop(side).stop(at_once=at_once)

    def is_running(self, side: Side) -> bool:
        """Whether this side has a process."""
        return side in self._running

    def pids(self) -> list[int]:
        """Return the numbers of the processes that run."""
        return [worker.pid for worker in self._running.values()]

    def collected(self, side: Side) -> Message:
        """Return what pytest found on this side. Raises SideFailed."""
        if side not in self._running and side not in self._failed:
            self.start(*Side)
        self._worker(side)
        return self._collected[side]

    def ask(self, side: Side, order: Message) -> Message:
        """Give one side an order and wait for its answer. Raises SideFailed."""
        return self._worker(side).ask(order)

    def seed(self) -> int:
        """Draw a seed for one build of a test's state."""
        return self.random.randrange(2**31)

    def counting_seed(self, test: PerfTest) -> int:
        """Return the seed that a test is counted with: the same on both sides, and when retried."""
        return random.Random(f"{self._seed} {test.id}").randrange(2**31)

    def order(self, do: str, test: PerfTest, seed: int, side: Side) -> Message:
        """Write the order to run a test from its set-up on."""
        # The same seed on both sides, but another layout of the heap.
        jitter = f"{seed} {side.value}"
        return {
            "do": do,
            "test": test.id,
            "seed": seed,
            "jitter": random.Random(jitter).randrange(2**31),
        }

    def start(self, *sides: Side) -> None:
        """Start the processes of these sides that do not run, all at once.

        A side that cannot start says so when something is asked of it.
        """
        fresh = [side for side in sides if side not in self._running]
        for side in fresh:
            self._failed.pop(side, None)
            self._starts += 1
            self.built[side] = []
            # Each start has files of its own, so that the log of a dead process stays readable.
            number = self.number * 100 + self._starts
            worker = Worker(self._plan, side, self._roots[side], number, self._hash_seed)
            self._running[side] = worker
        for side in fresh:
            try:
                self._collected[side] = self._running[side].collected()
            except SideFailed as error:
                self._running.pop(side).stop(at_once=True)
                self._failed[side] = error

    def _worker(self, side: Side) -> Worker:
        if side not in self._running and side not in self._failed:
            self.start(side)
        if side in self._failed:
            raise self._failed.pop(side)
        return self._running[side]
