"""Holds both sides, or one, inside a test while they take turns."""

import time
from typing import Self

from ..gpu.gpu import GpuTurn
from ..gpu.gpu_guard import GpuGuard
from ..gpu.nvml import Watched
from ..result import Failure
from ..sample import PerfTest, Side
from ..verdict.schedule import Pace
from .channel import Message
from .isolate import SideFailed
from .placement import processor_of
from .workers import Built, Workers

# `torch_step.warm_up` does no more.
_MOST_WARM_UP_STEPS = 20

# Mean seconds per step, and what was seen of the GPU around the turn.
Turn = tuple[float, GpuTurn]


class StepTooLong(Exception):
    """A step takes so long that too few would be timed to say anything."""

    def __init__(self, step_seconds: float, needed: float) -> None:
        super().__init__(f"a step takes {step_seconds:.0f} s, a segment at least {needed:.0f} s")
        self.step_seconds, self.needed = step_seconds, needed


class Session:
    """Both sides, or one alone, inside the test, warmed up and waiting for turns.

    Each has done `warm_steps` steps by then, at least `warm`; building and warming up took
    `build_seconds`.
    """

    def __init__(
        self,
        workers: Workers,
        guard: GpuGuard,
        test: PerfTest,
        sides: tuple[Side, ...] = tuple(Side),
        seed: int | None = None,
        *,
        warm: int = 0,
        last: Message | None = None,
    ) -> None:
        self._workers, self._guard, self._test, self._sides = workers, guard, test, sides
        self.seed = workers.seed() if seed is None else seed
        self._end = {"do": "end", **(last or {})}
        self._hold: int | None = None
        self._watched: dict[Side, Watched | None] = {}
        self.step_seconds: dict[Side, float] = {}
        self.warm_steps = warm
        self.build_seconds = 0.0
        self.ended: dict[Side, Message] = {}

    @property
    def processor(self) -> int | None:
        """The processor that turns are held on; None where they may run anywhere."""
        return processor_of(self._hold)

    @property
    def on_gpu(self) -> bool:
        """Whether a side has said that its steps run on a GPU."""
        return bool(self._watched)

    def __enter__(self) -> Self:
        sides = list(self._sides)
        self._workers.random.shuffle(sides)
        self._workers.start(*sides)
        begin = time.monotonic()
        try:
            warm, alone = {}, True
            for side in sides:
                order = self._workers.order("time", self._test, self.seed, side)
                ready = self.ask(side, order)
                alone = alone and bool(ready["alone"])
                self.step_seconds[side] = float(ready["seconds"])
                warm[side] = self._workers.built[side][-1].steps = int(ready["steps"])
                if ready["gpu"] is not None:
                    self._watched[side] = self._guard.watch(ready["gpu"]["uuid"])
            if alone:
                # Another processor for each segment, so that none of them decides.
                self._hold = self._workers.random.randrange(2**16)
            self.warm_steps = max(self.warm_steps, *warm.values())
            for side in sides:
                # Work may grow or change with the number of steps: both sides have done as many.
                if missing := self.warm_steps - warm[side]:
                    self.ask(side, {"do": "warm", "steps": missing})
        except BaseException:
            self._workers.drop(at_once=True)
            raise
        self.build_seconds = time.monotonic() - begin
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, StepTooLong):
            # The sides are in the middle of something: no order could bring them back in step.
            self._workers.drop(at_once=True)
            return
        try:
            for side in self._sides:
                self.ended[side] = self._ended(side)
        except SideFailed:
            self._workers.drop()
            raise

    def turn(self, side: Side, rhythm: Pace, more: int = 0) -> Turn:
        """Let one side take a timed turn, and read the GPU right before and right after it.

        It drops so many `more` steps than the rhythm says.
        """
        watched, guard = self._watched.get(side), self._guard
        own = self._workers.pids()
        before = guard.sample(watched, own, len(own))
        drop = rhythm.drop + more
        order = {"do": "turn", "keep": rhythm.keep, "drop": drop, "hold": self._hold}
        done = self.ask(side, order)
        after = guard.sample(watched, own, len(own))
        return float(done["seconds"]), GpuTurn(before, after, done["device_seconds"])

    def ask(self, side: Side, order: Message) -> Message:
        """Give one side an order; a test that ends instead of answering has failed."""
        self._count(side, order)
        answer = self._workers.ask(side, order)
        if answer["kind"] == "done":
            raise SideFailed(side, _unexpected_end(answer))
        return answer

    def _count(self, side: Side, order: Message) -> None:
        """Note how many steps the side has been told to do."""
        built = self._workers.built[side]
        match order:
            case {"do": "time", "seed": seed}:
                built.append(Built(seed, _MOST_WARM_UP_STEPS))
            case {"do": "turn", "keep": keep, "drop": drop}:
                built[-1].steps += keep + drop
            case {"steps": steps}:
                built[-1].steps += steps

    def _ended(self, side: Side) -> Message:
        done = self._workers.ask(side, self._end)
        if done["outcome"] != "passed":
            raise SideFailed(side, _unexpected_end(done))
        return done


def _unexpected_end(done: Message) -> Failure:
    summary = done["summary"] or f"the test {done['outcome']}"
    return Failure(f"{summary} (while being timed, after it had passed once)", done["details"])
