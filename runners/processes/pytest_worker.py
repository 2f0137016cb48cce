"""Runs perf tests at the coordinator's word; loaded with `-p` into each side's own pytest."""

import atexit
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ... import PerflintError
from ..limit import TimeLimit
from ..machine.machine import where_it_ran
from ..sides.own_paths import OpenedFiles, imported, modules_of, put_first
from ..sides.provenance import FirstParty
from ..text.words import DETAIL_LINES
from . import pytest_plugin
from .channel import VARIABLE, Channel, Closed, Message
from .memory_driver import MemoryDriver
from .orphans import die_with_parent
from .placement import held_on, processes_started, processor_of
from .pulse import Pulse
from .run_driver import RunDriver
from .seeds import seed_imports

if TYPE_CHECKING:
    from ..profiling.attribution import StepProfile

# Of a longer step nobody waits for four more, to see whether it leaks memory.
_LONG_STEP_SECONDS = 5.0
# From here on a step tells that it has ended also where it is timed: that takes microseconds.
_TOLD_STEP_SECONDS = 1.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know the setting of the cache, which a worker has not: strict projects refuse what is not."""
    parser.addini("cache_dir", "read by pytest's cache, which is turned off here")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any code of the repository runs: its own folders first on the path, the line open."""
    die_with_parent()
    setup = json.loads(Path(os.environ.pop(VARIABLE)).read_text(encoding="utf-8"))
    root = Path(setup["root"])
    on_path = put_first(root, Path(setup["repository"]), setup["inherited"])
    seed_imports()
    early_config.pluginmanager.register(WorkerPlugin(root, setup, on_path), "perflint-worker")


