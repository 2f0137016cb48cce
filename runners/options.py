"""The command-line options that every measuring command takes, and what they mean."""

import argparse
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

from .. import PerflintError
from .config import RunnersConfig
from .prepare import RunOptions


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which sides are compared, which perf tests are run, and how."""
    add = parser.add_argument
    add("--base", required=True, metavar="REV", help="compare with this commit, branch or tag")
    add("--head", metavar="REV", help="what to measure (default: the working tree as it is)")
    add("--merge-base", action="store_true", help="compare with where head's history left --base")
    add("-k", default="", metavar="EXPR", help="only perf tests that match, as pytest's -k")
    add("--all", action="store_true", help="also perf tests that the change cannot affect")
    add("--time-identical", action="store_true", help="time tests even where no code differs")
    add(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="a side of which no step ends for so long counts as hanging (default: 300)",
    )
    add(
        "--explain-selection",
        action="store_true",
        help="say for each perf test why it would run or not, and measure nothing",
    )
    add("--seed", type=int, default=0, help="fixes every random choice (default: 0)")


def parse_options(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parse a measuring command's words; a revision alone is most likely meant for `--base`."""
    given = any(word == "--base" or word.startswith("--base=") for word in words)
    if not given and words and not words[0].startswith("-"):
        parser.error(f"--base is required: did you mean `{parser.prog} --base {words[0]}`?")
    return parser.parse_args(words)


def share(word: str) -> float:
    """Read a share for argparse: `0.05`, or the same as `5%`."""
    try:
        return float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no share: write 5 percent as 0.05 or 5%"
        ) from None


def run_options(options: argparse.Namespace) -> RunOptions:
    """Return what the command line says of the run itself."""
    return RunOptions(options.k, options.all, options.time_identical, options.seed)


def configured(config: RunnersConfig, options: argparse.Namespace) -> RunnersConfig:
    """Let the command line beat the file."""
    if options.timeout is None:
        return config
    if not 0 < options.timeout < math.inf:
        raise PerflintError("--timeout has to be a number of seconds above 0")
    return replace(config, timeout=options.timeout)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let a cancelled CI job, and a terminal that is closed, end a run like Ctrl-C does.

    Processes are stopped and worktrees removed. Under `nohup` a closed terminal ends nothing.
    """
    ends = [signal.SIGTERM, signal.SIGINT]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ends.append(signal.SIGHUP)

    def stop(number: int, frame: FrameType | None) -> None:
        # Once is enough: a second signal would interrupt the clean-up.
        for each in ends:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in ends}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
