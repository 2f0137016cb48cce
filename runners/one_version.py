"""Runs one version of the perf tests on both sides: who is measured, in which order."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .assemble import Measured, result_of
from .config import RunnersConfig
from .counters.examined import Examined
from .counters.kernels import kernel_notes
from .counters.periods import Rhythm
from .gpu.clocks import clock_notes
from .holders import look_at_holders, memory_grew
from .limit import TimeLimit
from .machine.machine import environment, thread_notes, why_unequal
from .measure import (
    COUNTING_SECONDS,
    HOLDERS_SECONDS,
    PROFILED_STEPS,
    PROFILING_SECONDS,
    Launch,
)
from .prepare import RunOptions
from .processes.isolate import SideFailed, WorkerPlan
from .recount import recount
from .restart import compiles, time_restart
from .result import Failure, RunResult, TestResult
from .sample import Environment, Side
from .selection.collect import uncollected
from .selection.collecting import Found, collect_groups
from .selection.groups import group_files
from .selection.import_roots import import_roots
from .selection.reach import Reach
from .selection.select import Choice
from .sides.checkout import Checkout
from .sides.environments import Environments
from .sides.git import tracked_files
from .sides.left_out import left_out_notes
from .sides.provenance import first_party, refusal, unseen
from .text.words import STOPPED_NOTE, some
from .timing import Timing

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
        self._groups = group_files((checkout.root(side) for side in Side), choice.files)
        self._reach = Reach(checkout, choice, self._groups, altered=bool(own.changes))
        self._group_of: dict[str, int] = {}  # by the test's id
        self._apart: dict[str, str] = {}  # tests whose sides cannot live together, and why
        self._rhythms: dict[str, Rhythm] = {}  # in which the steps of a test differ
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
        results = self._assembled(measured) if not self._refused else ()
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
            unread=self._choice.unread,
        )

    def _assembled(self, measured: list[Measured]) -> tuple[TestResult, ...]:
        try:
            return tuple(map(self._assemble, measured))
        except KeyboardInterrupt:
            # All is measured, and to look for lines in long files takes seconds. Whoever stops the
            # run now still gets it: a second Ctrl-C is ignored (`orderly_end`).
            self._interrupted = True
            self._notes.append(STOPPED_NOTE)
            return tuple(map(self._assemble, measured))

    def _unmeasured(self, measured: list[Measured]) -> tuple[str, ...]:
        """The ids of what was not measured; of what was not collected yet, as its text names it."""
        done = {one.test.id for one in measured}
        named = [f"{file.path}::{name}" for file in self._choice.files for name in file.tests]
        return tuple(name for name in self._tests or named if name not in done)

    def _first_launch(self, measured: list[Measured]) -> None:
        """Count every test on both sides, and time those that are not the same."""
        with ExitStack() as stack:
            launches: list[Launch] = []

            def start(group: int) -> Launch:
                launches.append(stack.enter_context(self._launch(1, group)))
                return launches[-1]

            tests = self._collect(start)
            self._timing.tests = self._versions * max(1, len(tests))
            self._tests = [one.test.id for one in tests]
            for number, (group, test, failures) in enumerate(tests, 1):
                launch = launches[group]
                for other in launches:
                    if other is not launch:
                        other.drop()
                # Base's version of an edited test takes its own time as well.
                left = (len(tests) * self._versions - number + 1) * self._config.max_seconds
                self._say(f"{test.name} ({number} of {len(tests)}){self._limit.left(left)}")
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
            left = sum(map(self._timing.seconds_left, doubtful))
            for group, tests in self._by_group(doubtful).items():
                with self._launch(number, group) as launch:
                    for one in tests:
                        if self._limit.is_over():
                            one.wants_launch = False
                            one.notes.append(self._limit.over())
                            continue
                        words = self._limit.left(left)
                        left -= self._timing.seconds_left(one)
                        self._say(f"{one.test.name}: again in fresh processes{words}")
                        self._timing.add_segments(launch, one)
            number += 1
        return number

    def _restart(self, measured: list[Measured], number: int) -> None:
        """Find out how long fresh processes compile, where a test does."""
        compiled = [one for one in measured if compiles(one)]
        if self._refused or not compiled or self._limit.is_over():
            return
        for group, tests in self._by_group(compiled).items():
            with self._launch(number, group) as launch:
                time_restart(launch, tests, self._say, self._limit.is_over)

    def _by_group(self, measured: list[Measured]) -> dict[int, list[Measured]]:
        found: dict[int, list[Measured]] = {}
        for one in measured:
            found.setdefault(self._group_of[one.test.id], []).append(one)
        return found

    def _launch(self, number: int, group: int) -> Launch:
        own = {side: tracked_files(self._checkout.root(side)) for side in Side}
        places = [import_roots(self._checkout.root(side), own[side]) for side in Side]
        # A folder of its own: for logs, and for compile caches that no other group has filled.
        scratch = self._checkout.scratch / f"group-{group}"
        scratch.mkdir(exist_ok=True)
        files = tuple(file.path for file in self._groups[group])
        plan = WorkerPlan(
            repository=self._checkout.repository,
            scratch=scratch,
            files=files,
            keyword=self._options.keyword,
            pytest_args=self._config.pytest_args,
            threads=self._config.threads,
            timeout=self._config.timeout,
            min_effect=self._config.min_effect,
            own=first_party(
                {name for names in own.values() for name in names},
                self._reach.changes(files),
                frozenset().union(*places),
            ),
            environments=self._own.folders,
        )
        roots = {side: self._checkout.root(side) for side in Side}
        return Launch(plan, roots, number, self._options.seed, self._apart, self._rhythms)

    def _collect(self, start: Callable[[int], Launch]) -> list[Found]:
        self._say("starting base and head")
        found, notes, unmarked = collect_groups(self._groups, start)
        self._notes += notes
        tests = [one.test for one in found]
        self._notes += uncollected(self._choice.files, tests, self._options.keyword, unmarked)
        self._group_of = {one.test.id: one.group for one in found}
        return found

    def _measure(self, launch: Launch, measured: Measured, failures: dict[Side, Failure]) -> None:
        test = measured.test
        # The same on both sides, so that neither has counts that the other lacks the time for.
        most_seconds = self._limit.share(COUNTING_SECONDS)
        for side in (Side.BASE, Side.HEAD):
            if side in failures:
                measured.examined[side] = Examined(failure=failures[side])
                continue
            self._say(f"{test.name}: counting a step of {side.value}")
            measured.examined[side] = launch.examine(test, side, most_seconds)
        if not failures:
            self._retry(launch, measured, most_seconds)
        measured.notes += left_out_notes(
            (one.failure for one in measured.examined.values() if one.failure is not None),
            self._checkout.repository,
            map(self._checkout.root, Side),
        )
        self._note_machine(measured)
        base, head = (measured.examined[side] for side in (Side.BASE, Side.HEAD))
        self._refused = refusal(base.provenance, head.provenance) or launch.refusal()
        if not self._refused and base.machine and head.machine:
            self._refused = why_unequal(base.machine, head.machine)
            measured.notes += thread_notes(base.machine, head.machine)
        if self._refused or not measured.both_ran:
            return
        group = self._group_of[test.id]
        seen = self._reach.seen(test, group)
        remarks = dict.fromkeys((*head.remarks, *base.remarks))
        measured.notes += [*unseen(test, head.provenance, seen), *remarks]
        measured.identical = self._reach.runs_the_same(measured, group)
        if measured.identical and (hidden := self._reach.hidden(measured)):
            measured.identical = False
            measured.notes.append(
                f"starts processes, which may run {some(hidden)}: what they run is not seen, so "
                "that this does not count as the same code"
            )
        if not measured.identical:
            recount(
                measured,
                self._config.budgets,
                lambda side: launch.examine(test, side, self._limit.share(COUNTING_SECONDS)),
            )
        if measured.identical and not self._options.time_identical:
            return
        if self._limit.is_over():
            measured.untimed = self._limit.over()
            return
        self._timing.add_segments(launch, measured)
        if measured.segments and not measured.timing_failures:
            self._profile(launch, measured)
        if not measured.timing_failures:
            self._look_at_holders(launch, measured)

    def _retry(self, launch: Launch, measured: Measured, most_seconds: float) -> None:
        """Try once more, in a fresh process, what fails on one side only.

        A failure that does not come again is no news about this change, and no reason to call the
        test new.
        """
        for side in Side:
            failure = measured.examined[side].failure
            if failure and not failure.timed_out and not measured.examined[side.other].failure:
                # Alone: the other side may hold a port or a lock that this one needs.
                launch.drop(at_once=True)
                again = launch.examine(measured.test, side, most_seconds)
                measured.examined[side] = again
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
        if self._limit.is_over():
            measured.notes.append(f"no profile: {self._limit.over()}")
            return
        self._say(f"{measured.test.name}: profiling")
        try:
            measured.profiles = launch.profile(measured.test, self._limit.share(PROFILING_SECONDS))
        except SideFailed as error:
            measured.notes.append(f"no profile: {error}")
            return
        few = min(profile.steps for profile in measured.profiles.values())
        if few < PROFILED_STEPS:
            measured.notes.append(f"only {few} of its steps were profiled, as these take long")

    def _look_at_holders(self, launch: Launch, measured: Measured) -> None:
        if measured.identical or not memory_grew(measured, self._config.budgets):
            return
        if self._limit.is_over():
            measured.notes.append(f"what holds more memory is not known: {self._limit.over()}")
            return
        self._say(f"{measured.test.name}: looking at what holds memory")
        seconds = self._limit.share(HOLDERS_SECONDS)
        look_at_holders(measured, lambda side: launch.step_memory(measured.test, side, seconds))

    def _assemble(self, measured: Measured) -> TestResult:
        def source(path: str) -> tuple[str, str]:
            texts = [_text(self._checkout.root(side) / path) for side in (Side.BASE, Side.HEAD)]
            return texts[0], texts[1]

        notes = (*clock_notes(measured.segments), *kernel_notes(measured.segments))
        told = replace(measured, notes=[*measured.notes, *measured.gpu_notes, *notes])
        comparison = self._timing.settled(told)
        return result_of(told, comparison, self._config.budgets, source, self._config.peak_flops)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
