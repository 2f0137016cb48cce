"""The commands `perflint rules` and `perflint explain`."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError
from .options import new_parser

if TYPE_CHECKING:
    from .registry import Known
    from .rule import Rule

_ALL_OF_OURS = ""


def run_rules(words: list[str]) -> int:
    """List the rules, write their pages, or hold them to their promises."""
    parser = new_parser(
        "rules",
        "List the rules: ours, those of installed packages, and those of this project.",
        "examples:\n  perflint rules\n  perflint rules --output-format json\n"
        "  perflint rules --output-format markdown --into docs/rules\n"
        "  perflint rules --test tools.perf_rules\n\n"
        "exit status: 0, 1 where a rule breaks a promise, 2 where one cannot be loaded",
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
    parser.add_argument(
        "--test",
        nargs="?",
        const=_ALL_OF_OURS,
        metavar="MODULE",
        help="hold the rules of a module, or all of your own, to their examples and pages",
    )
    options = parser.parse_args(words)
    if options.into and options.output_format != "markdown":
        parser.error("--into writes pages: say --output-format markdown as well")
    if options.test is not None:
        return _tested(options.test)
    from . import rule_docs
    from .config import load_config
    from .registry import known_rules

    known = known_rules(load_config(Path.cwd()))
    if options.into:
        count = rule_docs.write(known.rules, options.into)
        print(f"{count} pages in {options.into}")
    else:
        forms = {
            "text": rule_docs.as_text,
            "json": rule_docs.as_json,
            "markdown": rule_docs.as_markdown,
        }
        sys.stdout.write(forms[options.output_format](known.rules))
    return _told(known.problems)


def run_explain(words: list[str]) -> int:
    """Show the page of one rule."""
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
    from .show_page import shown

    coloured = wants_colour(sys.stdout, os.environ)
    sys.stdout.write(shown(page(_named(options.rule)), coloured=coloured))
    return 0


def _named(word: str) -> "type[Rule]":
    """Find a rule; what is ours is found whatever state the project's own rules are in."""
    from .config import load_config
    from .registry import all_rules, find, known_rules

    try:
        return find(all_rules(), word)
    except PerflintError:
        known = known_rules(load_config(Path.cwd()))
        _told(known.problems)
        return find(known.rules, word)


def _tested(module: str) -> int:
    from .testing import broken_promises

    known, judged = _own_rules(module)
    broken = 0
    for rule in judged:
        sentences = list(broken_promises(rule))
        broken += bool(sentences)
        for sentence in sentences:
            print(sentence)
    count = f"{len(judged)} rule{'' if len(judged) == 1 else 's'}"
    print(f"{broken} of {count} broke a promise" if broken else f"{count} kept every promise")
    return _told(known.problems) or int(broken > 0)


def _own_rules(module: str) -> "tuple[Known, list[type[Rule]]]":
    """Return all that is known together with a module, and the rules that are to be tested."""
    from dataclasses import replace

    from .config import load_config
    from .registry import all_rules, known_rules

    config = load_config(Path.cwd())
    if module and module not in config.local:
        config = replace(config, local=(*config.local, module))
    known = known_rules(config)
    own = [rule for rule in known.rules if rule not in all_rules()]
    if module:
        own = [rule for rule in own if f".{rule.__module__}.".endswith(f".{module}.")]
    if not own and not known.problems:
        raise PerflintError(
            "there are no rules of your own here: name a module (perflint rules --test "
            "tools.perf_rules), or list it under `local` in [tool.perflint.lints]"
        )
    return known, own


def _told(problems: Iterable[str]) -> int:
    told = [f"perflint: {problem}" for problem in problems]
    if told:
        print(*told, sep="\n", file=sys.stderr)
    return 2 if told else 0
