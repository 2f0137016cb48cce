"""Measures one perf test on both sides, which take turns: counts, step times, profiles."""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .channel import Message
from .isolate import SideFailed, Worker, WorkerPlan
from .profile import LineTime, OperatorTime, ProfileSummary
from .provenance import Provenance
from .result import Failure
from .sample import Counts, Pair, PerfTest, Segment, Side, SyncSite
from .schedule import Pace, pace, turn_order

# Rounds of profiling in which each side profiles this many steps.
_PROFILE_ROUNDS, _PROFILE_STEPS = 4, 3


@dataclass(frozen=True, slots=True)
class Examined:
    """What counting one test on one side gave; `failure` or `skipped` say why it gave nothing.

    `remarks` are what makes its times doubtful, for people to read.
    """

    failure: Failure | None = None
    skipped: str | None = None
    counts: Counts = field(default_factory=Counts)
    peak_bytes: int = 0
    machine: Message | None = None
    provenance: Provenance = field(default_factory=Provenance)
    remarks: tuple[str, ...] = ()


class StepTooLong(Exception):
    """A step takes so long that too few would be timed to say anything."""

    def __init__(self, step_seconds: float, needed: float) -> None:
        super().__init__(f"a step takes {step_seconds:.0f} s, a segment at least {needed:.0f} s")
        self.step_seconds, self.needed = step_seconds, needed


class Launch:
    """One life of both sides' processes. Use it in a `with` block.

    Whatever one side fails at, the next test finds fresh processes.
    """

    def __init__(self, plan: WorkerPlan, roots: dict[Side, Path], number: int, seed: int) -> None:
        self.number = number
        self._plan, self._roots = plan, roots
        self._random = random.Random(f"{seed} {number}")
        self._hash_seed = self._random.randrange(1, 2**32)
        self._workers: dict[Side, Worker] = {}
        self._collected: dict[Side, Message] = {}
        self._starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.drop(at_once=kind is not None)

    def drop(self, *sides: Side, at_once: bool = False) -> None:
        """End the processes of these sides, or of both; the next order starts fresh ones."""
        for side in sides or tuple(Side):
            if side in self._workers:
                self._workers.pop(side).stop(at_once=at_once)

    def collect(self, side: Side) -> tuple[list[PerfTest], dict[str, str]]:
        """Return one side's perf tests, and what could not be collected, with the reason.

        Raises SideFailed where not even that worked.
        """
        self._worker(side)
        message = self._collected[side]
        return list(map(_test, message["tests"])), message["errors"]

    def examine(self, test: PerfTest, side: Side) -> Examined:
        """Run the test once on one side and count its steps."""
        try:
            done = self._worker(side).ask(self._order("count", test, self._seed(), side))
        except SideFailed as error:
            self.drop(side, at_once=True)
            return Examined(failure=error.failure)
        provenance = Provenance(done["files"], done["outside"], tuple(done["read"]))
        if done["outcome"] == "skipped":
            return Examined(skipped=done["summary"], provenance=provenance)
        if done["outcome"] == "failed":
            failure = Failure(done["summary"], done["details"])
            return Examined(failure=failure, provenance=provenance)
        counts = _counts(done["counts"])
        remarks = tuple(_remarks(done, side))
        return Examined(None, None, counts, done["peak"], done["machine"], provenance, remarks)

    def time_segment(
        self, test: PerfTest, rhythm: Pace | None = None, *, most_seconds: float = math.inf
    ) -> Segment:
        """Build the test anew on both sides and time pairs of turns. Raises SideFailed.

        Without a `rhythm`, turns are made to fit the length of a step. Raises StepTooLong where
        even the fewest turns would take more than `most_seconds`.
        """
        with _Session(self, test) as session:
            step_seconds = max(session.step_seconds.values())
            rhythm = rhythm or pace(step_seconds, session.build_seconds)
            if rhythm.seconds(step_seconds) > most_seconds:
                raise StepTooLong(step_seconds, rhythm.seconds(step_seconds))
            order = {"do": "turn", "keep": rhythm.keep, "drop": rhythm.drop}
            pairs = []
            begin = time.monotonic()
            for sides in turn_order(rhythm.pairs, self._random):
                took = {side: float(session.ask(side, order)["seconds"]) for side in sides}
                pairs.append(Pair(took[Side.BASE], took[Side.HEAD]))
            seconds = time.monotonic() - begin
        return Segment(self.number, tuple(pairs), seconds)

    def profile(self, test: PerfTest) -> dict[Side, ProfileSummary]:
        """Profile a few steps of each side in turn. Raises SideFailed."""
        with _Session(self, test) as session:
            order = {"do": "profile", "steps": _PROFILE_STEPS}
            for sides in turn_order(_PROFILE_ROUNDS, self._random):
                for side in sides:
                    session.ask(side, order)
        return {side: _summary(done["profile"]) for side, done in session.ended.items()}

    def _worker(self, side: Side) -> Worker:
        if side not in self._workers:
            self._starts += 1
            # Each start has files of its own, so that the log of a dead process stays readable.
            number = self.number * 100 + self._starts
            worker = Worker(self._plan, side, self._roots[side], number, self._hash_seed)
            self._workers[side] = worker
            try:
                self._collected[side] = worker.collected()
            except SideFailed:
                self._workers.pop(side).stop(at_once=True)
                raise
        return self._workers[side]

    def _seed(self) -> int:
        return self._random.randrange(2**31)

    def _order(self, do: str, test: PerfTest, seed: int, side: Side) -> Message:
        # The same seed on both sides, but another layout of the heap.
        jitter = f"{seed} {side.value}"
        return {
            "do": do,
            "test": test.id,
            "seed": seed,
            "jitter": random.Random(jitter).randrange(2**31),
        }


