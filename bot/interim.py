"""The comment while there is no result: a run that goes on, waits, or ended without one."""

from dataclasses import dataclass
from enum import Enum

from ..templates import fill
from . import numbers
from .check import Conclusion
from .links import Links
from .markdown import code, inert, prose
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
    """A run that goes on: `done` of `total` tests; `findings` is None until lint is through.

    `total` is None and `device` empty where only the run itself knows them.
    """

    head: Revision
    done: int = 0
    total: int | None = None
    device: str = ""
    seconds_left: float | None = None
    findings: int | None = None
    last: LastVerdict | None = None
    link: RunLink | None = None


class Approval(Enum):
    """How a maintainer allows a run."""

    REVIEW = "review"  # the reviewers of the environment, on the page of the run
    COMMAND = "command"  # `/perflint ok` with the commit


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits until a maintainer allows it; `head.sha` is the whole hash of the commit.

    `affected` is None where nobody has looked yet. Where there is no run yet, `place` is server
    ("https://github.com") and repository.
    """

    head: Revision
    affected: int | None = None
    findings: int | None = None
    link: RunLink | None = None
    last: LastVerdict | None = None
    approval: Approval = Approval.REVIEW
    from_fork: bool = True
    place: tuple[str, str] | None = None


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
        done=running.done,
        total=_tests(running.total),
        device=code(running.device, 40) if running.device else None,
        left=None if running.seconds_left is None else numbers.about(running.seconds_left),
        lint=_findings(running.findings),
        last=_last(running.last, links),
        page=links.run_page(),
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
        affected=_tests(waiting.affected),
        one=waiting.affected == 1,
        lint=_findings(waiting.findings),
        last=_last(waiting.last, links),
        page=links.run_page(),
    )


def _tests(count: int | None) -> str | None:
    return None if count is None else numbers.plural(count, "perf test")


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


def _findings(count: int | None) -> str | None:
    if count is None:
        return None
    return "no new findings" if count == 0 else numbers.plural(count, "new finding")
