"""`perflint history`: keeps reports, orders, lists and hands them on, looks after the store."""

import argparse
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType

from .. import PerflintError
from ..runners.text.numbers import plural
from .past.options import ONLY_FOR, add_export, add_import, add_site, positive
from .past.where import DEFAULT_STORE, store_at

# Which extra brings a package that this command needs.
EXTRA_OF = {
    "sqlalchemy": "telemetry",
    "alembic": "telemetry",
    "numpy": "telemetry",
    "msgspec": "bot",
    "pyarrow": "parquet",
    "opentelemetry": "otlp",
}

EXAMPLES = f"""\
examples:
  perflint history add .perflint/report.json
  perflint history list --test test_gpt_train --limit 10
  perflint history list --output-format json
  perflint history add report.json --store postgresql://host/perflint
  perflint history backfill v1.0..main --every 5
  perflint history export --format openmetrics --out perflint.prom
  perflint history import .benchmarks --format pytest-benchmark
  perflint history copy backup.sqlite              back up; --store backup.sqlite copy ... restores
  perflint history site --out site                 pages with plots: open site/index.html
  perflint history vacuum --raw-days 90 --unplaced-days 30

The store is the file {DEFAULT_STORE} of the repository unless --store names another file or a
database (SQLite, PostgreSQL). A report that is added twice is stored once.

exit status: 0 done, 2 perflint could not do its work (import: not with every file)
"""


def main(words: list[str]) -> int:
    """Run `perflint history` with the words after the command; return the exit status."""
    asked = _parser().parse_args(words)
    do: Callable[[argparse.Namespace], int] = asked.do
    return do(asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint history",
        description="Keep reports of `perflint ci` and show what is kept.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--store", metavar="PATH_OR_URL", help=f"default: {DEFAULT_STORE}")
    order = argparse.ArgumentParser(add_help=False)
    order.add_argument("--branch", default="", help="the main branch (default: what origin says)")
    actions = parser.add_subparsers(
        dest="action",
        required=True,
        metavar="add|backfill|import|order|list|changes|site|export|copy|vacuum",
    )
    add = actions.add_parser("add", parents=[store, order], help="keep one or more reports")
    add.set_defaults(do=_add)
    add.add_argument("reports", nargs="+", metavar="REPORT.json")
    past = actions.add_parser(
        "backfill",
        parents=[store, order],
        help="measure commits of the past, each against the one before; goes on where it stopped",
    )
    past.set_defaults(do=_backfill)
    past.add_argument("range", metavar="A..B", help="by first parents, as v1.0..main")
    past.add_argument(
        "--every", type=positive, default=1, metavar="N", help="of so many commits one, and B"
    )
    past.add_argument("-k", default="", metavar="EXPR", help="only perf tests that match")
    add_import(actions, [store, order], _import)
    in_order = actions.add_parser(
        "order",
        parents=[store, order],
        help="put the commits of the main branch in order, after reports came from elsewhere",
    )
    in_order.set_defaults(do=_order)
    show = actions.add_parser("list", parents=[store], help="list what is kept, newest first")
    show.set_defaults(do=_list)
    show.add_argument("--test", metavar="NAME", help="only this perf test: its name or full id")
    show.add_argument(
        "--limit", type=positive, default=20, metavar="N", help="runs; default: %(default)s"
    )
    show.add_argument("--output-format", choices=("text", "json"), default="text")
    add_site(actions, [store], _site)
    add_export(actions, [store, order], _export)
    changed = actions.add_parser(
        "changes", parents=[store], help="tell which series changed for good, and at which commit"
    )
    changed.set_defaults(do=_changes)
    changed.add_argument("--test", metavar="NAME", help="only this perf test: its name or full id")
    changed.add_argument("--metric", metavar="NAME", help="only this metric: throughput, …")
    changed.add_argument("--output-format", choices=("text", "json"), default="text")
    copy = actions.add_parser(
        "copy", parents=[store], help="copy all of it into a new store: a backup, or another server"
    )
    copy.set_defaults(do=_copy)
    copy.add_argument("to", metavar="PATH_OR_URL")
    vacuum = actions.add_parser(
        "vacuum", parents=[store], help="delete what is old, and give the space back"
    )
    vacuum.set_defaults(do=_vacuum)
    for name, what in (
        ("raw-days", "raw times and whole reports"),
        ("unplaced-days", "runs of commits that are not on the main branch"),
        ("days", "runs"),
    ):
        text = f"delete {what} older than that (default: keep)"
        vacuum.add_argument(f"--{name}", type=positive, metavar="DAYS", help=text)
    return parser


