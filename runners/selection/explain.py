"""Writes why each perf test would run or not, without measuring anything."""

import argparse
import sys
from pathlib import Path

from ..config import RunnersConfig, load_config
from ..options import configured, orderly_end, run_options
from ..prepare import RunOptions, select_tests
from ..sides.checkout import Checkout, check_out
from ..text.numbers import plural
from ..text.progress import Progress
from ..text.words import inert
from .reasons import explained


def show_selection(options: argparse.Namespace) -> int:
    """Print why each perf test would run or not; return the exit status."""
    with (
        Progress(sys.stderr) as progress,
        orderly_end(),
        check_out(Path.cwd(), options.base, options.head, merge_base=options.merge_base) as sides,
    ):
        progress.say(f"comparing {sides.words}")
        config = configured(load_config(sides.head_root, "head"), options)
        print(explain_selection(sides, config, run_options(options)))
    return 0


def explain_selection(checkout: Checkout, config: RunnersConfig, options: RunOptions) -> str:
    """Return the notes on the change, and a reason for each file of perf tests."""
    choice, notes = select_tests(checkout, config, options)
    selection = choice.selection
    if options.keyword:
        notes = [*notes, f"of those that run, pytest keeps what -k {options.keyword!r} fits"]
    return "\n".join(
        [
            *(f"note: {inert(note, 300)}" for note in notes),
            explained(selection.tests) or "no perf tests found",
            f"{selection.affected} of {plural(selection.found, 'perf test')} would run",
        ]
    )
