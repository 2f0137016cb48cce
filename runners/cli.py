"""The commands of this room: `perflint bench`; `doctor`, `profile` and `trace` lie next door."""

import argparse
import sys
from functools import partial

from .. import PerflintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .result import RunResult

_EPILOG = """\
example
  perflint bench --base main -k gpt     the working tree against main, perf tests named gpt
  perflint bench --base main --explain-selection
                                        why each perf test would run or not; nothing is measured

exit status
  0  same, faster, new, unsure, broken on base too, or nothing affected
  1  slower, a counter over its budget, or a perf test that fails or hangs on head only
  2  perflint could not do its work: a changed test file that cannot be read, or a -k that fits
     no perf test, for instance
  3  refused: the two sides are not comparable
  130  stopped: what was measured by then is told
"""


def run(command: str, words: list[str]) -> int:
    """Run one of them and return its exit status."""
    if command == "trace":
        from .tracing.trace_cli import run as run_trace

        return run_trace(words)
    if command == "doctor":
        from .machine.doctor_cli import run as run_doctor

        return run_doctor(words)
    if command == "profile":
        from .profiling.profile_cli import run as run_profile

        return run_profile(words)
    from .options import add_options, parse_options

    parser = argparse.ArgumentParser(
        prog=f"perflint {command}",
        description="Measure the affected perf tests of base and head; no lint, no comment.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    options = parse_options(parser, words)
    if options.explain_selection:
        from .selection.explain import show_selection

        return show_selection(options)
    return _bench(options)


def _bench(options: argparse.Namespace) -> int:
    from pathlib import Path

    from .config import load_config
    from .options import configured, orderly_end, run_options
    from .sides.checkout import check_out
    from .text.layout import harmless
    from .text.progress import Progress

    try:
        from .run import run_perf_tests
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise PerflintError(
            "`perflint bench` needs numpy, which is not installed: "
            "pip install 'torch-perflint[bench]'"
        ) from error

    with (
        Progress(sys.stderr) as progress,
        orderly_end(),
        check_out(Path.cwd(), options.base, options.head, merge_base=options.merge_base) as sides,
    ):
        config = configured(load_config(sides.head_root, "head"), options)
        progress.say(f"comparing {sides.words}")
        result = run_perf_tests(sides, config, run_options(options), progress.say)
    if result.refused:
        print(f"refused: {result.refused}", file=sys.stderr)
        return 3
    print(harmless("\n\n".join(_told(result))))
    if result.interrupted:
        return 130
    if result.unread:
        return 2
    return 1 if any(test.is_regression for test in result.tests) else 0


def _told(result: "RunResult") -> "Iterator[str]":
    """Write the result in the words of `perflint ci`."""
    from .text.layout import wrap
    from .text.numbers import plural
    from .text.screen import wants_color, width
    from .text.table import LONGEST_NOTE, caught, failures, table, told
    from .text.words import inert

    if result.notes:
        notes = (f"note: {inert(note, LONGEST_NOTE)}" for note in result.notes)
        yield "\n".join(wrap(note, width()) for note in notes)
    if result.tests:
        below = partial(told, budgets=result.budgets)
        yield table(result.tests, width(), below, color=wants_color())
        if why := failures(result.tests, width()):
            yield why
        yield from caught(result.tests)
    elif result.selection.affected:
        yield "no perf test was run"
    else:
        found = result.selection.found
        affected = f"{result.selection.affected} of {plural(found, 'perf test')} affected"
        yield f"{affected} by this change" if found else "no perf tests found"
