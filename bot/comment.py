"""`perflint comment`: posts a report as the one comment of a pull request."""

import argparse
import os
from pathlib import Path

from .. import PerflintError
from .event import PUBLIC_API, ActionsRun, Target, this_run
from .report import Report
from .sticky import State, with_marker

HELP = """\
Post a report as the one comment of a pull request: written once, then edited in place. Its check
run ends with the same verdict and annotates the lines, and the labels perf-regression and
perf-regression-acked follow it. --body posts a comment and nothing else.

Inside GitHub Actions the repository, the pull request and the address of the API are known from
the run; elsewhere say --repo and --pr. The token is read from an environment variable, since a
command line can be read by others. It needs the permission `pull-requests: write`, and
`checks: write` for the check run.

Where GitHub does not let us post (a fork's token, a locked conversation, a failure), the reason
is said aloud, the same Markdown and all findings go to the job summary, annotations to the log,
and the exit status is 0: a build never fails because a comment could not be posted. Without a
token, or with a report that cannot be read, it is 2.
"""

EXAMPLES = """\
examples:
  perflint comment report.json
  perflint comment report.json --repo acme/models --pr 5
  perflint comment --body note.md --key notes --dry-run
"""


def main(words: list[str]) -> int:
    """Post the comment that the words ask for, and return the exit status."""
    asked = _parser().parse_args(words)
    if (asked.report is None) == (asked.body is None):
        raise PerflintError("name either REPORT.json or --body FILE.md (`perflint comment --help`)")
    run = this_run()
    report = None if asked.body else _read(asked.report)
    body, state = _markdown(asked.body, run) if report is None else _rendered(report)
    if asked.dry_run:
        print(with_marker(body, asked.key, state))
        return 0
    target = _target(asked, run)
    token = os.environ.get(asked.token_env, "").strip()
    if not token:
        raise PerflintError(
            f"the environment variable {asked.token_env} has no token: set it (in a workflow, "
            f"`env: {{{asked.token_env}: ${{{{ github.token }}}}}}`), name another variable with "
            "--token-env, or only look at the comment with --dry-run"
        )
    summary = run.summary if run else None
    # Only now: PyGithub takes longer to import than everything above.
    from .log import guard
    from .tell import tell_page, tell_report

    if run:
        guard()
    if report is None:
        tell_page(body, target, state, token=token, summary=summary, in_actions=bool(run))
    else:
        tell_report(report, target, token=token, summary=summary, in_actions=bool(run))
    return 0


def _read(path: Path) -> Report:
    from .report import read_report

    return read_report(path)


def _rendered(report: Report) -> tuple[str, State]:
    from .post import state_of
    from .render import render_comment

    return render_comment(report), state_of(report)


def _markdown(path: Path, run: ActionsRun | None) -> tuple[str, State]:
    try:
        body = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PerflintError(f"cannot read the Markdown in {path}: {error}") from error
    if not body.strip():
        raise PerflintError(f"{path} is empty: GitHub takes no empty comment")
    return body, State(run=run.run_id, attempt=run.attempt) if run else State()


def _target(asked: argparse.Namespace, run: ActionsRun | None) -> Target:
    repository = asked.repo or (run.repository if run else None)
    if not repository:
        raise PerflintError("which repository? Outside GitHub Actions say --repo OWNER/NAME")
    number = asked.pr if asked.pr is not None else (run.pull_request if run else None)
    if number is None:
        why = f"this run's event is {run.event!r}" if run else "this is no run of GitHub Actions"
        raise PerflintError(f"which pull request? {why}: say --pr NUMBER")
    api_url = asked.api_url or (run.api_url if run else PUBLIC_API)
    return Target(repository, number, api_url, asked.key)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="perflint comment",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("report", nargs="?", type=Path, metavar="REPORT.json", help="what `perflint ci` wrote")
    add("--body", type=Path, metavar="FILE.md", help="post this Markdown instead of a report")
    add("--repo", metavar="OWNER/NAME", help="default: the repository of the run")
    add("--pr", type=int, metavar="NUMBER", help="default: the pull request of the run's event")
    add(
        "--token-env",
        default="GITHUB_TOKEN",
        metavar="NAME",
        help="variable with the token (GITHUB_TOKEN)",
    )
    add(
        "--api-url",
        metavar="URL",
        help=f"GitHub Enterprise Server: https://HOST/api/v3 ({PUBLIC_API})",
    )
    add(
        "--key",
        default="default",
        help="tells several comments on one pull request apart (default)",
    )
    add("--dry-run", action="store_true", help="print the comment; nothing is sent")
    return parser
