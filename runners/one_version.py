"""Runs one version of the perf tests on both sides: who is measured, in which order."""

from collections.abc import Callable
from pathlib import Path

from .. import PerflintError
from .assemble import Measured, result_of
from .checkout import Checkout
from .clocks import clock_notes
from .collect import Collected, join, uncollected, wrong_call
from .config import RunnersConfig
from .environments import Environments
from .git import tracked_files
from .isolate import SideFailed, WorkerPlan
from .kernels import kernel_notes
from .limit import TimeLimit
from .machine import environment, thread_notes, why_unequal
from .measure import Examined, Launch
from .prepare import RunOptions
from .provenance import first_party, identical, refusal, unseen
from .restart import compiles, time_restart
from .result import Failure, RunResult, TestResult
from .sample import Environment, PerfTest, Side
from .select import Choice
from .timing import Timing
from .words import STOPPED_NOTE

Say = Callable[[str], None]


class VersionRun:
    """A run over all chosen tests; holds what it has found out so far.

    `added` are the files of perf tests that the change adds; `versions` says whose tests are run in
    the run as a whole: head's (1), or base's as well (2).
    """

    def __init__(
        self,
        checkout: Checkout,
        config: RunnersConfig,
        options: RunOptions,
        choice: Choice,
        own: Environments,
        say: Say,
        limit: TimeLimit,
        *,
        added: frozenset[str] = frozenset(),
        versions: int = 1,
    ) -> None:
        self._added = added
        self._checkout, self._config, self._options = checkout, config, options
        self._choice, self._own, self._say = choice, own, say
        self._environment: Environment | None = None
        self._notes: list[str] = []
        self._refused: str | None = None
        self._interrupted = False
        self._limit, self._versions = limit, versions
        self._apart: set[str] = set()  # what does not fit on the GPU together
        self._timing = Timing(config, limit, say, versions)
        self._tests: list[str] = []  # the ids of what was collected

    def result(self, notes: tuple[str, ...]) -> RunResult:
        """Measure everything and return it."""
        measured: list[Measured] = []
        try:
            self._first_launch(measured)
            number = self._fresh_launches(measured)
            self._restart(measured, number)
        except KeyboardInterrupt:
            # What is measured so far is worth telling; the processes have ended by now.
            measured = [one for one in measured if len(one.examined) == len(Side)]
            self._interrupted = True
            self._notes.append(STOPPED_NOTE)
        results = tuple(self._assemble(one) for one in measured) if not self._refused else ()
        selection, seed = self._choice.selection, self._options.seed
        notes = (*notes, *self._notes)
        return RunResult(
            selection,
            results,
            self._environment,
            seed,
            notes,
            self._refused,
            interrupted=self._interrupted,
            unmeasured=self._unmeasured(measured) if self._interrupted else (),
            verdicts=self._timing.tests,
            budgets=self._config.budgets,
            dependencies=self._own.changes,
        )

    def _unmeasured(self, measured: list[Measured]) -> tuple[str, ...]:
        """The ids of what was not measured; of what was not collected yet, as its text names it."""
        done = {one.test.id for one in measured}
        named = [f"{file.path}::{name}" for file in self._choice.files for name in file.tests]
        return tuple(name for name in self._tests or named if name not in done)

    def _first_launch(self, measured: list[Measured]) -> None:
        """Count every test on both sides, and time those that are not the same."""
        with self._launch(1) as launch:
            tests = self._collect(launch)
            self._timing.tests = self._versions * max(1, len(tests))
            self._tests = [test.id for test, _ in tests]
            for number, (test, failures) in enumerate(tests, 1):
                self._say(f"{test.name} ({number} of {len(tests)}){self._limit.left()}")
                one = Measured(test, added=test.path in self._added)
                measured.append(one)
                self._measure(launch, one, failures)
                if self._refused:
                    break

    def _fresh_launches(self, measured: list[Measured]) -> int:
        """Ask fresh processes about what is still open, for as long as there is time.

        Returns the number of the launch that would be next.
        """
        number = 2
        while not self._refused and (doubtful := [one for one in measured if one.wants_launch]):
            with self._launch(number) as launch:
                for one in doubtful:
                    if self._limit.is_over():
                        one.wants_launch = False
                        one.notes.append(self._limit.over())
                        continue
                    self._say(f"{one.test.name}: again in fresh processes{self._limit.left()}")
                    self._timing.add_segments(launch, one)
            number += 1
        return number

    def _restart(self, measured: list[Measured], number: int) -> None:
        """Find out how long fresh processes compile, where a test does."""
        compiled = [one for one in measured if compiles(one)]
        if self._refused or not compiled or self._limit.is_over():
            return
        with self._launch(number) as launch:
            time_restart(launch, compiled, self._say, self._limit.is_over)

    def _launch(self, number: int) -> Launch:
        own = [tracked_files(self._checkout.root(side)) for side in Side]
        plan = WorkerPlan(
            repository=self._checkout.repository,
            scratch=self._checkout.scratch,
            files=tuple(file.path for file in self._choice.files),
            keyword=self._options.keyword,
            pytest_args=self._config.pytest_args,
            threads=self._config.threads,
            timeout=self._config.timeout,
            min_effect=self._config.min_effect,
            own=first_party({name for names in own for name in names}, self._reached_changes()),
            environments=self._own.folders,
        )
        roots = {side: self._checkout.root(side) for side in Side}
        return Launch(plan, roots, number, self._options.seed, self._apart)

    def _collect(self, launch: Launch) -> list[tuple[PerfTest, dict[Side, Failure]]]:
        sides = {}
        self._say("starting base and head")
        for side in Side:
            sides[side] = self._collected(launch, side)
        if all(complaints := [wrong_call(collected) for collected in sides.values()]):
            raise PerflintError(f"pytest does not accept its command line: {complaints[0]}")
        tests = join(sides, {file.path for file in self._choice.files})
        found = [test for test, _ in tests]
        self._notes += uncollected(self._choice.files, found, self._options.keyword)
        return tests

    def _collected(self, launch: Launch, side: Side) -> Collected:
        """Return what one side has; a process that dies is started once more, alone."""
        try:
            return Collected(*launch.collect(side))
        except SideFailed as error:
            if error.failure.timed_out:
                return _nothing(error)
            first = error.failure.summary
        try:
            collected = Collected(*launch.collect(side))
        except SideFailed as error:
            return _nothing(error)
        self._notes.append(f"{side.value} could not start and was tried again: {first}")
        return collected

    def _measure(self, launch: Launch, measured: Measured, failures: dict[Side, Failure]) -> None:
        test = measured.test
        for side in (Side.BASE, Side.HEAD):
            if side in failures:
                measured.examined[side] = Examined(failure=failures[side])
                continue
            self._say(f"{test.name}: counting a step of {side.value}")
            measured.examined[side] = launch.examine(test, side)
        if not failures:
            self._retry(launch, measured)
        self._note_machine(measured)
        base, head = (measured.examined[side] for side in (Side.BASE, Side.HEAD))
        self._refused = refusal(base.provenance, head.provenance) or launch.refusal()
        if not self._refused and base.machine and head.machine:
            self._refused = why_unequal(base.machine, head.machine)
            measured.notes += thread_notes(base.machine, head.machine)
        if self._refused or not measured.both_ran:
            return
        ran = self._choice.ran.get(test.path)
        seen = None if ran is None else ran | self._others(test.path)
        remarks = dict.fromkeys((*head.remarks, *base.remarks))
        measured.notes += [*unseen(test, head.provenance, seen), *remarks]
        # A file that compiled code reads is not seen by us: where one changed, time the test.
        unknown = self._choice.doubts or self._own.changes
        measured.identical = not unknown and identical(
            base.provenance, head.provenance, ran, self._others(test.path)
        )
        if measured.identical and not self._options.time_identical:
            return
        if self._limit.is_over():
            measured.untimed = self._limit.over()
            return
        self._timing.add_segments(launch, measured)
        if measured.segments and not measured.timing_failures:
            self._profile(launch, measured)

    def _reached_changes(self) -> list[str]:
        """The changed Python files that a chosen perf test can import."""
        reach = [self._choice.ran.get(file.path) for file in self._choice.files]
        return [
            reason.path
            for reason in self._choice.selection.files
            if reason.path.endswith(".py") and any(r is None or reason.path in r for r in reach)
        ]

    def _others(self, path: str) -> frozenset[str]:
        """What the other chosen files can import: the same process runs them all."""
        reach = (self._choice.ran[f.path] for f in self._choice.files if f.path != path)
        return frozenset().union(*(files for files in reach if files is not None))

    def _retry(self, launch: Launch, measured: Measured) -> None:
        """Try once more, in a fresh process, what fails on one side only.

        A failure that does not come again is no news about this change, and no reason to call the
        test new.
        """
        for side in Side:
            failure = measured.examined[side].failure
            if failure and not failure.timed_out and not measured.examined[side.other].failure:
                launch.drop(side)
                measured.examined[side] = launch.examine(measured.test, side)
                if side is Side.HEAD or not measured.examined[side].failure:
                    note = f"{side.value} failed once and was tried again: {failure.summary}"
                    measured.notes.append(note)
                return

    def _note_machine(self, measured: Measured) -> None:
        # Of head's PyTorch where there is one: the two may differ.
        for side in (Side.HEAD, Side.BASE):
            machine = measured.examined[side].machine
            if machine is not None:
                if side is Side.HEAD or self._environment is None:
                    self._environment = environment(machine)
                return

    def _profile(self, launch: Launch, measured: Measured) -> None:
        self._say(f"{measured.test.name}: profiling")
        try:
            measured.profiles = launch.profile(measured.test)
        except SideFailed as error:
            measured.notes.append(f"no profile: {error}")

    def _assemble(self, measured: Measured) -> TestResult:
        def source(path: str) -> tuple[str, str]:
            texts = [_text(self._checkout.root(side) / path) for side in (Side.BASE, Side.HEAD)]
            return texts[0], texts[1]

        notes = (*clock_notes(measured.segments), *kernel_notes(measured.segments))
        measured.notes += [*measured.gpu_notes, *notes]
        comparison = self._timing.settled(measured)
        return result_of(
            measured, comparison, self._config.budgets, source, self._config.peak_flops
        )


def _nothing(error: SideFailed) -> Collected:
    return Collected([], {"": f"{error.failure.summary}\n{error.failure.details}"})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