def _add(asked: argparse.Namespace) -> int:
    """Store all reports, or none where one of them cannot be read."""
    feed, open_store = _need(".past.feed"), _need("..telemetry.store").open_store
    read = _need(".report").read_report
    reports = [(Path(path), read(Path(path))) for path in asked.reports]
    with open_store(_store(asked, make=True), create=True) as store:
        _tell_upgrade(store)
        for line in feed.add_all(store, reports, Path.cwd(), asked.branch):
            print(line)
    return 0


def _backfill(asked: argparse.Namespace) -> int:
    work, open_store = _need(".past.backfill"), _need("..telemetry.store").open_store
    options = import_module("..runners.prepare", __package__).RunOptions
    progress = import_module("..runners.text.progress", __package__).Progress
    here = Path.cwd()
    commits = work.commits_between(here, asked.range, asked.every)
    with (
        open_store(_store(asked, make=True), create=True) as store,
        progress(sys.stderr) as telling,
    ):
        _tell_upgrade(store)
        wanted = options(keyword=asked.k, everything=True)
        for line in work.backfill(store, here, commits, wanted, telling.say, asked.branch):
            print(line, flush=True)
    return 0


def _order(asked: argparse.Namespace) -> int:
    feed, open_store = _need(".past.feed"), _need("..telemetry.store").open_store
    with open_store(_store(asked)) as store:
        _tell_upgrade(store)
        print(feed.put_in_order(store, feed.name_of(Path.cwd()), Path.cwd(), asked.branch))
    return 0


def _list(asked: argparse.Namespace) -> int:
    listing = _need(".past.listing")
    with _need("..telemetry.store").open_store(_store(asked)) as store:
        _tell_upgrade(store)
        runs = store.runs(test=asked.test, limit=asked.limit)
    if asked.output_format == "json":
        print(listing.as_json(runs))
    elif runs:
        print("\n".join(listing.as_lines(runs, _width())))
    else:
        # Not on standard output: whoever counts its lines would count this one.
        with_it = f"no run with the perf test {asked.test}"
        what = "nothing is stored yet" if asked.test is None else with_it
        _tell(f"{what} in {store.name}")
    return 0


def _import(asked: argparse.Namespace) -> int:
    work, feed = _need(".past.importing"), _need(".past.feed")
    here, path = Path.cwd(), Path(asked.path)
    name = asked.repository or feed.name_of(here)
    with _need("..telemetry.store").open_store(_store(asked, make=True), create=True) as store:
        _tell_upgrade(store)
        outcome = work.import_all(store, path, asked.format, name, _tell)
        print(work.in_words(outcome, path, store.name))
        print(feed.put_in_order(store, name, here, asked.branch))
    return 2 if outcome.broken else 0


