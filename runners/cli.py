"""The commands of this room: `perflint bench`, and `perflint doctor` next door."""

import argparse
import sys

from .. import PerflintError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .result import Selection

_EPILOG = """\
example
  perflint bench --base main -k gpt     the working tree against main, perf tests named gpt
  perflint bench --base main --explain-selection
                                        why each perf test would run or not; nothing is measured

exit status
  0  same, faster, new, unsure, broken on base too, or nothing affected
  1  slower, a counter over its budget, or a perf test that fails or hangs on head only
  2  perflint could not do its work
  3  refused: the two sides are not comparable
  130  stopped: what was measured by then is told
"""


def run(command: str, words: list[str]) -> int:
    """Run `perflint bench` or `perflint doctor` and return its exit status."""
    if command == "doctor":
        from .doctor_cli import run as run_doctor

        return run_doctor(words)
    from .options import add_options

    parser = argparse.ArgumentParser(
        prog=f"perflint {command}",
        description="Measure the affected perf tests of base and head; no lint, no comment.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.add_argument(
        "--explain-selection",
        action="store_true",
        help="say for each perf test why it would run or not, and measure nothing",
    )
    return _bench(parser.parse_args(words))


def _bench(options: argparse.Namespace) -> int:
    from pathlib import Path

    from .checkout import check_out
    from .config import load_config
    from .options import configured, orderly_end, run_options
    from .prepare import select_tests
    from .progress import Progress
    from .table import table

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
        config = configured(load_config(sides.head_root), options)
        if options.explain_selection:
            choice, notes = select_tests(sides, config, run_options(options))
            return _explain(choice.selection, [*notes, *_narrowed(options.k)])
        result = run_perf_tests(sides, config, run_options(options), progress.say)
    if result.refused:
        print(f"refused: {result.refused}", file=sys.stderr)
        return 3
    for note in result.notes:
        print(f"note: {note}")
    if result.tests:
        print(table(result.tests))
    elif result.selection.affected:
        print("no perf test was run")
    else:
        found = result.selection.found
        print(f"none of the {found} perf tests is affected" if found else "no perf tests found")
    if result.interrupted:
        return 130
    return 1 if any(test.is_regression for test in result.tests) else 0


def _explain(selection: "Selection", notes: list[str]) -> int:
    from .reasons import explained

    for note in notes:
        print(f"note: {note}")
    print(explained(selection.tests) or "no perf tests found")
    print(f"{selection.affected} of {selection.found} perf tests would run")
    return 0


def _narrowed(keyword: str) -> list[str]:
    return [f"of those that run, pytest keeps what -k {keyword!r} fits"] if keyword else []
