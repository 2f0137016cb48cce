"""Measures two commits of the past against each other, as `perflint ci` does, but for the lint."""

import time
from collections.abc import Callable
from pathlib import Path

from ...runners.config import load_config
from ...runners.options import orderly_end
from ...runners.prepare import RunOptions
from ...runners.run import run_perf_tests
from ...runners.sides.checkout import check_out
from ..gate import FailOn, decide
from ..make_report import make_report
from ..report import LintResult, Report


def measure_pair(
    here: Path, base: str, head: str, options: RunOptions, say: Callable[[str], None]
) -> Report:
    """Run the perf tests of both commits; return what there is to tell of it.

    Raises PerflintError where that cannot be begun, as `perflint ci` does.
    """
    begin, lint = time.monotonic(), LintResult()
    with orderly_end(), check_out(here, base, head) as checkout:
        config = load_config(checkout.head_root, "head")
        run = run_perf_tests(checkout, config, options, say)
    decision = decide(lint, run, FailOn())
    return make_report(checkout, lint, run, decision, begin, only=options.keyword)
