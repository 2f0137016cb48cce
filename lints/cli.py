"""The linter's commands: `perflint check`, `rules` and `explain`."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError

if TYPE_CHECKING:
    from .changed import ChangedLines
    from .check import CheckResult
    from .config import LintConfig

_STATUS = "exit status: 0 nothing to look at, 1 findings, 2 perflint could not do its work"

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


def run(command: str, words: list[str]) -> int:
    """Run one of the room's commands and return the exit status."""
    commands = {"check": _check, "rules": _rules, "explain": _explain}
    return commands[command](words)


def _check(words: list[str]) -> int:
    options = _check_options().parse_args(words)
    from .changed import changed_lines
    from .check import check_paths
    from .output import FORMATS, any_at_least

    root = Path.cwd()
    config = _configured(options)
    paths = options.paths or [root]
    changed = changed_lines(root, options.diff_base) if options.diff_base else None
    result = check_paths(root, paths, config, changed)
    if options.fix or options.unsafe_fixes:
        result = _fixed(result, paths, config, changed, unsafe=options.unsafe_fixes)
    sys.stdout.write(FORMATS[options.output_format](result, root))
    if result.problems:
        if options.output_format == "github":
            # Annotations are read by a machine; whoever reads the log needs the words too.
            print(
                *(f"perflint: {problem}" for problem in result.problems), sep="\n", file=sys.stderr
            )
        return 2
    return int(any_at_least(result.findings, config.fail_on) and not options.exit_zero)


def _check_options() -> argparse.ArgumentParser:
    parser = _parser("check", "Lint training code for what makes a GPU wait.", _CHECK + _STATUS)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files and folders; none means this folder",
    )
    parser.add_argument(
        "--select",
        type=_words,
        action="extend",
        metavar="RULES",
        help="only these: codes, starts of codes, names, ALL; by commas",
    )
    parser.add_argument(
        "--ignore", type=_words, action="extend", metavar="RULES", help="without these"
    )
    parser.add_argument(
        "--diff-base", metavar="REV", help="only lines that the working tree adds to this revision"
    )
    parser.add_argument(
        "--output-format",
        choices=["text", "json", "github"],
        default="text",
        help="text for people (default), json for programs, github for annotations",
    )
    parser.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        help="lowest severity that gives status 1: error, warning (default), info, never",
    )
    parser.add_argument("--exit-zero", action="store_true", help="status 0 in spite of findings")
    parser.add_argument(
        "--fix",
        action="store_true",
        help="apply the fixes that keep results bit for bit, then show what is left",
    )
    parser.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="apply the other fixes too; `perflint explain RULE` says what each can change",
    )
    return parser


def _configured(options: argparse.Namespace) -> "LintConfig":
    from .config import load_config, parse_severity

    config = load_config(Path.cwd())
    if options.select:
        # What the command line selects is wanted, whatever the file says.
        config = replace(config, select=tuple(options.select), ignore=())
    if options.ignore:
        config = replace(config, ignore=(*config.ignore, *options.ignore))
    if options.fail_on:
        config = replace(config, fail_on=parse_severity(options.fail_on))
    return config


def _fixed(
    result: "CheckResult",
    paths: list[Path],
    config: "LintConfig",
    changed: "ChangedLines | None",
    *,
    unsafe: bool,
) -> "CheckResult":
    """Fix file by file and check once more; lines moved by a fix are still those of the change."""
    from .check import check_paths
    from .fix import fix_file

    root = Path.cwd()
    count = 0
    for name in dict.fromkeys(finding.path for finding in result.findings):
        of_file = [finding for finding in result.findings if finding.path == name]
        count += fix_file(root / name, of_file, unsafe=unsafe)
    if not count:
        return result
    print(f"perflint: applied {count} fix{'' if count == 1 else 'es'}", file=sys.stderr)
    return check_paths(root, paths, config, changed)


def _rules(words: list[str]) -> int:
    parser = _parser(
        "rules",
        "List the rules.",
        "examples:\n  perflint rules\n  perflint rules --output-format json\n\n"
        "exit status: 0, or 2 where a rule cannot be loaded",
    )
    parser.add_argument(
        "--output-format",
        choices=["text", "json", "markdown"],
        default="text",
        help="a table (default), json, or the pages of all rules as Markdown",
    )
    options = parser.parse_args(words)
    from .pages import listing

    sys.stdout.write(listing(options.output_format))
    return 0


def _explain(words: list[str]) -> int:
    parser = _parser(
        "explain",
        "Show the page of a rule: what it flags, why that is slow, what to do, when it is fine.",
        "examples:\n  perflint explain item-in-hot-path\n  perflint explain PFL101\n\n"
        "exit status: 0, or 2 where there is no such rule",
    )
    parser.add_argument("rule", metavar="RULE", help="a code or a name")
    options = parser.parse_args(words)
    from .pages import page
    from .registry import all_rules, find

    sys.stdout.write(page(find(all_rules(), options.rule)))
    return 0


def _parser(command: str, description: str, epilog: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"perflint {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise PerflintError("--select and --ignore want at least one rule")
    return words
