"""The comment while there is no result: a run that goes on, waits, or ended without one."""

from dataclasses import dataclass
from enum import Enum

from ..templates import fill
from . import numbers
from .check import Conclusion
from .links import Links
from .markdown import code, inert, prose
from .outlook import Outlook
from .page import ICONS
from .report import Revision, RunLink
from .state import LONGEST_SAID, LastVerdict

LONGEST_HASH = 64

# How a run without a result is told.
_ENDED = {
    Conclusion.CANCELLED: ("⏹️", "was cancelled"),
    Conclusion.TIMED_OUT: ("⚠️", "took too long and was stopped"),
}


@dataclass(frozen=True, slots=True)
class Running:
    """A run that goes on; `outlook` is None until the job that lints is through.

    `runner` are the labels of the machine that measures, empty where none does yet. `commands` says
    that somebody reads those in comments.
    """

    head: Revision
    outlook: Outlook | None = None
    runner: str = ""
    last: LastVerdict | None = None
    link: RunLink | None = None
    commands: bool = True


class Approval(Enum):
    """How a maintainer allows a run."""

    REVIEW = "review"  # the reviewers of the environment, on the page of the run
    COMMAND = "command"  # `/perflint ok` with the commit


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits until a maintainer allows it; `head.sha` is the whole hash of the commit.

    `outlook` is None where nobody has looked yet. Where there is no run yet, `place` is server
    ("https://github.com") and repository.
    """

    head: Revision
    outlook: Outlook | None = None
    link: RunLink | None = None
    last: LastVerdict | None = None
    approval: Approval = Approval.REVIEW
    from_fork: bool = True
    place: tuple[str, str] | None = None
    commands: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has no result: it was cancelled, took too long, or broke down (a failure)."""

    head: Revision
    conclusion: Conclusion = Conclusion.FAILURE
    why: str = ""
    link: RunLink | None = None
    last: LastVerdict | None = None


def render_running(running: Running) -> str:
    """Write what is known while the run goes on; the last verdict stays visible."""
    links = Links.to(running.link, running.head)
    return fill(
        "running.md.j2",
        head=code(running.head.short),
        runner=code(running.runner, 40) if running.runner else None,
        tests=_tests(running.outlook),
        longest=_longest(running.outlook),
        lint=_findings(running.outlook),
        last=_last(running.last, links),
        footer=_footer(links, "cancel", "help") if running.commands else _footer(links),
    )


def render_waiting(waiting: Waiting) -> str:
    """Write why nothing is measured yet and who can allow it."""
    links = Links.to(waiting.link, waiting.head)
    if waiting.link is None and waiting.place is not None:
        links = Links.at(*waiting.place, waiting.head)
    by_command = waiting.approval is Approval.COMMAND
    return fill(
        "waiting.md.j2",
        head=links.commit(waiting.head),
        from_fork=waiting.from_fork,
        sha=inert(waiting.head.sha, LONGEST_HASH) if by_command else None,
        affected=_tests(waiting.outlook),
        one=waiting.outlook is not None and waiting.outlook.affected == 1,
        lint=_findings(waiting.outlook),
        last=_last(waiting.last, links),
        page=links.run_page(),
        footer=_footer(links, "help") if waiting.commands else _footer(links),
    )


def _footer(links: Links, *commands: str) -> list[str]:
    page = links.run_page()
    return [*([page] if page else []), *(f"`/perflint {word}`" for word in commands)]


def _tests(outlook: Outlook | None) -> str | None:
    if outlook is None or outlook.affected is None:
        return None
    return numbers.plural(outlook.affected, "perf test") if outlook.affected else "no perf test"


def _longest(outlook: Outlook | None) -> str | None:
    return numbers.about(outlook.seconds) if outlook and outlook.affected else None


def render_ended(ended: Ended) -> str:
    """Write that there is no result, and why; the last verdict stays visible."""
    links = Links.to(ended.link, ended.head)
    icon, how = _ENDED.get(ended.conclusion, ("⚠️", "ended without a result"))
    return fill(
        "ended.md.j2",
        icon=icon,
        head=code(ended.head.short),
        how=how,
        why=prose(ended.why) if ended.why.strip() else None,
        last=_last(ended.last, links),
        page=links.run_page(),
    )


def _last(last: LastVerdict | None, links: Links) -> dict[str, str] | None:
    if last is None:
        return None
    return {
        "head": links.commit(Revision(last.head, last.head)),
        # Read back from a comment: only an icon of ours is one.
        "icon": last.icon if last.icon in {*ICONS.values(), "✅"} else "",
        "said": prose(last.said, LONGEST_SAID),
    }


def _findings(outlook: Outlook | None) -> str | None:
    if outlook is None:
        return None
    return (
        numbers.plural(outlook.findings, "new finding") if outlook.findings else "no new findings"
    )
