"""`perflint ci`: lint, measure and profile a change, and write what there is to tell about it."""

import argparse
import re
import sys
import time
from pathlib import Path

from .. import PerflintError
from ..lints.confirm import read_seen
from ..lints.finding import Severity
from ..runners.options import (
    add_options,
    configured,
    orderly_end,
    parse_options,
    run_options,
)
from ..runners.run import run_perf_tests
from ..runners.selection.explain import show_selection
from ..runners.sides.checkout import check_out
from ..runners.text.progress import Progress
from ..runners.text.screen import wants_color, width
from .before import lint_change, settings_of_runs
from .disk import make_folder, own_folder, write_whole
from .event import this_run
from .gate import FailOn, decide
from .make_report import make_report
from .numbers import plural
from .past import keep
from .render import render_comment
from .report import (
    Report,
    read_report,
    write_report,
)
from .summary import append_summary
from .terminal import render_terminal

# What pytest's -k takes for one word.
_KEYWORD = re.compile(r"[\w:+.\[\]/-]+", re.ASCII)

EPILOG = """\
examples
  perflint ci --base main                       the working tree against main
  perflint ci --base origin/main --head HEAD --merge-base
                                                what a pull request of HEAD would change
  perflint ci --base v1.2 --head v1.3 -k train  two releases, perf tests whose name has "train"
  perflint ci --base HEAD --head HEAD --time-identical
                                                how steady is this machine? Nothing differs here

writes OUT/report.json (all that was found, with raw step times) and OUT/comment.md.

exit status
  0  same, faster, new, unsure, broken on base too, or nothing to measure and no new findings
  1  slower, a counter over its budget, a perf test that fails or hangs with this change only,
     or new findings at or above --fail-on
  2  perflint could not do its work: no repository, unknown revision, bad configuration, no PyTorch
  3  refused: the two sides are not comparable
  130  stopped (Ctrl-C, or a cancelled job): what was measured by then is written all the same
"""


def main(words: list[str]) -> int:
    """Run the command and return its exit status."""
    options = named_tests(parse_options(_parser(), words))
    if options.explain_selection:
        return show_selection(options)
    report, out = run_ci(options)
    print(render_terminal(report, width=width(), color=wants_color()))
    print(f"\nreport   {out / 'report.json'}\ncomment  {out / 'comment.md'}")
    return report.exit_status


def run_ci(options: argparse.Namespace) -> tuple[Report, Path]:
    """Do the whole job for one change; return the report and the folder that it was written to."""
    begin = time.monotonic()
    here = Path.cwd()
    # All that can be wrong with the call is found before the long part begins.
    limits, actions = fail_on(options.fail_on), this_run()
    seen = read_seen(options.confirmed_by or ())
    if options.record is not None:
        keep.check(options.record, here)
    out = Path(options.out).resolve() if options.out else own_folder(here)
    make_folder(out)
    with (
        Progress(sys.stderr) as progress,
        orderly_end(),
        check_out(here, options.base, options.head, merge_base=options.merge_base) as checkout,
    ):
        progress.say(f"comparing {checkout.words}")
        config = configured(settings_of_runs(checkout.head_root), options)
        lint = lint_change(checkout, everything=options.lint_all, seen=seen)
        progress.say(f"lint: {plural(len(lint.findings), 'finding')}")
        run = run_perf_tests(checkout, config, run_options(options), progress.say)
    decision = decide(lint, run, limits)
    link = actions.link if actions else None
    report = make_report(checkout, lint, run, decision, begin, link=link, only=options.k or "")
    comment = render_comment(report)
    if report.run.interrupted:
        _keep_complete(out)
    write_report(report, out / "report.json")
    write_whole(out / "comment.md", comment.encode("utf-8"))
    if options.record is not None:
        print(f"perflint: {keep.keep(report, options.record, here)}", file=sys.stderr)
    if actions and actions.summary and (problem := append_summary(actions.summary, comment)):
        print(f"perflint: the report is complete{problem}", file=sys.stderr)
    return report, out


def _keep_complete(out: Path) -> None:
    """Move a complete result out of the way of one that was stopped: it may have taken an hour."""
    try:
        before = read_report(out / "report.json")
    except PerflintError:
        return  # none is there, or none that anybody could read
    if before.run.interrupted:
        return
    for name in ("report.json", "comment.md"):
        if (out / name).exists():
            (out / name).replace(out / f"complete-{name}")
    print(
        f"perflint: the last complete result is kept as {out / 'complete-report.json'}",
        file=sys.stderr,
    )


def named_tests(options: argparse.Namespace) -> argparse.Namespace:
    """Put what `--tests` names in the place of -k and --all.

    A name may be a node id: pytest knows a test by what stands behind its last `::`, and parameters
    that its -k cannot read are left out.
    """
    names = options.tests.split()
    if not names:
        return options
    if options.k:
        raise PerflintError("--tests and -k both say which perf tests are meant: give one of them")
    options.all = True
    if names != ["all"]:
        words = [name.rpartition("::")[2] for name in names]
        options.k = " or ".join(
            word if _KEYWORD.fullmatch(word) else word.partition("[")[0] for word in words
        )
    return options


def fail_on(words: list[str] | None) -> FailOn:
    """Read the --fail-on words: at most one severity (or never), and perhaps unsure."""
    severities = [word for word in words or () if word != "unsure"]
    if len(severities) > 1:
        raise PerflintError(f"--fail-on takes one severity, not {' and '.join(severities)}")
    severity: Severity | None = Severity.WARNING
    if severities:
        severity = None if severities[0] == "never" else Severity(severities[0])
    return FailOn(severity, unsure="unsure" in (words or ()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint ci",
        description="Lint, measure and profile a change, and write its pull-request comment.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    add = parser.add_argument
    add(
        "--lint-all",
        action="store_true",
        help="report findings on all lines, not only changed ones",
    )
    add(
        "--confirmed-by",
        type=Path,
        action="append",
        metavar="FILE",
        help="say of each finding what a run has seen of it: a trace by `perflint trace --out`, or "
        "what `perflint check --confirmed-by` takes; may be given again",
    )
    add(
        "--fail-on",
        action="append",
        choices=["error", "warning", "info", "never", "unsure"],
        help="new findings from this severity on end in status 1 (default: warning; never: none "
        "do); unsure makes a perf test without a verdict do so too. May be given twice",
    )
    add(
        "--tests",
        default="",
        metavar="NAMES",
        help="what `/perflint run` names: names of perf tests with blanks between, which are run "
        "whether the change affects them or not, or all",
    )
    add(
        "--record",
        nargs="?",
        const="",
        metavar="PATH_OR_URL",
        help="also keep the report in the history: that of the repository, or this one",
    )
    add("--out", metavar="DIR", help="where to write (default: .perflint in the repository)")
    return parser
