"""The comment while there is no result yet, running or waiting; no command writes it so far."""

from dataclasses import dataclass

from ..runners.compare import Verdict
from ..templates import fill
from . import numbers
from .links import Links
from .markdown import code
from .report import Revision, RunLink
from .rows import ICONS, NAME_LIMIT


@dataclass(frozen=True, slots=True)
class LastVerdict:
    """What the last finished run of this pull request said first."""

    head: Revision
    test: str
    verdict: Verdict
    change: float | None = None


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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run on a stranger's code that waits until a maintainer allows it.

    `affected` is None where nobody has looked yet.
    """

    head: Revision
    affected: int | None = None
    findings: int | None = None
    link: RunLink | None = None


def render_running(running: Running) -> str:
    """Write what is known while the run goes on; the last verdict stays visible."""
    links = Links.to(running.link, running.head)
    last = running.last
    return fill(
        "running.md.j2",
        head=code(running.head.short),
        done=running.done,
        total=_tests(running.total),
        device=code(running.device, 40) if running.device else None,
        left=None if running.seconds_left is None else numbers.about(running.seconds_left),
        lint=_findings(running.findings),
        last=last
        and {
            "head": links.commit(last.head),
            "icon": ICONS[last.verdict],
            "test": code(last.test, NAME_LIMIT),
            "verdict": last.verdict.value if last.change is None else numbers.percent(last.change),
        },
        page=links.run_page(),
    )


def render_waiting(waiting: Waiting) -> str:
    """Write why nothing is measured yet and who can allow it."""
    links = Links.to(waiting.link, waiting.head)
    return fill(
        "waiting.md.j2",
        head=links.commit(waiting.head),
        affected=_tests(waiting.affected),
        one=waiting.affected == 1,
        lint=_findings(waiting.findings),
        page=links.run_page(),
    )


def _tests(count: int | None) -> str | None:
    return None if count is None else numbers.plural(count, "perf test")


def _findings(count: int | None) -> str | None:
    if count is None:
        return None
    return "no new findings" if count == 0 else numbers.plural(count, "new finding")
