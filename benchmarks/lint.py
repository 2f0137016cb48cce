"""Measures perflint's linter beside TorchFix, hotpath-ai, ruff and `ast.parse`, in turn."""

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from environments import cache_folder
from lint_bars import Bar, row, table
from lint_corpus import (
    PEERS,
    SMALL_FROM,
    copy,
    every_nth,
    pick,
    python_files,
    sources,
)
from lint_parts import PARTS, Bench
from lint_timing import CORES
from lint_tools import find_tools, prove_that_all_files_are_read, prove_that_all_see_bait
from torch_perflint import PerflintError, __version__
from torch_perflint.runners.machine.machine import cpu_name


def main() -> int:
    """Print the table; the status is 1 where a bar is missed, 2 where nothing could be measured."""
    options = parse_options()
    try:
        with tempfile.TemporaryDirectory(prefix="perflint-lint-") as scratch:
            return measure(options, Path(scratch).resolve())
    except PerflintError as error:
        print(f"lint.py: {error}", file=sys.stderr)
        return 2


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, help="sample from the packages in this folder; download none"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the files and three rounds: a rehearsal"
    )
    parser.add_argument(
        "--full", action="store_true", help="TorchFix on every file, not on 30: takes minutes"
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often each pair is measured")
    parser.add_argument(
        "--only", choices=list(PARTS), action="append", help="this part; may be given again"
    )
    return parser.parse_args()


def measure(options: argparse.Namespace, scratch: Path) -> int:
    """Prepare, measure part by part, and print each line as it comes, then all of them."""
    before = os.getloadavg()[0]
    bench = prepare(options, scratch)
    bars: list[Bar] = []
    for name in options.only or PARTS:
        for bar in PARTS[name](bench):
            # A bar holds for its number of files; a rehearsal has fewer.
            bar = replace(bar, at_most=None, at_least=None) if options.quick else bar
            print(row(bar), file=sys.stderr, flush=True)
            bars.append(bar)
    print(f"perflint {__version__}, libcst {importlib.metadata.version('libcst')}; ", end="")
    print(*(f"{name} {version}" for name, version in PEERS.items()), sep=", ", end="; ")
    print(f"Python {platform.python_version()}  ")
    cores = f"{len(CORES)} cores" if CORES else "not pinned to a core: this system cannot"
    print(f"{cpu_name()}, {cores}, load {before:.1f} before and {os.getloadavg()[0]:.1f} after  ")
    print(f"{bench.small.describe()} and {bench.large.describe()}")
    if options.quick:
        print("\nA rehearsal (--quick): the bars hold for 300 and 3,000 files only.")
    print(f"\n{table(bars)}", end="")
    return 0 if all(bar.met for bar in bars) else 1


def prepare(options: argparse.Namespace, scratch: Path) -> Bench:
    """Fetch, sample and copy; then let every tool show that it works, which also compiles it."""
    cache = cache_folder()
    root = options.corpus.resolve() if options.corpus else sources(cache)
    tools = find_tools(cache)
    share = 10 if options.quick else 1
    known = [name for name in SMALL_FROM if (root / name).is_dir()]
    small_names = pick(python_files(root, known), 300 // share)
    large_names = sorted(pick(python_files(root), 3000 // share))
    small = copy(root, small_names, scratch / "small")
    by_size = sorted(small.with_torch, key=lambda name: (small.bytes[name], name))
    part = by_size if options.full else every_nth(by_size, max(1, len(by_size) * share // 30))
    bench = Bench(
        tools=tools,
        small=small,
        large=copy(root, large_names, scratch / "large"),
        tenth=copy(root, every_nth(large_names, 10), scratch / "tenth"),
        for_torchfix=copy(root, part, scratch / "torchfix"),
        scratch=scratch,
        rounds=3 if options.quick else options.rounds,
    )
    prove_that_all_see_bait(tools, scratch / "bait")
    prove_that_all_files_are_read(tools, small, scratch / "counted")
    return bench


if __name__ == "__main__":
    sys.exit(main())
