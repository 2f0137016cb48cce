"""`perflint history`: stores reports and lists what is stored."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType

from .. import PerflintError
from ..runners.text.layout import columns
from ..runners.text.numbers import ARROW, NONE, interval, percent, rate
from ..runners.text.words import inert, some
from ..telemetry.record import StoredPoint, StoredRun

DEFAULT_STORE = ".perflint/history.sqlite"

# What each version of `history list --output-format json` changed:
# 1: the first.
LIST_VERSION = 1

# Of counts that changed, so many are listed; `--output-format json` has all.
_MOST_COUNTS = 2
_LONGEST_NAME = 200

# Which extra brings a package that this command needs.
EXTRA_OF = {"sqlalchemy": "telemetry", "msgspec": "bot"}

EXAMPLES = f"""\
examples:
  perflint history add .perflint/report.json
  perflint history list --test test_gpt_train --limit 10
  perflint history list --output-format json
  perflint history add report.json --store postgresql+psycopg://host/perflint

The store is the file {DEFAULT_STORE} unless --store names another file or a SQLAlchemy URL.
A report that is added twice is stored once.

exit status: 0 done, 2 perflint could not do its work
"""


def main(words: list[str]) -> int:
    """Run `perflint history` with the words after the command; return the exit status."""
    options = _parser().parse_args(words)
    if options.action == "add":
        return _add([Path(path) for path in options.reports], options.store)
    return _list(options.store, options.test, options.limit, options.output_format)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint history",
        description="Store reports of `perflint ci` and list what is stored.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument(
        "--store", default=DEFAULT_STORE, metavar="PATH_OR_URL", help="default: %(default)s"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list")
    add = actions.add_parser("add", parents=[store], help="store one or more reports")
    add.add_argument("reports", nargs="+", metavar="REPORT.json")
    show = actions.add_parser("list", parents=[store], help="list what is stored, newest first")
    show.add_argument("--test", metavar="NAME", help="only this perf test: its name or full id")
    show.add_argument(
        "--limit", type=_positive, default=20, metavar="N", help="runs; default: %(default)s"
    )
    show.add_argument("--output-format", choices=("text", "json"), default="text")
    return parser


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise ValueError(word)
    return number


# argparse names the type in its message: "invalid whole number above 0 value: '0'".
_positive.__name__ = "whole number above 0"


def _add(reports: Sequence[Path], where: str) -> int:
    """Store all reports, or none where one of them cannot be read."""
    read_report = _need(".report").read_report
    remember = _need(".remember").remember
    open_store = _need("..telemetry.store").open_store
    runs: list[StoredRun] = [remember(read_report(path)) for path in reports]
    with open_store(where, create=True) as store:
        for path, run in zip(reports, runs, strict=True):
            done = "stored" if store.add(run) else "was stored before"
            tests = "1 perf test" if len(run.points) == 1 else f"{len(run.points)} perf tests"
            print(f"{path}: {done} ({run.base[:7]}..{run.head[:7]}, {tests}) in {store.name}")
    return 0


def _list(where: str, test: str | None, limit: int, output_format: str) -> int:
    with _need("..telemetry.store").open_store(where) as store:
        runs: tuple[StoredRun, ...] = store.runs(test=test, limit=limit)
    if output_format == "json":
        print(as_json(runs))
    elif runs:
        print("\n".join(as_lines(runs, _width())))
    else:
        # Not on standard output: whoever counts its lines would count this one.
        what = "nothing is stored yet" if test is None else f"no run with the perf test {test}"
        print(f"perflint: {what} in {store.name}", file=sys.stderr)
    return 0


def _width() -> int | None:
    """How wide the terminal is; None where a file or another program reads."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _need(module: str) -> ModuleType:
    """Import a module of ours whose outside package may not be installed."""
    try:
        return import_module(module, __package__)
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get(error.name or "")
        if extra is None:
            raise
        raise PerflintError(
            f"`perflint history` needs {error.name}: pip install 'torch-perflint[{extra}]'"
        ) from error


def as_json(runs: Sequence[StoredRun]) -> str:
    """Return all that is stored of the runs, raw times included."""
    data = {"schema_version": LIST_VERSION, "runs": [{"key": r.key, **asdict(r)} for r in runs]}
    return json.dumps(data, indent=1, default=_enum)


def _enum(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} has no JSON form")


def as_lines(runs: Sequence[StoredRun], width: int | None = None) -> list[str]:
    """Return a table with one line per perf test and run, under a line of headings.

    Names of tests are shortened until it fits into `width` columns.
    """
    rows: list[tuple[str, ...]] = [
        ("CREATED", "BASE", "HEAD", "VERDICT", "CHANGE [95% CI]", "HEAD", "COUNTS", "TEST")
    ]
    for run in runs:
        rows += [_cells(run, point) for point in run.points] or [_start(run) + ("",) * 4 + ("-",)]
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    room = _LONGEST_NAME if width is None else max(24, width - sum(widths[:-1]) - 2 * len(widths))
    return ["  ".join([*_padded(row[:-1], widths[:-1]), inert(row[-1], room)]) for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for cell, width in zip(row, widths, strict=True):
        yield cell + " " * (width - columns(cell))


def _start(run: StoredRun) -> tuple[str, str, str]:
    return run.created[:19], run.base[:7], run.head[:7]


def _cells(run: StoredRun, point: StoredPoint) -> tuple[str, ...]:
    change = step = ""
    if point.time is not None:
        time = point.time
        change = f"{percent(time.change)} {interval(time.low, time.high)}"
        speed = rate(point.items / time.head_seconds) if time.head_seconds > 0 else NONE
        step = f"{speed} {inert(point.unit, 16)}/s"
    changed = [count for count in point.counts if count.base != count.head]
    changed.sort(key=lambda count: not count.over_budget)
    counts = some(
        (
            inert(f"{count.name.replace('_', ' ')} {count.base:,} {ARROW} {count.head:,}", 60)
            for count in changed
        ),
        _MOST_COUNTS,
    )
    # A report may come from a stranger; what it calls its tests shall not steer the terminal.
    start = (inert(word, 40) for word in _start(run))
    return (*start, point.verdict.value, change, step, counts, point.test)
