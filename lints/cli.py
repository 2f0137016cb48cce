"""The linter's commands: `perflint check`, `rules` and `explain`."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .options import check_parser, new_parser

if TYPE_CHECKING:
    from .changed import ChangedLines
    from .check import CheckResult
    from .config import LintConfig


def run(command: str, words: list[str]) -> int:
    """Run one of the room's commands and return the exit status."""
    commands = {"check": _check, "rules": _rules, "explain": _explain}
    return commands[command](words)


def _check(words: list[str]) -> int:
    options = check_parser().parse_args(words)
    from .changed import changed_lines
    from .check import check_paths
    from .output import any_at_least, tell

    root = Path.cwd()
    config = _configured(options)
    paths = options.paths or [root]
    changed = changed_lines(root, options.diff_base) if options.diff_base else None
    result = check_paths(root, paths, config, changed)
    if options.fix or options.unsafe_fixes:
        result = _fixed(result, paths, config, changed, unsafe=options.unsafe_fixes)
    tell(
        result,
        root,
        output_format=options.output_format,
        output_file=options.output_file,
        statistics=options.statistics,
    )
    if result.problems:
        return 2
    return int(any_at_least(result.findings, config.fail_on) and not options.exit_zero)


def _configured(options: argparse.Namespace) -> "LintConfig":
    from .config import load_config, with_command_line
    from .keys import said_by

    return with_command_line(load_config(Path.cwd()), said_by(vars(options)))


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
    parser = new_parser(
        "rules",
        "List the rules.",
        "examples:\n  perflint rules\n  perflint rules --output-format json\n"
        "  perflint rules --output-format markdown --into docs/rules\n\n"
        "exit status: 0, or 2 where a rule cannot be loaded",
    )
    parser.add_argument(
        "--output-format",
        choices=["text", "json", "markdown"],
        default="text",
        help="a table (default), json, or the pages of all rules as Markdown",
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="with markdown: write an index and a file for each page there",
    )
    options = parser.parse_args(words)
    if options.into and options.output_format != "markdown":
        parser.error("--into writes pages: say --output-format markdown as well")
    from . import rule_docs
    from .registry import all_rules

    if options.into:
        count = rule_docs.write(all_rules(), options.into)
        print(f"{count} pages in {options.into}")
        return 0
    forms = {
        "text": rule_docs.as_text,
        "json": rule_docs.as_json,
        "markdown": rule_docs.as_markdown,
    }
    sys.stdout.write(forms[options.output_format](all_rules()))
    return 0


def _explain(words: list[str]) -> int:
    parser = new_parser(
        "explain",
        "Show the page of a rule: what it flags, why that is slow, what to do, when it is fine.",
        "examples:\n  perflint explain item-in-hot-path\n  perflint explain PFL101\n\n"
        "exit status: 0, or 2 where there is no such rule",
    )
    parser.add_argument("rule", metavar="RULE", help="a code or a name")
    options = parser.parse_args(words)
    from .colour import wants_colour
    from .pages import page
    from .registry import all_rules, find
    from .show_page import shown

    coloured = wants_colour(sys.stdout, os.environ)
    sys.stdout.write(shown(page(find(all_rules(), options.rule)), coloured=coloured))
    return 0