def _export(asked: argparse.Namespace) -> int:
    if asked.format == "parquet" and not asked.out:
        raise PerflintError("parquet is no text: say with --out into which file")
    for option, formats in ONLY_FOR.items():
        if getattr(asked, option) and asked.format not in formats:
            raise PerflintError(f"--{option} means nothing to {asked.format}")
    work, open_store = _need(".past.exporting"), _need("..telemetry.store").open_store
    record = _need("..telemetry.record")
    names = ("test", "metric", "hardware", "repository", "commit")
    wanted = record.Wanted(**{name: getattr(asked, name) for name in names})
    extra = {"parquet": "parquet", "otlp": "otlp"}.get(asked.format)
    if extra:
        _need(f"..telemetry.exports.{extra}")
    with open_store(_store(asked)) as store:
        _tell_upgrade(store)
        if asked.format == "otlp":
            print(work.send(store, wanted, asked.endpoint))
        else:
            told = (asked.format, asked.better, asked.branch, Path.cwd())
            parts = work.parts(store, wanted, *told)
            if asked.out:
                _need(".disk").write_parts(Path(asked.out), parts)
            else:
                sys.stdout.buffer.writelines(parts)  # UTF-8, whatever the terminal has
        if asked.format not in ("csv", "parquet") and (left := work.left_out(store, wanted)):
            _tell(left)
    return 0


def _changes(asked: argparse.Namespace) -> int:
    telling, looking = _need(".past.changing"), _need("..telemetry.looks")
    with _need("..telemetry.store").open_store(_store(asked)) as store:
        _tell_upgrade(store)
        looking.look_again(store)
        wanted = store.series(test=asked.test)
        found = [
            one
            for number, one in looking.looks(store).items()
            if number in wanted and asked.metric in (None, one.series.metric)
        ]
        commits = {
            (name, place): commit
            for name, places in telling.places_of(found).items()
            for place in sorted(places)
            for commit in store.commits(name, place, place)
        }
    if asked.output_format == "json":
        print(telling.as_json(found, commits))
        return 0
    lines = list(telling.as_lines(found, commits))
    print("\n".join(lines) or f"none of {len(found):,} series changed for good")
    return 0


def _site(asked: argparse.Namespace) -> int:
    site, open_store = _need(".past.site.write"), _need("..telemetry.store").open_store
    with open_store(_store(asked)) as store:
        _tell_upgrade(store)
        told, left = site.write_site(store, Path(asked.out), asked.runs)
    for line in left:
        print(f"perflint: {line}", file=sys.stderr)
    print(told)
    return 0


def _copy(asked: argparse.Namespace) -> int:
    open_store = _need("..telemetry.store").open_store
    with open_store(_store(asked)) as store, open_store(asked.to, create=True) as other:
        _tell_upgrade(store)
        rows = _need("..telemetry.copying").copy_all(store, other)
        print(f"{store.name}: {rows:,} rows copied to {other.name}")
    return 0


def _vacuum(asked: argparse.Namespace) -> int:
    with _need("..telemetry.store").open_store(_store(asked)) as store:
        _tell_upgrade(store)
        before = store.stock()
        after = store.forget(
            raw_before=_moment(asked.raw_days),
            runs_before=_moment(asked.days),
            unplaced=_moment(asked.unplaced_days),
        )
        store.vacuum()
        size = store.stock().size
    where = "" if size is None else f", {before.size or 0:,} → {size:,} bytes"
    print(
        f"{store.name}: {plural(before.runs - after.runs, 'run')} deleted, {after.runs:,} kept "
        f"({after.raw:,} with raw times){where}"
    )
    return 0


def _moment(days: int | None) -> str:
    if days is None:
        return ""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


def _store(asked: argparse.Namespace, *, make: bool = False) -> str:
    return store_at(asked.store, Path.cwd(), make=make)


def _tell_upgrade(store: object) -> None:
    if version := getattr(store, "upgraded_from", None):
        _tell(f"the history had schema version {version}, and is upgraded")


def _tell(line: str) -> None:
    print(f"perflint: {line}", file=sys.stderr)


def _width() -> int | None:
    """How wide the terminal is; None where a file or another program reads."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _need(module: str) -> ModuleType:
    """Import a module of ours whose outside package may not be installed."""
    try:
        return import_module(module, __package__)
    except ModuleNotFoundError as error:
        extra = EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise PerflintError(
            f"`perflint history` needs {error.name}: pip install 'torch-perflint[{extra}]'"
        ) from error