class _Session:
    """Both sides inside the test, warmed up and waiting for turns."""

    def __init__(self, launch: Launch, test: PerfTest) -> None:
        self._launch, self._test = launch, test
        self.step_seconds: dict[Side, float] = {}
        self.build_seconds = 0.0
        self.ended: dict[Side, Message] = {}

    def __enter__(self) -> Self:
        seed = self._launch._seed()
        sides = list(Side)
        self._launch._random.shuffle(sides)
        begin = time.monotonic()
        try:
            warm = {}
            for side in sides:
                order = self._launch._order("time", self._test, seed, side)
                ready = self.ask(side, order)
                self.step_seconds[side] = float(ready["seconds"])
                warm[side] = int(ready["steps"])
            for side in sides:
                # Work may grow or change with the number of steps: both sides have done as many.
                if missing := max(warm.values()) - warm[side]:
                    self.ask(side, {"do": "warm", "steps": missing})
        except BaseException:
            self._launch.drop(at_once=True)
            raise
        self.build_seconds = time.monotonic() - begin
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # The sides are in the middle of something: no order could bring them back in step.
            self._launch.drop(at_once=True)
            return
        try:
            for side in Side:
                self.ended[side] = self._ended(side)
        except SideFailed:
            self._launch.drop()
            raise

    def ask(self, side: Side, order: Message) -> Message:
        """Give one side an order; a test that ends instead of answering has failed."""
        answer = self._launch._worker(side).ask(order)
        if answer["kind"] == "done":
            raise SideFailed(side, _unexpected_end(answer))
        return answer

    def _ended(self, side: Side) -> Message:
        done = self._launch._worker(side).ask({"do": "end"})
        if done["outcome"] != "passed":
            raise SideFailed(side, _unexpected_end(done))
        return done


def _unexpected_end(done: Message) -> Failure:
    summary = done["summary"] or f"the test {done['outcome']}"
    return Failure(f"{summary} (while being timed, after it had passed once)", done["details"])


def _remarks(done: Message, side: Side) -> Iterator[str]:
    for model in done["kept"]:
        yield (
            f"{model} outlives the test: perflint rebuilds the test's state for each segment, "
            "which takes the luck of one build out of the times, and this is not rebuilt; build it "
            "inside the test or in a fixture"
        )
    if done["leaked"]:
        yield (
            f"each step of {side.value} leaves {done['leaked']:,} bytes more of tensors behind "
            "than it found: it leaks memory, and times hold only for the first steps"
        )


def _test(data: Message) -> PerfTest:
    reads = data["reads"]
    return PerfTest(**{**data, "reads": None if reads is None else tuple(reads)})


def _counts(data: Message) -> Counts:
    sites = tuple(SyncSite(**site) for site in data["syncs"])
    unstable = {name: (least, most) for name, (least, most) in data["unstable"].items()}
    return Counts(data["values"], unstable, sites)


def _summary(data: Message) -> ProfileSummary:
    return ProfileSummary(
        data["steps"],
        tuple(OperatorTime(**operator) for operator in data["operators"]),
        tuple(LineTime(**line) for line in data["lines"]),
    )
