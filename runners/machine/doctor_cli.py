"""The command that looks at the machine: `perflint doctor`."""

import argparse
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from ... import PerflintError
from ..options import orderly_end

if TYPE_CHECKING:
    from pathlib import Path

    from ..config import RunnersConfig
    from .doctor import Check, SelfComparison

_EPILOG = """\
levels
  bad       measurements are spoiled: mend it before a verdict decides anything
  doubtful  intervals are wider than they need be
  unknown   cannot be read here (a container, a virtual machine), which is not "fine"
  fine

exit status
  0  nothing is bad; it may be doubtful or unknown, as without PyTorch
  1  something is bad: the machine, or what the step's comparison with itself says
  2  perflint could not do its work: git is missing, the step does not run, bad configuration
  130  stopped
"""

_WAIT_SECONDS = 2.0


def run(words: list[str]) -> int:
    """Run `perflint doctor` and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="perflint doctor",
        description="Say what makes this machine a bad judge of performance, and compare a small "
        "training step with itself to see which slowdowns it can catch (some minutes on a "
        "busy machine).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--no-measure", action="store_true", help="read only: two seconds, and no PyTorch needed")
    add("--format", choices=("text", "json"), default="text", help="how to print it")
    add("--seed", type=int, default=0, help="fixes every random choice (default: 0)")
    return _doctor(parser.parse_args(words))


def _doctor(options: argparse.Namespace) -> int:
    import platform
    from dataclasses import replace
    from pathlib import Path

    from .doctor import Level, diagnose, judge_self
    from .doctor_gpu import NOT_RUN_YET
    from .doctor_output import as_json, as_text
    from .machine import cpu_name
    from .machine_state import between, read_counters, read_state, usable_processors

    config = _settings()
    root, usable = Path("/"), usable_processors()
    before = read_counters(root, usable)
    time.sleep(_WAIT_SECONDS)
    after = read_counters(root, usable)
    waiting = between(before, after, usable)
    system, cpu = platform.platform(terse=True), cpu_name()
    state = read_state(root, usable, config.threads, waiting, system=system, cpu=cpu)
    outcome = _Outcome() if options.no_measure else _compare(config, options.seed)
    if outcome.measured:
        state = replace(state, measuring=between(after, read_counters(root, usable), usable))
    checks = [*diagnose(state), *_gpu_checks(root), *outcome.checks]
    if outcome.measured:
        wrong = [one.name for one in checks if one.level in (Level.BAD, Level.DOUBTFUL)]
        checks.append(judge_self(outcome.measured, wrong))
    headline = f"{state.cpu}, {state.usable} usable processors, {state.system}"
    if options.format == "json":
        print(as_json(headline, checks, outcome.measured, [NOT_RUN_YET]))
    else:
        print(as_text(headline, checks, [NOT_RUN_YET]))
    if outcome.failed:
        return 2
    return 1 if any(check.level is Level.BAD for check in checks) else 0


def _settings() -> "RunnersConfig":
    """Read the settings that runs from here have: the repository's, or else this folder's."""
    from pathlib import Path

    from ..config import load_config
    from ..sides.git import repository

    here = Path.cwd()
    try:
        folder = repository(here)
    except PerflintError:  # no repository, or no git
        folder = here
    return load_config(folder)


def _gpu_checks(root: "Path") -> "tuple[Check, ...]":
    import os

    from ..gpu.gpu_guard import mps_daemon_runs
    from ..gpu.nvml import Nvml, NvmlFailed
    from ..gpu.sharing import uses_mps
    from .doctor_gpu import diagnose_gpus, unread

    try:
        with Nvml() as nvml:
            cards = nvml.cards()
    except NvmlFailed as error:
        present = (root / "proc/driver/nvidia").exists() or (root / "dev/nvidiactl").exists()
        return (unread(str(error), present=present),)
    daemon = mps_daemon_runs()
    mps = [uses_mps(card, os.environ, daemon=daemon) for card in cards]
    blocking = os.environ.get("CUDA_LAUNCH_BLOCKING")
    return diagnose_gpus(cards, mps=mps, launch_blocking=blocking)


class _Outcome(NamedTuple):
    """What comparing a step with itself gave; nothing where that was not asked for."""

    measured: "SelfComparison | None" = None
    checks: "tuple[Check, ...]" = ()
    failed: bool = False


def _compare(config: "RunnersConfig", seed: int) -> _Outcome:
    from dataclasses import replace

    from ..prepare import missing_packages
    from ..text.progress import Progress
    from .doctor import Check, Level

    if missing := missing_packages():
        words = f"not compared: {missing}"
        return _Outcome(checks=(Check("same code", Level.UNKNOWN, words),))
    from .self_comparison import compare_with_itself

    try:
        with orderly_end(), Progress(sys.stderr) as progress:
            measured = compare_with_itself(config, seed, progress.say)
            if measured.is_told_apart:
                progress.say("told apart from itself: once more, to see whether that was chance")
                again = compare_with_itself(config, seed + 1, progress.say)
                measured = replace(measured, again=again)
    except PerflintError as error:
        # What was read of the machine is worth telling all the same, and may be the reason.
        return _Outcome(None, (Check("same code", Level.UNKNOWN, str(error)),), failed=True)
    return _Outcome(measured)
