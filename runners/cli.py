"""The measuring command of this room: `perflint bench`."""

import argparse
import sys

from .. import PerflintError

_EPILOG = """\
example
  perflint bench --base main -k gpt     the working tree against main, perf tests named gpt

exit status
  0  same, faster, new, unsure, broken on base too, or nothing affected
  1  slower, a counter over its budget, or a perf test that fails or hangs on head only
  2  perflint could not do its work
  3  refused: the two sides are not comparable
"""


def run(command: str, words: list[str]) -> int:
    """Run `perflint bench` and return its exit status."""
    from .options import add_options

    parser = argparse.ArgumentParser(
        prog=f"perflint {command}",
        description="Measure the affected perf tests of base and head; no lint, no comment.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    return _bench(parser.parse_args(words))


def _bench(options: argparse.Namespace) -> int:
    from pathlib import Path

    from .checkout import check_out
    from .config import load_config
    from .options import configured, orderly_end, run_options
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
    return 1 if any(test.is_regression for test in result.tests) else 0
