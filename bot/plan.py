"""`perflint plan`: what `perflint ci` would do about a change, without doing it."""

import argparse
import sys
from pathlib import Path

from ..runners.options import orderly_end, parse_options
from ..runners.prepare import RunOptions, select_tests
from ..runners.sides.checkout import check_out
from ..runners.text.progress import Progress
from .before import lint_change, settings_of_runs
from .numbers import about, plural
from .outlook import Outlook, write_outlook

ABOUT = """\
Say how many perf tests a change affects, how long timing them takes at most, and how many new
findings the lint has. It needs no PyTorch and runs nothing of the code: a job that strangers'
pull requests may reach can call it before anybody has allowed them to be measured.

exit status: 0 said; 2 perflint could not do its work: no repository, unknown revision, bad settings
"""


def main(words: list[str]) -> int:
    """Run the command and return its exit status."""
    options = parse_options(_parser(), words)
    outlook = look_ahead(options)
    affected = outlook.affected or 0
    longest = f", about {about(outlook.seconds)} of timing at most" if affected else ""
    tests = plural(affected, "affected perf test")
    print(f"{tests}{longest}; {plural(outlook.findings, 'new finding')}")
    if options.out:
        write_outlook(outlook, options.out)
    return 0


def look_ahead(options: argparse.Namespace) -> Outlook:
    """Say what a run with these options is going to do."""
    with (
        Progress(sys.stderr) as progress,
        orderly_end(),
        check_out(
            Path.cwd(), options.base, options.head, merge_base=options.merge_base
        ) as checkout,
    ):
        progress.say(f"comparing {checkout.words}")
        config = settings_of_runs(checkout.head_root)
        lint = lint_change(checkout, everything=False)
        choice, _ = select_tests(checkout, config, RunOptions())
    affected = choice.selection.affected
    seconds = min(config.total_seconds, affected * config.max_seconds)
    return Outlook(affected, len(lint.findings), seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint plan",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--base", required=True, metavar="REV", help="compare with this commit, branch or tag")
    add("--head", metavar="REV", help="what would be measured (default: the working tree)")
    add("--merge-base", action="store_true", help="compare with where head's history left --base")
    add("--out", type=Path, metavar="FILE", help="also write it as JSON, for the comment to tell")
    return parser
