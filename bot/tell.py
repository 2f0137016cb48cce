"""Tells a pull request from a job of GitHub Actions; what fails there is told in the job itself."""

from collections.abc import Collection, Iterator
from pathlib import Path

from .check import annotations_of
from .event import Target
from .github.client import Client
from .github.errors import GitHubError
from .github.pull_request import PullRequest
from .links import Links
from .log import annotate, warn
from .numbers import plural
from .post import NotPosted, post_comment
from .publish import Published, finished
from .render import render_comment
from .report import Report
from .rows import finding_item
from .state import State
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
    """Publish a report, and say aloud what became of it; `summary` is GITHUB_STEP_SUMMARY's."""
    try:
        # No run keeps this report for a command to come back to.
        done = finished(pull_request(target, token), report, commands=False)
    except GitHubError as error:
        done = Published(NotPosted(str(error)), failures=(error,), page=render_comment(report))
    announce(done, report=report, summary=summary, in_actions=in_actions)
    return done


def tell_page(
    body: str,
    target: Target,
    state: State,
    *,
    token: str | None,
    summary: Path | None = None,
    in_actions: bool = False,
) -> Published:
    """Post Markdown, without its marker, as a comment and nothing else; say what became of it."""
    try:
        done = Published(post_comment(body, pull_request(target, token), state))
    except GitHubError as error:
        done = Published(NotPosted(str(error)), failures=(error,), page=body)
    announce(done, summary=summary, in_actions=in_actions)
    return done


def pull_request(target: Target, token: str | None) -> PullRequest:
    """Open the way to a pull request. Raises GitHubError where the token can be none."""
    if not token:
        raise GitHubError("there is no token: give the step `GITHUB_TOKEN: ${{ github.token }}`")
    return PullRequest(target, Client(token, target.api_url))


def announce(
    done: Published,
    *,
    report: Report | None = None,
    files: Collection[str] | None = None,
    summary: Path | None = None,
    in_actions: bool = False,
) -> None:
    """Say aloud what became of a publication; put into the job what could not be told.

    A fork's token may write nothing. Then the job summary gets the same Markdown and every finding
    of the report, and the log gets each annotation as a command, which GitHub shows beside the
    lines. It is no error.
    """
    if done.failures and done.check is None and report is not None and in_actions:
        annotate(annotations_of(report, files))
    trouble = None
    if done.failures and summary is not None:
        trouble = append_summary(summary, _whole_page(done.page, report))
    if isinstance(done.comment, NotPosted):
        not_posted = NotPosted(done.comment.reason, in_summary=trouble == "")
        warn(f"{not_posted}{trouble or ''}", in_actions=in_actions)
    else:
        print(f"perflint: {done.comment}")
        if trouble:
            warn(trouble.removeprefix(". "), in_actions=in_actions)
    if done.check is not None:
        print(f"perflint: check {done.check.conclusion or done.check.status}: {done.check.url}")
    for problem in dict.fromkeys([*map(str, done.failures), *done.notes]):
        if problem != getattr(done.comment, "reason", ""):
            warn(problem, in_actions=in_actions)


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
        yield f"- {finding_item(finding, links)}"


def _whole_page(page: str, report: Report | None) -> str:
    if report is None or not report.lint.findings:
        return page
    return f"{page.rstrip()}\n\n{all_findings(report)}"
