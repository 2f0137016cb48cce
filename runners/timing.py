"""Times one perf test for as long as its verdict is open and there is time left."""

import math
from collections.abc import Callable

from .assemble import Measured
from .blame import Blame
from .config import RunnersConfig
from .limit import TimeLimit
from .measure import Launch
from .processes.isolate import SideFailed
from .processes.session import StepTooLong
from .sample import PerfTest
from .text.numbers import percent
from .verdict.compare import Comparison, Verdict
from .verdict.judge import Thresholds
from .verdict.schedule import Room
from .verdict.sequence import Budget, Move, conclude, next_move

_PATIENCE_SECONDS = 5.0


class Timing:
    """Adds segments to what is known of tests, and judges them.

    `tests` is how many verdicts the run gives in all: the more, the more evidence each needs.
    """

    def __init__(
        self, config: RunnersConfig, limit: TimeLimit, say: Callable[[str], None], tests: int
    ) -> None:
        self._config, self._limit, self._say = config, limit, say
        self.tests = tests

    def add_segments(self, launch: Launch, measured: Measured) -> None:
        """Add segments until the verdict is clear, the time is up, or fresh processes are due."""
        test, at = measured.test, self._thresholds(measured)
        budget = Budget(seconds=self._config.max_seconds)
        measured.wants_launch = False
        spent = sum(one.seconds for one in measured.segments)
        while True:
            left = min(budget.seconds - spent, self._limit.seconds_left())
            measured.affordable = spent + max(0.0, left)
            if measured.segments and left < measured.segments[-1].seconds:
                break  # too short for one more: nothing is built for that
            # Fewer segments than that never lead to a verdict: nothing is timed for them.
            room = Room(left, 1 if measured.segments else at.min_segments)
            # One line for each turn of a quick test would fill the log of a job.
            tell = self._say if _is_slow(measured) else _say_nothing
            tell(f"{test.name}: building it on both sides, then steps until they are steady")
            try:
                segment = launch.time_segment(test, room=room, say=_turns(test, tell))
            except StepTooLong as error:
                if measured.segments:
                    break  # the time that is left is too short for more
                measured.untimed = self._too_long(error)
                return
            except SideFailed as error:
                measured.notes.append(f"{error} (while being timed)")
                # Once more, in the fresh processes that the launch starts by itself, where that
                # does not mean to wait for the time limit again.
                again = measured.failed_once or error.failure.timed_out
                measured.failed_once = True
                if again and not self._may_go_on(launch, measured, error):
                    return
                continue
            measured.segments.append(segment)
            spent = sum(one.seconds for one in measured.segments)
            move, comparison = next_move(measured.segments, at, budget, spent)
            timed = f"{spent:.0f} of {self._config.max_seconds:.0f} s timed"
            self._say(f"{test.name}: {_so_far(comparison)}, {timed}")
            if move is not Move.BUILD:
                measured.wants_launch = move is Move.LAUNCH
                break
        if not measured.segments or measured.segments[-1].launch != launch.number:
            return  # nothing was timed in these processes
        try:
            measured.segments = launch.with_kernels(test, measured.segments)
        except SideFailed as error:
            measured.notes.append(f"the kernels of a step are not known: {error}")
        measured.gpu_notes += [n for n in launch.notes(test) if n not in measured.gpu_notes]

    def seconds_left(self, measured: Measured) -> float:
        """How much timing a test may still take."""
        return self._config.max_seconds - sum(one.seconds for one in measured.segments)

    def _may_go_on(self, launch: Launch, measured: Measured, error: SideFailed) -> bool:
        """Find out whose failure this is; whether the test can be timed all the same."""
        test = measured.test
        self._say(f"{test.name}: each side alone, to see who fails")
        found = launch.whose_failure(test, error.side)
        match found.blame:
            case Blame.BOTH if measured.segments:
                # What was timed before is worth as much as ever.
                measured.notes.append(found.words)
            case Blame.BOTH | Blame.ONE:
                measured.blame, measured.timing_failures = found.words, found.failures
            case Blame.NEITHER if launch.is_apart(test):
                measured.untimed = (
                    f"it fails now and then while being timed ({error}); {found.words} without "
                    "failing"
                )
            case Blame.NEITHER:
                launch.keep_apart(
                    test,
                    f"base and head cannot live side by side ({error.failure.summary}; "
                    f"{found.words} without failing; do they share a port, a file or a lock?)",
                )
                return True
        return False

    def settled(self, measured: Measured) -> Comparison | None:
        """Judge a test when no more data comes; None where nothing was timed."""
        if not measured.segments:
            return None
        spent = sum(one.seconds for one in measured.segments)
        at = self._thresholds(measured)
        told = conclude(measured.segments, at, Budget(seconds=measured.affordable), spent)
        if told.verdict is Verdict.UNSURE:
            # Of what it had the time for it made no use: it was stopped, or others took the time.
            told = conclude(measured.segments, at, Budget(seconds=spent), spent)
        return told

    def _too_long(self, error: StepTooLong) -> str:
        needed = error.needed
        if self._limit.seconds_left() < needed:
            return self._limit.over()
        return (
            f"a step takes {error.step_seconds:.1f} s, so that a verdict needs {needed:.0f} s of "
            f"steps at least, and a perf test may take {self._config.max_seconds:.0f} s: make the "
            f"step smaller, or say `max_seconds = {math.ceil(1.5 * needed)}`. Counts were "
            "compared"
        )

    def _thresholds(self, measured: Measured) -> Thresholds:
        return Thresholds(min_effect=measured.test.min_effect, tests=self.tests)


def _is_slow(measured: Measured) -> bool:
    """Whether the next segment may well take so long that people ask what goes on."""
    if not measured.segments:
        return True
    last = measured.segments[-1]
    return last.seconds + last.build_seconds > _PATIENCE_SECONDS


def _say_nothing(what: str) -> None:
    pass


def _turns(test: PerfTest, say: Callable[[str], None]) -> Callable[[float], None]:
    def begin(seconds: float) -> None:
        say(f"{test.name}: base and head take turns, about {max(1.0, seconds):.0f} s")

    return begin


def _so_far(comparison: Comparison) -> str:
    half = (comparison.high - comparison.low) / 2
    return f"so far {percent(comparison.change)} ± {half:.1%}"
