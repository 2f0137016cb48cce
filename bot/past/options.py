"""The options of `perflint history export`, `import` and `site`."""

import argparse
from collections.abc import Callable, Sequence

FORMATS = (
    "openmetrics",
    "bencher",
    "github-action-benchmark",
    "pytest-benchmark",
    "oss-ci-benchmark-v3",
    "csv",
    "parquet",
    "otlp",
)
ONLY_FOR = {
    "better": ("github-action-benchmark",),
    "endpoint": ("otlp",),
    "out": tuple(name for name in FORMATS if name != "otlp"),
}
IMPORTED = ("pytest-benchmark", "asv")

Do = Callable[[argparse.Namespace], int]


def positive(word: str) -> int:
    """Read a number above 0."""
    number = int(word)
    if number < 1:
        raise ValueError(word)
    return number


# argparse names the type in its message: "invalid whole number above 0 value: '0'".
positive.__name__ = "whole number above 0"


def add_export(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    parents: Sequence[argparse.ArgumentParser],
    do: Do,
) -> None:
    """Add `export`."""
    parser = actions.add_parser(
        "export",
        parents=list(parents),
        help="write the newest value of each series (csv, parquet: all) for another tool",
    )
    parser.set_defaults(do=do)
    add = parser.add_argument
    add("--format", required=True, choices=FORMATS)
    add("--test", default="", metavar="NAME", help="only this perf test: its name or full id")
    add("--metric", default="", metavar="METRIC", help="only this metric, as throughput")
    add("--hardware", default="", metavar="CLASS", help="only this class of hardware")
    add("--repository", default="", metavar="OWNER/NAME", help="only this repository")
    add("--commit", default="", metavar="SHA", help="the values of this commit")
    add(
        "--better",
        default="",
        choices=("bigger", "smaller"),
        help="github-action-benchmark: which values",
    )
    add("--endpoint", default="", metavar="URL", help="otlp: as http://host:4318/v1/metrics")
    add("--out", default="", metavar="FILE", help="where to write (default: standard output)")


def add_import(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    parents: Sequence[argparse.ArgumentParser],
    do: Do,
) -> None:
    """Add `import`."""
    parser = actions.add_parser(
        "import", parents=list(parents), help="bring in what another tool has saved"
    )
    parser.set_defaults(do=do)
    add = parser.add_argument
    add("path", metavar="PATH", help="a file, or a folder: .benchmarks, asv's results")
    add("--format", required=True, choices=IMPORTED)
    add(
        "--repository",
        default="",
        metavar="OWNER/NAME",
        help="whose results they are (default: the checkout's)",
    )


def add_site(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    parents: Sequence[argparse.ArgumentParser],
    do: Do,
) -> None:
    """Add `site`."""
    parser = actions.add_parser(
        "site", parents=list(parents), help="write pages with plots of all series, for a browser"
    )
    parser.set_defaults(do=do)
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="new, empty, or an older site")
    add(
        "--runs",
        type=positive,
        default=200,
        metavar="N",
        help="pages of runs; default: %(default)s",
    )
