"""Publishes a report from a job of GitHub Actions; what GitHub does not let us goes to the job."""

from collections.abc import Iterator
from pathlib import Path

from .check import annotations_of
from .event import Target
from .github.errors import GitHubError
from .links import Links
from .log_commands import log_commands
from .numbers import plural
from .post import NotPosted, pull_request, warn
from .publish import Published, finished
from .render import render_comment
from .report import Report
from .rows import finding_item
from .summary import append_summary

# GitHub refuses the whole summary of a step beyond a MiB; the comment's Markdown needs a part.
LARGEST_LIST = 700_000


def tell_report(
    report: Report,
    target: Target,
    *,
    token: str | None,
    summary: Path | None = None,
    in_actions: bool = False,
) -> Published:
    """Publish a report and say aloud what became of it.

    A fork's token may write nothing. Then the job summary gets the comment and every finding, and
    the log gets each annotation as a command, which GitHub shows beside the lines. It is no error.
    """
    try:
        done = finished(pull_request(target, token), report)
    except GitHubError as error:
        done = Published(NotPosted(str(error)), failures=(error,))
    in_summary = _fall_back(done, report, summary, in_actions=in_actions)
    if isinstance(done.comment, NotPosted):
        warn(f"{NotPosted(done.comment.reason, bool(in_summary))}", in_actions=in_actions)
    else:
        print(f"perflint: {done.comment}")
    if done.check is not None:
        print(f"perflint: check {done.check.conclusion}: {done.check.url}")
    for problem in dict.fromkeys([*map(str, done.failures), *done.notes]):
        if problem != getattr(done.comment, "reason", ""):
            warn(problem, in_actions=in_actions)
    return done


def all_findings(report: Report) -> str:
    """List every finding, as far as a job summary has room: the comment shows the first ten."""
    links = Links.of(report)
    lines: list[str] = []
    size = 0
    for item in _items(report, links):
        size += len(item.encode()) + 1
        if size > LARGEST_LIST:
            break
        lines.append(item)
    if left := len(report.lint.findings) - len(lines):
        lines.append(f"- … and {plural(left, 'more finding')}, which report.json has")
    return "\n".join(["#### All findings", "", *lines, ""])


def _items(report: Report, links: Links) -> Iterator[str]:
    for finding in report.lint.findings:
        yield f"- {finding_item(finding, links, {})}"


def _fall_back(done: Published, report: Report, summary: Path | None, *, in_actions: bool) -> bool:
    """Put into the job what the pull request could not be told; whether the summary has it."""
    if not done.failures:
        return False
    if done.check is None and in_actions:
        print(log_commands(annotations_of(report)), end="")
    if summary is None:
        return False
    body = render_comment(report)
    if report.lint.findings:
        body = f"{body.rstrip()}\n\n{all_findings(report)}"
    if problem := append_summary(summary, body):
        warn(problem.removeprefix(". "), in_actions=in_actions)
        return False
    return True
