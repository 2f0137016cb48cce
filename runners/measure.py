"""Measures one perf test on both sides, which take turns: counts, step times, profiles."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from .blame import Finding, find_blame, run_alone
from .counters.examined import Examined
from .counters.periods import Rhythm
from .counters.remarks import remarks_on
from .gpu.gpu import Card, GpuPair, GpuRecord
from .gpu.gpu_guard import GpuGuard, mps_daemon_runs
from .gpu.residence import CONTEXT_BYTES, fit_together, is_out_of_memory
from .gpu.sharing import identity, sharing_notes, uses_mps, why_incomparable
from .limit import TimeLimit
from .processes.answers import collected_of, counts_of, summary_of
from .processes.channel import Message
from .processes.isolate import SideFailed, WorkerPlan
from .processes.session import Session, StepTooLong, Turn
from .processes.workers import Workers
from .profiling.captured import memory_of
from .profiling.memory import StepMemory
from .profiling.profile import ProfileSummary
from .result import Failure
from .sample import Memory, Pair, PerfTest, Segment, Side
from .selection.collect import Collected
from .sides.provenance import Provenance
from .verdict.schedule import Pace, Room, pace, turn_order

# Rounds of profiling in which each side profiles this many steps, and one before them.
_PROFILE_ROUNDS, _PROFILE_STEPS = 8, 2
_LONG_PROFILE_SECONDS = 1.0
PROFILED_STEPS = _PROFILE_ROUNDS * _PROFILE_STEPS
# What counting one side's steps, and profiling both sides', may take.
COUNTING_SECONDS, PROFILING_SECONDS = 30.0, 20.0
# And looking at what holds memory on one side, where a step holds more.
HOLDERS_SECONDS = 10.0

_TOO_LARGE = "both sides do not fit on the GPU together"
_ALONE = "each was measured alone, in processes that lived one after the other"


class Launch:
    """One life of both sides' processes. Use it in a `with` block.

    Whatever one side fails at, the next test finds fresh processes.
    """

    def __init__(
        self,
        plan: WorkerPlan,
        roots: dict[Side, Path],
        number: int,
        seed: int,
        apart: dict[str, str] | None = None,
        rhythms: dict[str, Rhythm] | None = None,
    ) -> None:
        self.number = number
        self._workers = Workers(plan, roots, number, seed)
        self._guard = GpuGuard()
        self._peaks: dict[tuple[str, Side], int] = {}
        self._free_bytes = 0
        self._cards: dict[Side, Card] = {}
        # Tests whose sides cannot live together, and why; what one launch finds, the next knows.
        self._apart: dict[str, str] = {} if apart is None else apart
        # In which rhythm the steps of each test differ; likewise.
        self._rhythms: dict[str, Rhythm] = {} if rhythms is None else rhythms

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.drop(at_once=kind is not None)
        self._guard.close()

    def notes(self, test: PerfTest) -> tuple[str, ...]:
        """Say what was special about the GPU, for people."""
        said = list(self._guard.notes)
        if test.id in self._apart:
            said.append(f"{self._apart[test.id]}: {_ALONE}")
        for card in [self._cards[side] for side in Side if side in self._cards][:1]:
            said += sharing_notes(card, mps=uses_mps(card, os.environ, daemon=mps_daemon_runs()))
        return tuple(said)

    def refusal(self) -> str | None:
        """Say why the cards that the sides ran on cannot be compared; None where they can."""
        cards = [self._cards[side] for side in Side if side in self._cards]
        return why_incomparable(*cards) if len(cards) == len(Side) else None

    def drop(self, *sides: Side, at_once: bool = False) -> None:
        """End the processes of these sides, or of both; the next order starts fresh ones."""
        self._workers.drop(*sides, at_once=at_once)

    def collect(self, side: Side) -> Collected:
        """Return one side's perf tests, and what could not be collected, with the reason.

        Raises SideFailed where not even that worked.
        """
        return collected_of(self._workers.collected(side))

    def examine(
        self, test: PerfTest, side: Side, most_seconds: float = COUNTING_SECONDS
    ) -> Examined:
        """Run the test once on one side and count its steps; what takes longer is left out."""
        if self.is_apart(test):
            self.drop(side.other)
        examined = self._examine(test, side, most_seconds)
        short = examined.failure is not None and is_out_of_memory(examined.failure)
        if short and self._workers.is_running(side.other):
            # What is missing may be held by the other side, which is no failure of this one.
            self.keep_apart(test, _TOO_LARGE)
            self.drop(at_once=True)
            examined = self._examine(test, side, most_seconds)
        return examined

    def _examine(self, test: PerfTest, side: Side, most_seconds: float) -> Examined:
        try:
            order = self._workers.order("count", test, self._workers.counting_seed(test), side)
            done = self._workers.ask(side, {**order, "seconds": most_seconds})
        except SideFailed as error:
            self.drop(side, at_once=True)
            return Examined(failure=error.failure)
        provenance = Provenance(
            done["files"],
            done["outside"],
            tuple(done["read"]),
            frozenset(done["modules"]),
            tuple(done["early"]),
        )
        if done["outcome"] == "skipped":
            return Examined(skipped=done["summary"], provenance=provenance)
        if done["outcome"] == "failed":
            failure = Failure(done["summary"], done["details"])
            return Examined(failure=failure, provenance=provenance)
        self._weigh(test, side, done)
        machine = self._named(side, done["machine"], done["gpu"])
        counts = counts_of(done["counts"])
        self._rhythms[test.id] = self._rhythms.get(test.id, Rhythm()).joined(counts)
        return Examined(
            counts=counts,
            memory=Memory(**done["memory"]),
            machine=machine,
            provenance=provenance,
            remarks=tuple(remarks_on(done, counts, side)),
            compile_seconds=done["compile_seconds"],
            cold=done["cold"],
            processes=done["processes"],
        )

    def is_apart(self, test: PerfTest) -> bool:
        """Whether the sides are measured one after the other, in processes that live alone."""
        return test.id in self._apart

    def keep_apart(self, test: PerfTest, why: str) -> None:
        """Measure the sides one after the other from now on."""
        self._apart[test.id] = why

    def whose_failure(self, test: PerfTest, side: Side) -> Finding:
        """Find out whether each side fails alone, in a fresh process.

        Each does the builds and steps that `side`, which has just failed, had been told to do.
        """
        built = tuple(self._workers.built[side])
        return find_blame(lambda one: run_alone(self._workers, test, one, built))

    def compile_seconds(self, test: PerfTest, side: Side) -> float | None:
        """Compile the test's first steps and return how long that took; None where nothing was.

        Raises SideFailed.
        """
        done = self._workers.ask(side, self._workers.order("compile", test, 0, side))
        if done["outcome"] != "passed":
            raise SideFailed(side, Failure(done["summary"], done["details"]))
        seconds: float | None = done["compile_seconds"]
        return seconds

    def step_memory(
        self, test: PerfTest, side: Side, most_seconds: float = HOLDERS_SECONDS
    ) -> StepMemory | None:
        """Build the test as it was counted, and find out what holds memory at the peak of its step.

        Raises SideFailed. None where the step is compiled.
        """
        if self.is_apart(test):
            self.drop(side.other)
        steps = self._rhythms.get(test.id, Rhythm()).period
        order = self._workers.order("memory", test, self._workers.counting_seed(test), side)
        try:
            done = self._workers.ask(side, {**order, "steps": steps, "seconds": most_seconds})
        except SideFailed:
            self.drop(side, at_once=True)
            raise
        if done["outcome"] != "passed":
            raise SideFailed(side, Failure(done["summary"], done["details"]))
        return None if done["memory"] is None else memory_of(done["memory"])

    def _weigh(self, test: PerfTest, side: Side, done: Message) -> None:
        """Find out whether both sides fit on the GPU, once both have been examined."""
        if done["gpu"] is None:
            return
        self._peaks[test.id, side] = done["memory"]["reserved"] or done["memory"]["allocated"]
        # The other side's process may be there already; the most that was ever free is the card's.
        self._free_bytes = max(self._free_bytes, done["gpu"]["free"] + CONTEXT_BYTES)
        base, head = (self._peaks.get((test.id, one)) for one in Side)
        if base is not None and head is not None and not fit_together(base, head, self._free_bytes):
            self.keep_apart(test, _TOO_LARGE)

    def _named(self, side: Side, machine: Message, gpu: Message | None) -> Message:
        """Add the driver, and name a slice of a card as what it is."""
        watched = self._guard.watch(gpu["uuid"]) if gpu is not None else None
        if watched is None:
            return machine
        card = self._cards[side] = watched.card
        name = identity(card) if card.mig is not None else machine["gpu"]
        return {**machine, "gpu": name, "driver": card.driver}

    def time_segment(
        self,
        test: PerfTest,
        rhythm: Pace | None = None,
        *,
        room: Room | None = None,
        say: Callable[[float], None] = lambda seconds: None,
    ) -> Segment:
        """Build the test anew on both sides and time pairs of turns. Raises SideFailed.

        When turns begin, `say` is told about how many seconds they will take. Without a `rhythm`,
        turns are made to fit the length of a step. Raises StepTooLong where even the fewest turns
        would take more than there is `room` for.
        """
        room = room or Room()
        if test.id in self._apart:
            return self._time_apart(test, rhythm, room)
        try:
            return self._time_together(test, rhythm, room, say)
        except SideFailed as error:
            if not is_out_of_memory(error.failure):
                raise
        self.keep_apart(test, _TOO_LARGE)
        return self._time_apart(test, rhythm, room)

    def _time_together(
        self, test: PerfTest, rhythm: Pace | None, room: Room, say: Callable[[float], None]
    ) -> Segment:
        with Session(self._workers, self._guard, test) as session:
            rhythm = self._fitting(rhythm, session, test, room)
            say(rhythm.seconds(max(session.step_seconds.values())))
            rows, order = [], turn_order(rhythm.pairs, self._workers.random)
            begin = time.monotonic()
            for sides in order:
                more = self._workers.random.randint(0, rhythm.vary) if rhythm.vary else 0
                turns = {side: session.turn(side, rhythm, more) for side in sides}
                rows.append((turns[Side.BASE], turns[Side.HEAD]))
            seconds = time.monotonic() - begin
        return replace(
            _segment(self.number, rows, seconds, on_gpu=session.on_gpu),
            seed=session.seed,
            build_seconds=session.build_seconds,
            order="".join(first.value[0] for first, _ in order),
            processor=session.processor,
            keep=rhythm.keep,
            drop=rhythm.drop,
        )

    def _time_apart(self, test: PerfTest, rhythm: Pace | None, room: Room) -> Segment:
        """Time a block of turns of one side, two of the other, and one of the first again.

        A side's process lives alone: the other's is ended before, so that the GPU's memory is free.
        """
        first = self._workers.random.choice(list(Side))
        early, late = self._workers.seed(), self._workers.seed()
        plan = (first, early), (first.other, early), (first.other, late), (first, late)
        blocks: dict[Side, list[Turn]] = {side: [] for side in Side}
        seconds, warm = 0.0, 0
        for side, seed in plan:
            self.drop(side.other)
            with Session(self._workers, self._guard, test, (side,), seed, warm=warm) as session:
                warm = max(warm, session.warm_steps)
                rhythm = self._fitting(rhythm, session, test, room)
                begin = time.monotonic()
                blocks[side] += [session.turn(side, rhythm) for _ in range(rhythm.pairs // 2)]
                seconds += time.monotonic() - begin
        rows = list(zip(blocks[Side.BASE], blocks[Side.HEAD], strict=True))
        timed = _segment(self.number, rows, seconds, on_gpu=session.on_gpu, apart=True)
        return replace(timed, keep=rhythm.keep, drop=rhythm.drop) if rhythm else timed

    def _fitting(self, given: Pace | None, session: Session, test: PerfTest, room: Room) -> Pace:
        step_seconds = max(session.step_seconds.values())
        at = self._rhythms.get(test.id, Rhythm())
        fitting = given or pace(
            step_seconds, session.build_seconds, period=at.period, regular=at.regular
        )
        wanted = room.wanted(fitting, step_seconds)
        if wanted > room.seconds:
            raise StepTooLong(step_seconds, wanted)
        return fitting

    def with_kernels(self, test: PerfTest, segments: Sequence[Segment]) -> list[Segment]:
        """Add to the last segment which kernels a step of each side runs. Raises SideFailed.

        Only where steps run on a GPU. It is done last: turns are not timed behind a profiler.
        """
        if not segments or segments[-1].gpu is None:
            return list(segments)
        kernels: dict[Side, Mapping[str, int]] = {}
        for sides in self._company(test):
            with Session(
                self._workers, self._guard, test, sides, last={"kernels": True}
            ) as session:
                pass
            kernels |= {side: done["kernels"] for side, done in session.ended.items()}
        record = replace(
            segments[-1].gpu, base_kernels=kernels[Side.BASE], head_kernels=kernels[Side.HEAD]
        )
        return [*segments[:-1], replace(segments[-1], gpu=record)]

    def profile(
        self, test: PerfTest, most_seconds: float = PROFILING_SECONDS
    ) -> dict[Side, ProfileSummary]:
        """Profile a few steps of each side in turn, fewer of long ones. Raises SideFailed.

        After `most_seconds` no side begins another round.
        """
        found: dict[Side, ProfileSummary] = {}
        at = self._rhythms.get(test.id, Rhythm())
        for together in self._company(test):
            with Session(self._workers, self._guard, test, together) as session:
                steps = math.ceil(_PROFILE_STEPS / at.period) * at.period
                if max(session.step_seconds.values()) * steps > _LONG_PROFILE_SECONDS:
                    steps = at.period
                order = {"do": "profile", "steps": steps}
                limit = TimeLimit(most_seconds * len(together) / len(Side))
                for number, sides in enumerate(turn_order(_PROFILE_ROUNDS, self._workers.random)):
                    if number and limit.is_over():
                        break
                    for side in sides:
                        if side in together:
                            session.ask(side, order)
            found |= {side: summary_of(done["profile"]) for side, done in session.ended.items()}
        return found

    def _company(self, test: PerfTest) -> Iterator[tuple[Side, ...]]:
        """Yield the sides that may be inside the test together; who is not has been ended."""
        if test.id not in self._apart:
            yield tuple(Side)
            return
        for side in Side:
            self.drop(side.other)
            yield (side,)


def _segment(
    launch: int,
    rows: Sequence[tuple[Turn, Turn]],
    seconds: float,
    *,
    on_gpu: bool,
    apart: bool = False,
) -> Segment:
    pairs = tuple(Pair(base[0], head[0]) for base, head in rows)
    if not on_gpu:
        return Segment(launch, pairs, seconds, apart=apart)
    seen = tuple(GpuPair(base[1], head[1]) for base, head in rows)
    return Segment(launch, pairs, seconds, GpuRecord(seen), apart=apart)
