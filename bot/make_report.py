"""Makes the report of a run out of what was found: the one place that does."""

import time
from datetime import UTC, datetime

from .. import __version__
from ..runners.result import RunResult
from ..runners.sides.checkout import Checkout
from .gate import Decision
from .report import LintResult, Report, Revision, RunLink


def make_report(
    checkout: Checkout,
    lint: LintResult,
    run: RunResult,
    decision: Decision,
    begin: float,
    *,
    link: RunLink | None = None,
    only: str = "",
) -> Report:
    """Return the report of a run that has just ended; `begin` is of the monotonic clock."""
    head = checkout.head
    return Report(
        perflint=__version__,
        base=Revision(checkout.base.sha, checkout.base.name),
        head=Revision(head.parent or head.sha, head.name, snapshot=head.snapshot),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begin, 1),
        lint=lint,
        run=run,
        status=decision.status,
        status_reasons=decision.reasons,
        link=link,
        only=only,
    )
