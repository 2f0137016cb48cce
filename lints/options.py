"""What `perflint check` can be told on the command line, one function for each group of options."""

import argparse
from pathlib import Path

from .. import PerflintError

# Each is a file in `outputs/`.
OUTPUT_FORMATS = ("text", "concise", "json", "jsonl", "github", "gitlab", "junit", "sarif")

STATUS = "exit status: 0 nothing to look at, 1 findings, 2 perflint could not do its work"

_CHECK = """\
examples:
  perflint check                           everything below this folder
  perflint src/ train.py                   `check` is what a bare path means
  perflint check --diff-base origin/main   only lines that differ from origin/main
  perflint check --select PFL1,data-parallel --ignore PFL104
  perflint check --fix                     apply the fixes that keep results bit for bit

A finding is silenced by a comment on its statement, or on the line above it:
  total += loss.item()  # perflint: ignore[item-in-hot-path] read once per epoch

Options beat [tool.perflint.lints] in the nearest pyproject.toml (select, ignore, exclude, fail_on).

"""


def check_parser() -> argparse.ArgumentParser:
    """Make the parser of `perflint check`."""
    parser = new_parser("check", "Lint training code for what makes a GPU wait.", _CHECK + STATUS)
    add_scope(parser)
    add_selection(parser)
    add_known(parser)
    add_output(parser)
    add_settings(parser)
    add_status(parser)
    add_fixing(parser)
    add_effort(parser)
    return parser


def add_scope(parser: argparse.ArgumentParser) -> None:
    """Add what says which files and lines are looked at."""
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files and folders; none means this folder, `-` the standard input",
    )
    parser.add_argument(
        "--stdin-filename",
        metavar="NAME",
        help="check the standard input as if it were this file; the file itself is not read",
    )
    parser.add_argument(
        "--watch", action="store_true", help="check again whenever a file changes, until Ctrl-C"
    )
    parser.add_argument(
        "--hook",
        action="store_true",
        help="pass over given files that are gone or are no Python, as a hook may name them",
    )
    group = parser.add_argument_group("which lines")
    group.add_argument(
        "--diff-base", metavar="REV", help="only lines that the working tree adds to this revision"
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add what says which rules run."""
    group = parser.add_argument_group("which rules")
    group.add_argument(
        "--select",
        type=rule_words,
        action="extend",
        metavar="RULES",
        help="only these: codes, starts of codes, names, ALL; by commas",
    )
    group.add_argument(
        "--ignore", type=rule_words, action="extend", metavar="RULES", help="without these"
    )
    group.add_argument(
        "--extend-select",
        type=rule_words,
        action="extend",
        metavar="RULES",
        help="these too, on top of what runs anyway",
    )
    group.add_argument(
        "--extend-ignore", type=rule_words, action="extend", metavar="RULES", help="as --ignore"
    )
    group.add_argument(
        "--preview",
        action="store_true",
        default=None,
        help="rules that are still on trial, too; by their full code or name they always run",
    )
    group.add_argument(
        "--min-severity",
        metavar="SEVERITY",
        help="show no findings below: error, warning (default), info",
    )
    group.add_argument(
        "--min-confidence",
        metavar="CONFIDENCE",
        help="show no findings below: proven, likely (default), possible",
    )


def add_known(parser: argparse.ArgumentParser) -> None:
    """Add what says which findings are known already."""
    group = parser.add_argument_group("known findings")
    group.add_argument(
        "--baseline", metavar="FILE", help="leave out the findings that this file holds"
    )
    group.add_argument(
        "--write-baseline",
        action="store_true",
        help="make that file of all present findings; it must not exist yet",
    )
    group.add_argument(
        "--add-ignore",
        metavar="[=REASON]",
        help="silence all present findings by comments where they stand",
    )
    group.add_argument(
        "--update-baseline",
        action="store_true",
        help="take out of it what is no longer found; nothing new gets in",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add what says in which form the findings are told, and where to."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--output-format",
        choices=OUTPUT_FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"one of {', '.join(OUTPUT_FORMATS)}; text is the default",
    )
    group.add_argument(
        "--output-file", type=Path, metavar="PATH", help="write there, not to the standard output"
    )
    group.add_argument(
        "--confirmed-by",
        type=Path,
        action="append",
        metavar="FILE",
        help="say what a run has seen of it: what `perflint trace --out` wrote, a "
        "torchtidy_report.json, or a log with torch's warnings of synchronizations; may be given "
        "again",
    )
    group.add_argument(
        "--costs",
        type=Path,
        action="append",
        metavar="FILE",
        help="say what each finding costs in a step, the dearest first: by the report.json of "
        "`perflint ci` or the profile.json of `perflint profile`; may be given again",
    )
    group.add_argument(
        "--statistics",
        action="store_true",
        help="count the findings of each rule instead of listing them (text or json)",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add what shows the settings instead of checking."""
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--show-settings",
        action="store_true",
        help="show what holds for each PATH and where that is said, and check nothing",
    )


def add_status(parser: argparse.ArgumentParser) -> None:
    """Add what says which findings make the command fail."""
    group = parser.add_argument_group("exit status")
    group.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        help="lowest severity that gives status 1: error, warning (default), info, never",
    )
    group.add_argument("--exit-zero", action="store_true", help="status 0 in spite of findings")


def add_effort(parser: argparse.ArgumentParser) -> None:
    """Add what changes how long it takes, and nothing about what is found."""
    group = parser.add_argument_group("effort")
    group.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="processes at most; 0: one a processor"
    )
    group.add_argument("--no-cache", action="store_true", help="remember nothing between runs")
    group.add_argument(
        "--cache-dir", type=Path, metavar="DIR", help="default: .perflint_cache in this folder"
    )
    group.add_argument(
        "--engine",
        choices=["fast", "full"],
        default="fast",
        help="full: show every statement to every rule, to find the same in more time",
    )


def add_fixing(parser: argparse.ArgumentParser) -> None:
    """Add what says which fixes are applied."""
    group = parser.add_argument_group("fixes")
    group.add_argument(
        "--fix",
        action="store_true",
        help="apply the fixes that keep results bit for bit, then show what is left",
    )
    group.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="apply the other fixes too; `perflint explain RULE` says what each can change",
    )
    group.add_argument(
        "--fix-only", action="store_true", help="apply fixes and say nothing of what is left"
    )
    group.add_argument(
        "--diff",
        action="store_true",
        help="change nothing, show the fixes as a patch; status 1 if there are any",
    )
    group.add_argument(
        "-i",
        "--interactive",
        action="store_true",
        help="show each fix, safe or not, and ask whether to apply it",
    )


def is_piped(options: argparse.Namespace) -> bool:
    """Whether the standard input is what is to be checked. Raises PerflintError for a mixture."""
    paths = [str(path) for path in options.paths]
    if options.stdin_filename is None and "-" not in paths:
        return False
    if paths not in ([], ["-"]):
        raise PerflintError("the standard input is checked alone: give `-` or paths, not both")
    return True


def new_parser(command: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Make the parser of a command in the form that all of ours have."""
    return argparse.ArgumentParser(
        prog=f"perflint {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def rule_words(text: str) -> list[str]:
    """Split words at commas. Raises PerflintError where there is none."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise PerflintError("--select, --ignore and their like want at least one rule")
    return words
