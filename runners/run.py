"""Runs the affected perf tests of base and head: who is measured, in which order, how often."""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import PerflintError
from .assemble import Measured, result_of
from .checkout import Checkout
from .collect import Collected, join
from .compare import Comparison, Verdict
from .config import RunnersConfig
from .git import changed_files, tracked_files
from .imports import ImportGraph
from .isolate import SideFailed, WorkerPlan
from .judge import Thresholds, judge, settle, wants_launch
from .machine import environment
from .measure import Examined, Launch
from .provenance import first_party, identical, refusal
from .result import Failure, RunResult, TestResult
from .sample import Environment, PerfTest, Segment, Side
from .select import Choice, PerfFile, choose, find_perf_files

Say = Callable[[str], None]

_MOST_SEGMENTS = 8


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user asked for.

    `keyword` is pytest's -k; `everything` runs tests that the change cannot affect as well;
    `time_identical` times tests whose code is the same on both sides; `seed` fixes every random
    choice.
    """

    keyword: str = ""
    everything: bool = False
    time_identical: bool = False
    seed: int = 0


def run_perf_tests(
    checkout: Checkout, config: RunnersConfig, options: RunOptions, say: Say
) -> RunResult:
    """Select, check, measure and judge. `say` is told what goes on, one short sentence at a time.

    Raises PerflintError where it cannot begin: PyTorch missing, for instance.
    """
    choice, notes = _select(checkout, config, options)
    if not choice.files:
        return RunResult(choice.selection, (), None, options.seed, tuple(notes))
    _require_packages()
    notes += _share_harness(checkout, choice.files)
    run = _Run(checkout, config, options, choice, say)
    return run.result(tuple(notes))


def _select(
    checkout: Checkout, config: RunnersConfig, options: RunOptions
) -> tuple[Choice, list[str]]:
    tracked = {side: tracked_files(checkout.root(side)) for side in Side}
    found = {
        side: find_perf_files(checkout.root(side), tracked[side], config.paths) for side in Side
    }
    changed = changed_files(checkout.repository, checkout.base.sha, checkout.head.sha)
    graphs = [ImportGraph(checkout.root(side), tracked[side]) for side in Side]
    everything = options.everything or options.time_identical
    choice = choose(found[Side.HEAD], changed, graphs, everything=everything)
    kept = {file.path for file in found[Side.HEAD]}
    gone = [file.path for file in found[Side.BASE] if file.path not in kept]
    return choice, [f"perf tests removed by this change: {path}" for path in gone]


def _require_packages() -> None:
    if importlib.util.find_spec("torch") is None:
        raise PerflintError(
            "perf tests are selected, but PyTorch is not installed in perflint's environment: "
            "install the build that your project trains with, then run perflint again"
        )
    missing = [name for name in ("numpy", "pytest") if importlib.util.find_spec(name) is None]
    if missing:
        raise PerflintError(
            f"measuring needs {' and '.join(missing)}: pip install 'torch-perflint[bench]'"
        )


def _share_harness(checkout: Checkout, files: tuple[PerfFile, ...]) -> list[str]:
    """Put head's perf-test files into base's worktree, so that both sides run the same test."""
    notes = []
    for file in files:
        head, base = checkout.head_root / file.path, checkout.base_root / file.path
        content = head.read_bytes()
        if base.exists() and base.read_bytes() == content:
            continue
        if base.exists():
            notes.append(f"this change edits {file.path}: head's version was run on both sides")
        base.parent.mkdir(parents=True, exist_ok=True)
        base.write_bytes(content)
    return notes


class _Run:
    """One run over all chosen tests; holds what it has found out so far."""

    def __init__(
        self,
        checkout: Checkout,
        config: RunnersConfig,
        options: RunOptions,
        choice: Choice,
        say: Say,
    ) -> None:
        self._checkout, self._config, self._options = checkout, config, options
        self._choice, self._say = choice, say
        self._environment: Environment | None = None
        self._refused: str | None = None

    def result(self, notes: tuple[str, ...]) -> RunResult:
        """Measure everything and return it."""
        measured: list[Measured] = []
        with self._launch(1) as launch:
            tests = self._collect(launch)
            for number, (test, failures) in enumerate(tests, 1):
                self._say(f"{test.name} ({number} of {len(tests)})")
                measured.append(self._measure(launch, test, failures))
                if self._refused:
                    break
        number = 2
        while not self._refused and (doubtful := [one for one in measured if _is_doubtful(one)]):
            with self._launch(number) as launch:
                for one in doubtful:
                    self._say(f"{one.test.name}: again in fresh processes")
                    one.launches.append(self._time(launch, one))
            number += 1
        results = tuple(self._assemble(one) for one in measured) if not self._refused else ()
        selection, seed = self._choice.selection, self._options.seed
        return RunResult(selection, results, self._environment, seed, notes, self._refused)

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
            own=first_party({name for names in own for name in names}),
        )
        roots = {side: self._checkout.root(side) for side in Side}
        return Launch(plan, roots, number, self._options.seed)

    def _collect(self, launch: Launch) -> list[tuple[PerfTest, dict[Side, Failure]]]:
        sides = {}
        for side in Side:
            self._say(f"starting {side.value}")
            try:
                sides[side] = Collected(*launch.collect(side))
            except SideFailed as error:
                words = f"{error.failure.summary}\n{error.failure.details}"
                sides[side] = Collected([], {"": words})
        return join(sides, {file.path for file in self._choice.files})

    def _measure(self, launch: Launch, test: PerfTest, failures: dict[Side, Failure]) -> Measured:
        measured = Measured(test)
        for side in (Side.BASE, Side.HEAD):
            if side in failures:
                measured.examined[side] = Examined(failure=failures[side])
                continue
            self._say(f"{test.name}: counting a step of {side.value}")
            measured.examined[side] = launch.examine(test, side)
        if Side.HEAD not in failures:
            self._retry(launch, measured)
        self._note_machine(measured)
        base, head = (measured.examined[side] for side in (Side.BASE, Side.HEAD))
        self._refused = refusal(base.provenance, head.provenance)
        if self._refused or not measured.both_ran:
            return measured
        ran = self._choice.ran.get(test.path)
        # A file that compiled code reads is not seen by us: where one changed, time the test.
        measured.identical = not self._choice.doubts and identical(
            base.provenance, head.provenance, ran
        )
        if measured.identical and not self._options.time_identical:
            return measured
        measured.launches.append(self._time(launch, measured))
        if any(measured.launches) and not measured.timing_failures:
            self._profile(launch, measured)
        return measured

    def _retry(self, launch: Launch, measured: Measured) -> None:
        """Try once more, in a fresh process, what fails on head only.

        A failure that does not come again is no news about this change.
        """
        failure = measured.examined[Side.HEAD].failure
        if failure and not failure.timed_out and not measured.examined[Side.BASE].failure:
            launch.drop(Side.HEAD)
            measured.examined[Side.HEAD] = launch.examine(measured.test, Side.HEAD)

    def _note_machine(self, measured: Measured) -> None:
        for examined in measured.examined.values():
            if examined.machine is not None:
                self._environment = environment(examined.machine)

    def _time(self, launch: Launch, measured: Measured) -> list[Segment]:
        """Add segments until the verdict is clear or the time is used up."""
        test, at = measured.test, thresholds(measured.test)
        segments: list[Segment] = []
        begin = time.monotonic()
        while len(segments) < _MOST_SEGMENTS:
            try:
                segments.append(launch.time_segment(test))
            except SideFailed as error:
                if measured.timing_failures.get(error.side):
                    return segments
                # Once more, in the fresh processes that the launch starts by itself.
                measured.timing_failures[error.side] = error.failure
                continue
            measured.timing_failures.clear()
            comparison = judge(segments, at)
            self._say(f"{test.name}: {_so_far(comparison)}")
            spent = time.monotonic() - begin
            if comparison.verdict is not Verdict.UNSURE:
                break
            if spent > self._config.max_seconds and len(segments) >= at.min_segments:
                break
        return segments

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

        at = thresholds(measured.test)
        comparison = settle(measured.launches, at) if any(measured.launches) else None
        return result_of(measured, comparison, self._config.budgets, source)


def _is_doubtful(measured: Measured) -> bool:
    """Whether fresh processes can tell more: a change is never believed from one launch."""
    if not any(measured.launches) or measured.timing_failures:
        return False
    return wants_launch(measured.launches, thresholds(measured.test))


def thresholds(test: PerfTest) -> Thresholds:
    """Return where a difference starts to matter for this test."""
    return Thresholds(min_effect=test.min_effect)


def _so_far(comparison: Comparison) -> str:
    half = (comparison.high - comparison.low) / 2
    return f"{comparison.change:+.1%} ± {half:.1%} after {comparison.segments} segments"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