class WorkerPlugin:
    """One side's process: collects, then does what it is told until it is told to stop."""

    def __init__(self, root: Path, setup: Message, on_path: frozenset[str]) -> None:
        self._repository, self._inherited = Path(setup["repository"]), setup["inherited"]
        self._root = root
        self._channel = Channel(setup["reads"], setup["writes"])
        self._first_party = FirstParty(
            frozenset(setup["regular"]), frozenset(setup["exact"]), setup["loose"], setup["within"]
        ).rooted_at(on_path)
        self._min_effect: float = setup["min_effect"]
        self._opened = OpenedFiles(root, self._repository, self._inherited)
        processes_started()  # from here on, those of set-ups included
        # What was compiled by an earlier process of this run makes compiling warm.
        caches = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
        self._cold = caches is not None and not any(Path(caches).glob("*"))
        self._errors: dict[str, str] = {}
        self._unmarked: list[str] = []
        self._reports: list[pytest.TestReport] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        """Bring the fixture along where the plug-in is not installed as an entry point."""
        if not config.pluginmanager.hasplugin("perflint"):
            config.pluginmanager.register(pytest_plugin, "perflint")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the perf tests; remember those that lack no more than the mark."""
        self._unmarked = [item.nodeid for item in items if pytest_plugin.lacks_marker(item)]
        items[:] = [item for item in items if item.get_closest_marker("perf")]
        if config.pluginmanager.hasplugin("timeout"):
            for item in items:
                # A limit, of the project or the test, would count the other side's turns as well.
                item.add_marker(pytest.mark.timeout(0), append=False)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember what could not be collected, and why."""
        if report.failed:
            self._errors[report.nodeid] = self._strip(report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how set-up, call and tear-down of the running test ended."""
        self._reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tell what was collected, then follow orders."""
        items = {item.nodeid: item for item in session.items}
        try:
            self._channel.send(self._collected(items))
            while (order := self._channel.receive())["do"] != "stop":
                self._channel.send(self._run(items[order["test"]], order))
        except Closed:
            # The coordinator is gone, so nobody wants a result: leave without running more.
            os._exit(1)
        # All fixtures are torn down, and nobody reads this pytest's summary: writing it and taking
        # the interpreter apart took up to three seconds.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    def _collected(self, items: dict[str, pytest.Item]) -> Message:
        tests, errors = [], dict(self._errors)
        for name, item in items.items():
            path = item.path.relative_to(self._root).as_posix()
            try:
                test = pytest_plugin.perf_test(item, path, self._min_effect)
            except PerflintError as error:
                errors[name] = str(error)
            else:
                tests.append(dataclasses.asdict(test))
        return {
            "kind": "collected",
            "tests": tests,
            "errors": errors,
            "unmarked": self._unmarked,
        }

    def _run(self, item: pytest.Item, order: Message) -> Message:
        """Run one test once, from set-up to tear-down of everything, in the ordered way."""
        from ..counters import torch_compile, torch_memory, torch_state
        from . import torch_step

        counts = order["do"] == "count"
        alive = torch_state.models_alive() if counts else {}
        driver = self._driver(order)
        item.config.stash[pytest_plugin.DRIVER] = driver
        self._reports = []
        self._opened.start()
        torch_memory.start()
        # Built again and again, compiled code would come to a limit of PyTorch and run as written.
        torch_compile.forget()
        # Counts are exact, and jitter would show up in the peak of memory.
        exact = counts or order["do"] == "memory"
        jitter = [] if exact else torch_step.renew_heap(order["jitter"])
        torch_step.seed_everything(order["seed"])
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        del jitter
        done = {"kind": "done", **self._outcome(driver), **driver.result(), **self._provenance()}
        done |= {"cold": self._cold, "processes": processes_started()}
        return done | {"kept": torch_state.kept_models(alive, self._root)} if counts else done

    def _driver(self, order: Message) -> "_Driver":
        match order["do"]:
            case "count":
                return _CountDriver(self._channel, self._root, order["seconds"])
            case "compile":
                return _CompileDriver(self._channel)
            case "memory":
                return MemoryDriver(self._channel, self._root, order["steps"], order["seconds"])
            case "run":
                return RunDriver(self._channel, order["steps"])
        return _TurnDriver(self._channel, self._root)

    def _outcome(self, driver: "_Driver") -> Message:
        for report in self._reports:
            if report.skipped:
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
                return {"outcome": "skipped", "summary": reason, "details": ""}
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                message = crash.message if crash else report.longreprtext
                text = self._strip(report.longreprtext)
                return {
                    "outcome": "failed",
                    "summary": self._strip(message.strip().split("\n")[0]),
                    "details": "\n".join(text.splitlines()[-DETAIL_LINES:]),
                }
        if not driver.drove:
            summary = "the test is marked `perf` but never called perf(step)"
            return {"outcome": "failed", "summary": summary, "details": ""}
        return {"outcome": "passed", "summary": "", "details": ""}

    def _provenance(self) -> Message:
        # First of all: to hash files opens them.
        read = self._there(self._opened.since())
        files, outside = imported(
            self._root, self._repository, self._first_party, self._opened.names(), self._inherited
        )
        return {
            "files": files,
            "outside": self._opened.foreign_code() | outside,
            "modules": sorted(modules_of(self._root)),
            "read": read,
            "early": self._there(self._opened.early()),
        }

    def _there(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if (self._root / name).is_file()]

    def _strip(self, text: str) -> str:
        """Leave the worktree's path out of messages: it is gone when people read them."""
        return text.replace(f"{self._root}/", "")


class _CountDriver:
    """Counts what a step does; nothing is timed."""

    def __init__(self, channel: Channel, root: Path, seconds: float) -> None:
        self._channel, self._root, self._seconds = channel, root, seconds
        self._result: Message = {}
        self.drove = False

    def drive(self, step: Callable[[], object]) -> None:
        """Run the step until lazy initialisation is over, then count it while there is time."""
        self.drove = True
        from ..counters import torch_examine, torch_state
        from . import torch_step

        step = pulse = Pulse(step, self._channel)
        limit = TimeLimit(self._seconds)
        seen = torch_examine.examine(step, self._root, limit)
        is_long = pulse.seconds > _LONG_STEP_SECONDS or limit.is_over()
        left = None if is_long else torch_state.left_behind(step)
        self._result = {
            "counts": dataclasses.asdict(seen.counts),
            "memory": dataclasses.asdict(seen.memory),
            "compile_seconds": seen.compile_seconds,
            "leaked": left and left.leaked,
            "cyclic": left and left.cyclic,
            "machine": {**torch_step.describe(), **where_it_ran()},
            "gpu": torch_step.gpu(),
        }

    def result(self) -> Message:
        """Return the counts, the memory and the machine; nothing where no step ran."""
        return self._result


class _CompileDriver:
    """Runs the first steps for what they compile; nothing is counted or timed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._seconds: float | None = None
        self.drove = False

    def drive(self, step: Callable[[], object]) -> None:
        """Run the steps that compile."""
        self.drove = True
        from ..counters import torch_compile

        torch_compile.first_steps(Pulse(step, self._channel))
        self._seconds = torch_compile.compile_seconds()

    def result(self) -> Message:
        """Return how long was compiled; None where nothing was."""
        return {"compile_seconds": self._seconds}


class _TurnDriver:
    """Times and profiles turns of the step, each at the coordinator's word."""

    def __init__(self, channel: Channel, root: Path) -> None:
        self._channel, self._root = channel, root
        self._rounds: list[StepProfile] = []
        self._collect: Callable[[], None] = _nothing
        self._kernels: Message = {}
        self.drove = False

    def drive(self, step: Callable[[], object]) -> None:
        """Warm up, say so, and take turns until told to end."""
        self.drove = True
        from ..counters import torch_kernels
        from . import torch_step

        pulse = Pulse(step, self._channel)
        steps, seconds = torch_step.warm_up(pulse)
        # Several threads, and what serves a GPU or loads data, would be in each other's way there.
        alone = torch_step.computes_alone() and pulse.starts == 0
        with torch_step.quiet_collector() as self._collect:
            ready = {"kind": "ready", "seconds": seconds, "steps": steps, "alone": alone}
            self._channel.send({**ready, "gpu": torch_step.gpu()})
            while (order := self._channel.receive())["do"] != "end":
                told = pulse if seconds > _TOLD_STEP_SECONDS else step
                self._channel.send(self._turn(told, order, pulse))
            if order.get("kernels"):
                self._kernels = {"kernels": torch_kernels.kernel_names(step)}

    def _turn(self, step: Callable[[], object], order: Message, alive: Pulse) -> Message:
        """Do what is ordered; `alive` is the step that tells that it has ended."""
        from ..profiling import torch_profile
        from ..profiling.attribution import together
        from . import torch_step

        if order["do"] == "warm":
            for _ in range(order["steps"]):
                alive()
            torch_step.synchronize(torch_step.other_cards())
            self._collect()
            return {"kind": "warm"}
        if order["do"] == "profile":
            steps = torch_profile.profile_steps(step, order["steps"], self._root)
            self._rounds.append(together(steps))
            self._collect()
            return {"kind": "turn"}
        with held_on(processor_of(order["hold"])):
            turn = torch_step.timed_turn(step, keep=order["keep"], drop=order["drop"])
        self._collect()
        return {"kind": "turn", **turn._asdict()}

    def result(self) -> Message:
        """Return the profile's summary or the kernels, where they were ordered."""
        if not self._rounds:
            return self._kernels
        from ..profiling.attribution import merge

        summary: dict[str, Any] = dataclasses.asdict(merge(self._rounds))
        return {"profile": summary}


def _nothing() -> None:
    pass


_Driver = _CountDriver | _CompileDriver | MemoryDriver | RunDriver | _TurnDriver


def pytest_report_header() -> str:
    """Say in the worker's log what this process is."""
    return f"perflint worker {os.getpid()} of Python {sys.version.split()[0]}"
